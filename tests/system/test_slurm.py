"""What is said about requests that SLURM refuses, or takes and never starts."""

from pathlib import Path

import pytest

from vlae.system import slurm

FOLDER = Path("/home/me/vlae")
LISTED = """\
7|PartitionTimeLimit|rule_train_wildcards_mnist_vlae_1|/home/me/vlae
8|Resources|rule_train_wildcards_mnist_vlae_2|/home/me/vlae
9|PartitionTimeLimit|rule_train_wildcards_mnist_vlae_3|/home/me/other
10|PartitionTimeLimit|(null)|/home/me/vlae
11|QOSNotAllowed|rule_prepare_wildcards_mnist|/home/me/vlae
"""


def test_only_hopeless_jobs_of_this_pipeline_are_stuck():
    found = slurm.stuck(LISTED, FOLDER)
    assert [job.job for job in found] == ["7", "11"]
    said = found[0].message()
    assert "job 7 (rule_train_wildcards_mnist_vlae_1): PartitionTimeLimit. " in said
    assert "train:runtime=MINUTES" in said


def test_nothing_is_listed_without_slurm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm.stuck(slurm._pending(), FOLDER) == []


# Words of SLURM 22.05.
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Batch job submission failed: Invalid partition name specified", "`sinfo"),
        ("Requested node configuration is not available", "gpu_model"),
        ("Invalid account or account/partition combination", "slurm_account"),
        ("Invalid qos specification", "qos"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "runtime"),
        ("/bin/sh: 1: sbatch: not found", "login node"),
        ("/bin/sh: line 1: sbatch: command not found", "login node"),
    ],
)
def test_a_refusal_is_explained_once(words, expected, tmp_path, capsys):
    log = tmp_path / "log"
    log.write_text(f"SLURM sbatch failed. The error message was '{words}'.\n" * 3)
    slurm.explain([str(log)])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vlae: ") and expected in line


def test_other_failures_are_left_to_those_who_know_them(tmp_path, capsys):
    (tmp_path / "log").write_text("vlae train: the loss is not finite at step 7.\n")
    slurm.explain([str(tmp_path / "log")])
    assert capsys.readouterr().err == ""

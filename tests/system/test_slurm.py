"""What is said about requests that SLURM refuses, or takes and never starts."""

from pathlib import Path

import pytest

from vlae.system import slurm
from vlae.system.errors import UserError

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


def commands(folder, *names, script="exit 0"):
    """Put scripts with the names of commands into a folder."""
    for name in names:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The only folder in which commands are found, empty."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def refusal(account=False):
    with pytest.raises(UserError) as caught:
        slurm.check(account)
    return str(caught.value)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(("account", "asks"), [(False, "sacct"), (True, "sacctmgr")])
def test_a_machine_without_slurm(account, asks):
    said = refusal(account)
    assert said.startswith("There is no SLURM on this machine (sbatch, squeue, ")
    assert f", {asks} not found). " in said and "login node" in said


def test_commands_that_are_missing_are_named_alone(path):
    commands(path, "sinfo", "squeue", "scancel", "sacct")
    said = refusal()
    assert "(sbatch not found)" in said and "PATH" in said
    commands(path, "sbatch")
    slurm.check(account=False)
    assert "(sacctmgr not found)" in refusal(account=True)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "echo 'slurm_load_partitions: Unable to contact slurm controller' >&2;"
            "exit 1",
            ": slurm_load_partitions: Unable to contact slurm controller. Nothing",
        ),
        ("echo 'no configuration'; exit 1", ": no configuration. Nothing"),
        ("printf 'a\\n\\nb \\337\\n' >&2; exit 1", ": a; b "),
        ("exit 3", ": sinfo gives no reason. "),
        ("while :; do :; done", ": sinfo has not ended after "),
    ],
)
def test_a_controller_that_does_not_answer(path, monkeypatch, script, reason):
    commands(path, *slurm.ALWAYS_NEEDED, "sacct", script=script)
    monkeypatch.setattr(slurm, "PATIENCE_S", 1.0)
    said = refusal()
    assert said.startswith("SLURM does not answer on this machine: ")
    assert reason in said and "Nothing was submitted" in said


# Words of SLURM 22.05.
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Batch job submission failed: Invalid partition name specified", "`sinfo"),
        ("Requested node configuration is not available", "gpu_model"),
        ("Invalid account or account/partition combination", "slurm_account"),
        ("Invalid qos specification", "qos"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "runtime"),
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

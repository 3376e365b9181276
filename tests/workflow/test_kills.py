"""`kill -9` on a whole Snakemake at random moments; then the same command again."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from workflow_helpers import OPTIONS, ROOT, copied_tree

CONFIG = "tests/workflow/config/kills.yaml"
PART = ["results/figures/figure4.svg"]  # four commands, one of each stage
# Times, hashes of files with times, and what nobody reads as a result.
OTHERS = ("logs/", "benchmarks/", "checkpoints/", "report.html", "report.prov")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The working tree, in which every step of a training is saved."""
    folder = copied_tree(tmp_path_factory.mktemp("tree"))
    rule = folder / "workflow" / "rules" / "train.smk"
    before = "--checkpoints results/checkpoints"
    assert rule.read_text().count(before) == 1
    rule.write_text(
        rule.read_text().replace(before, f"{before} --checkpoint-seconds 0")
    )
    return folder


def environment():
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ours = {"PATH": tools, "OMP_NUM_THREADS": "1"}
    hidden = ("PYTHONPATH", "VLAE_MIRROR", "SNAKEMAKE_PROFILE")
    return {k: v for k, v in os.environ.items() if k not in hidden} | ours


def start(folder, targets):
    log = (folder / "printed.txt").open("w")
    words = [*OPTIONS, "--configfile", CONFIG, "--", *targets]
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *words],
        cwd=folder,
        env=environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that all of it can be killed at one moment
    )


def kill_all(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def unlock(folder, check=0):
    """What `make` does before it calls Snakemake; what it said."""
    finished = subprocess.run(
        [sys.executable, "-m", "vlae", "unlock"],
        cwd=folder,
        env={**environment(), "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == check, finished.stderr
    return finished.stdout + finished.stderr


def results(folder):
    """Contents of every result by name, times apart."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        name = str(path.relative_to(folder / "results"))
        if path.is_file() and path.name[0] != "." and not name.startswith(OTHERS):
            found[name] = path.read_bytes()
            if path.name == "training.json":
                facts = json.loads(found[name])
                found[name] = {k: v for k, v in facts.items() if k != "seconds"}
    return found


def again(folder, targets):
    """The same command, to its end."""
    unlock(folder)
    process = start(folder, targets)
    assert process.wait(timeout=300) == 0, (folder / "printed.txt").read_text()[-5000:]


@pytest.mark.parametrize(
    ("kills", "targets"),
    [
        pytest.param(2, PART, id="2"),
        pytest.param(20, ["all"], id="20", marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_moment_it_ends_with_the_same_results(
    kills, targets, tree, tmp_path
):
    work = Path(shutil.copytree(tree, tmp_path / "work"))
    again(work, targets)
    whole = results(work)
    for name in ("runs", "experiments"):
        assert [n for n in whole if n.startswith(name) and n.endswith(".parquet")]
    wipe(work)
    moments = random.Random(kills)
    killed = ends = 0
    while killed < kills:
        unlock(work)
        process = start(work, targets)
        try:
            assert process.wait(timeout=moments.uniform(0.5, 6)) == 0, printed(work)
        except subprocess.TimeoutExpired:
            kill_all(process)
            killed += 1
        else:  # it was done before: from the start, for the kills that are left
            assert results(work) == whole
            wipe(work)
            ends += 1
    again(work, targets)
    final = results(work)
    assert final.keys() == whole.keys()
    assert [name for name in whole if final[name] != whole[name]] == []
    print(f"{killed} kills, {ends + 1} complete runs")


def printed(folder):
    return (folder / "printed.txt").read_text()[-5000:]


def wipe(folder):
    for name in ("results", ".snakemake"):
        shutil.rmtree(folder / name)


# The lock


@pytest.fixture
def running(tree, tmp_path):
    """A Snakemake whose first job is held, its folder, and that job."""
    work = Path(shutil.copytree(tree, tmp_path / "work"))
    process = start(work, PART)
    try:
        yield work, process, held_job(process)
    finally:
        if process.poll() is None:
            kill_all(process)


def held_job(process):
    parent = psutil.Process(process.pid)
    end = time.monotonic() + 300
    while time.monotonic() < end:
        for child in parent.children(recursive=True):
            try:
                if child.cmdline()[1:3] == ["-m", "vlae"]:
                    child.suspend()
                    return child
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.01)
    raise AssertionError("no job came")


def test_a_lock_is_cleared_only_when_nobody_is_at_work(running):
    work, process, job = running
    said = unlock(work, check=1)
    assert said.startswith(f"vlae unlock: {work} has been locked since 20")
    assert f"process {process.pid} (snakemake)" in said
    assert f"process {job.pid} (vlae prepare)" in said
    os.kill(process.pid, signal.SIGKILL)  # it alone: the job goes on
    process.wait()
    said = unlock(work, check=1)
    assert f"process {process.pid} " not in said
    assert f"still at work: process {job.pid} (vlae prepare). Wait" in said
    job.kill()
    psutil.wait_procs([job])
    with suppress(ProcessLookupError):  # the shell and the tee around it
        os.killpg(process.pid, signal.SIGKILL)
    # By hand, without `make`: Snakemake refuses, and the workflow says what to do.
    locked = start(work, PART)
    assert locked.wait(timeout=300) == 1
    assert "make unlock" in printed(work)
    assert "cannot be locked" in printed(work)
    assert [*(work / ".snakemake" / "locks").iterdir()]
    said = unlock(work)
    assert said.startswith("Cleared the lock of 20")
    assert not (work / ".snakemake" / "locks").exists()
    assert unlock(work) == "", "nothing to say where there is no lock"


def test_a_lock_of_another_machine_is_not_this_ones_to_clear(tmp_path):
    (tmp_path / "src").symlink_to(ROOT / "src")
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").write_text("x\n")
    note = tmp_path / ".snakemake" / "vlae-owner.json"
    note.write_text(json.dumps({"host": "node17", "pid": 42, "started": 0.0}))
    said = unlock(tmp_path, check=1)
    assert "by process 42 on node17, which cannot be seen from" in said
    assert "snakemake --unlock" in said
    assert locks.exists()
    # The note of an earlier call says nothing about this lock.
    os.utime(note, (0, 0))
    assert unlock(tmp_path).startswith("Cleared")
    assert not locks.exists()


def test_a_number_that_another_process_has_now_is_no_owner(tmp_path):
    (tmp_path / "src").symlink_to(ROOT / "src")
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("x\n")
    me = psutil.Process()
    host = os.uname().nodename
    note = tmp_path / ".snakemake" / "vlae-owner.json"
    alive = {"host": host, "pid": me.pid, "started": me.create_time()}
    note.write_text(json.dumps(alive))
    assert f"process {me.pid} (" in unlock(tmp_path, check=1)
    note.write_text(json.dumps({**alive, "started": me.create_time() - 100}))
    assert unlock(tmp_path).startswith("Cleared")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"host": 3}'])
def test_a_broken_note_is_no_owner(content, tmp_path):
    (tmp_path / "src").symlink_to(ROOT / "src")
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("x\n")
    (tmp_path / ".snakemake" / "vlae-owner.json").write_text(content)
    assert "Traceback" not in unlock(tmp_path)
    assert not locks.exists()

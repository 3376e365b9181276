"""Who holds Snakemake's lock, told by its files and by the processes of a machine."""

import json
import os
import socket
import subprocess
import sys

import pytest

from vlae.system import snakemake_state
from vlae.system.snakemake_state import OWNER_FILE, STATE

ME = socket.gethostname()


@pytest.fixture
def locked(tmp_path):
    """A folder with a lock of Snakemake, and a function that writes the note."""
    locks = tmp_path / STATE / snakemake_state.LOCK_FOLDER
    locks.mkdir(parents=True)
    (locks / "0.input.lock").touch()

    def note(**changes):
        snakemake_state.note(tmp_path / STATE)
        path = tmp_path / STATE / OWNER_FILE
        owner = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**owner, **changes}), encoding="utf-8")
        return path

    return tmp_path, note


def test_without_a_lock_there_is_nothing(tmp_path):
    assert snakemake_state.found(tmp_path) is None


def test_jobs_of_slurm_from_this_folder_are_owners(locked, monkeypatch, capsys):
    folder, _ = locked
    tools = folder / "bin"
    tools.mkdir()
    squeue = tools / "squeue"
    squeue.write_text(f"#!/bin/sh\necho 7 {folder}\necho 8 {folder}/other\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    lock = snakemake_state.found(folder)
    assert lock is not None and lock.owners == ("job 7 (SLURM)",)
    squeue.write_text("#!/bin/sh\necho 'cannot reach the controller' >&2\nexit 1\n")
    lock = snakemake_state.found(folder)
    assert lock is not None and lock.stale
    printed = capsys.readouterr()
    assert "queue was not looked at: cannot reach" in printed.out + printed.err


def test_a_lock_without_a_note_is_stale(locked):
    folder, _ = locked
    lock = snakemake_state.found(folder)
    assert lock is not None and lock.stale
    assert lock.owners == () and lock.elsewhere == ""


def test_the_owner_that_left_the_note_is_alive(locked):
    folder, note = locked
    note()
    lock = snakemake_state.found(folder)
    assert lock is not None and not lock.stale
    assert [owner.split(" (")[0] for owner in lock.owners] == [f"process {os.getpid()}"]


@pytest.mark.parametrize(
    "changes",
    [{"started": 1.0}, {"pid": 2**30}, {"pid": "x"}, {"started": None}],
    ids=str,
)
def test_another_process_with_that_number_is_not_the_owner(locked, changes):
    folder, note = locked
    note(**changes)
    lock = snakemake_state.found(folder)
    assert lock is not None and lock.stale


def test_a_note_of_another_machine_is_believed(locked):
    folder, note = locked
    note(host=f"not-{ME}", pid=42)
    lock = snakemake_state.found(folder)
    assert lock is not None and not lock.stale
    assert (lock.owners, lock.elsewhere) == ((), f"process 42 on not-{ME}")


@pytest.mark.parametrize("spoil", ["older", "garbled", "list"])
def test_a_note_that_is_not_about_this_lock_is_ignored(locked, spoil):
    folder, note = locked
    path = note()
    if spoil == "older":
        os.utime(path, (1, 1))
    else:
        path.write_text({"garbled": "{", "list": "[]"}[spoil], encoding="utf-8")
    lock = snakemake_state.found(folder)
    assert lock is not None and lock.stale


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-m", "vlae", "train"], "vlae train"),
        (["-m", "snakemake", "--cores"], "snakemake"),
        (["-m", "vlaes"], ""),
        (["snakemake"], "snakemake"),
    ],
)
def test_kinds_of_processes(words, expected):
    assert snakemake_state._kind(["python", *words]) == expected


def test_a_job_that_still_works_there_is_an_owner(locked):
    folder, _ = locked
    (folder / "vlae.py").write_text("print('up', flush=True); input()\n")
    with subprocess.Popen(
        [sys.executable, "-m", "vlae", "train"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as job:
        assert job.stdout and job.stdout.readline() == "up\n"
        lock = snakemake_state.found(folder)
        job.communicate("\n", timeout=20)
    assert lock is not None
    assert lock.owners == (f"process {job.pid} (vlae train)",)


def test_a_lock_that_is_removed_is_gone(locked):
    folder, _ = locked
    snakemake_state.clear(folder)
    assert snakemake_state.found(folder) is None
    snakemake_state.clear(folder)

"""A real SLURM for tests, with one node that declares five GPUs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import workflow_helpers

from vlae.system.checkout import ROOT

PLACES = [os.environ.get("VLAE_SLURM_TEST"), str(ROOT.parent / "shared" / "slurm")]
CONFIG = "tests/workflow/config/slurm.yaml"
CHECKPOINTS = "--checkpoints results/checkpoints"
# Where start.sh puts a link to its configuration; there is one SLURM per machine.
IN_USE = Path("/etc/slurm/slurm.conf")


def scripts() -> Path | None:
    """Return the folder of start.sh and stop.sh, or None."""
    places = [Path(place) for place in PLACES if place]
    return next((place for place in places if (place / "start.sh").is_file()), None)


def missing() -> str:
    """Return why SLURM cannot run here; empty if it can."""
    if scripts() is None:
        return "no shared/slurm beside the checkout, and VLAE_SLURM_TEST is not set"
    if not shutil.which("sbatch"):
        return "no SLURM: apt-get install --no-install-recommends slurm-wlm munge"
    return "" if os.getuid() == 0 else "a SLURM of our own needs root"


def said(*words: str) -> str:
    """Return what a command of SLURM prints; a busy controller is asked again."""
    for _ in range(5):
        asked = subprocess.run(words, capture_output=True, text=True)
        if asked.returncode == 0:
            break
        time.sleep(2)
    assert asked.returncode == 0, f"{words}: {asked.stderr}"
    return asked.stdout


def until(found: Callable[[], Any], what: str, seconds: float = 600.0) -> Any:
    """Call `found` until its value is true, and return that."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.25)
    return value


class Cluster:
    """munged, slurmctld and slurmd, with all their files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = scripts()
        assert found is not None
        self.scripts = found

    def start(self) -> None:
        """Start every daemon that is not running."""
        settings = {"SLURM_TEST_GPUS": "5", "SLURM_TEST_KILL_WAIT": "5"}
        subprocess.run(
            [str(self.scripts / "start.sh"), str(self.folder)],
            env={**os.environ, **settings},
            check=True,
        )

    def claim(self) -> None:
        """Wait for another test run's SLURM, and stop that of one that was killed.

        A SLURM that does not belong to tests is left alone, and `start` says so.
        """
        if IN_USE.is_symlink():
            other = IN_USE.readlink().parent
            if (other / "owner").exists():
                owner = (other / "owner").read_text()
                until(lambda: owner not in _owners(), f"the SLURM of {owner}", 1200)
                self._stop(other)
        (self.folder / "owner").write_text(_owner(psutil.Process()))

    def stop(self) -> None:
        self._stop(self.folder)

    def _stop(self, folder: Path) -> None:
        stop = [str(self.scripts / "stop.sh"), "--purge", str(folder)]
        subprocess.run(stop, check=True)

    def kill_controller(self) -> None:
        pid = int((self.folder / "slurmctld.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], 10)

    def lose_node(self, folder: Path) -> None:
        """Kill the node with all that runs on it for `folder`, and start it again."""
        os.kill(int((self.folder / "slurmd.pid").read_text()), signal.SIGKILL)
        numbers = self.jobs(folder)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                # slurmstepd names its job, e.g. "slurmstepd: [12.batch]".
                job = re.search(r"slurmstepd: \[(\d+)", " ".join(process.cmdline()))
                if job and job[1] in numbers:
                    # slurmstepd comes first, or it would report how its job ended.
                    for victim in (process, *process.children(recursive=True)):
                        victim.kill()
        said("scontrol", "update", "nodename=node0", "state=down", "reason=test")
        self.start()

    def jobs(self, folder: Path) -> dict[str, dict[str, str]]:
        """Return SLURM's own records of jobs submitted from `folder`, by job number.

        Each has rule and wildcards, state, reason to wait, GPUs (such as gpu:h100:1, or
        empty), and numbers of restarts and processors. SLURM forgets a job after five
        minutes.
        """
        blocks = said("scontrol", "show", "job", "-d", "--oneliner").splitlines()
        found = {}
        for block in blocks:
            fields = dict(f.split("=", 1) for f in block.split() if "=" in f)
            if fields.get("WorkDir") == str(folder):
                found[fields["JobId"]] = {
                    "rule": fields["Comment"],
                    "state": fields["JobState"],
                    "reason": fields["Reason"],
                    "gpus": fields.get("JOB_GRES", "").replace("(null)", ""),
                    "restarts": fields["Restarts"],
                    "cpus": fields["NumCPUs"],
                }
        return found

    def hastened(self, folder: Path) -> dict[str, dict[str, str]]:
        """Return `jobs`, and spare requeued ones their wait of two minutes."""
        found = self.jobs(folder)
        for job, record in found.items():
            if record["state"] == "PENDING" and record["reason"] == "BeginTime":
                said("scontrol", "update", f"jobid={job}", "StartTime=now")
        return found

    def follow(
        self, process: "subprocess.Popen[str]", folder: Path, seconds: float = 900.0
    ) -> dict[str, dict[str, str]]:
        """Wait for Snakemake, and return the last record of each job until then."""
        records: dict[str, dict[str, str]] = {}
        end = time.monotonic() + seconds
        while process.poll() is None:
            assert time.monotonic() < end, (folder / "said").read_text()[-5000:]
            for job, record in self.hastened(folder).items():
                # Once a job has ended, its GPUs are no longer known.
                gpus = record["gpus"] or records.get(job, record)["gpus"]
                records[job] = {**record, "gpus": gpus}
            time.sleep(1)
        return records


def _owner(process: psutil.Process) -> str:
    return f"process {process.pid} of {process.create_time():.2f}"


def _owners() -> set[str]:
    """Return all processes that could own a SLURM, in the words of `_owner`."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.add(_owner(process))
    return found


def end_all(folder: Path) -> None:
    """Kill whatever runs in `folder`."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(folder):
                process.kill()


def copied_tree(folder: Path) -> Path:
    """Copy the working tree; its trainings save a checkpoint twice a second."""
    workflow_helpers.copied_tree(folder)
    rule = folder / "workflow" / "rules" / "train.smk"
    text = rule.read_text()
    assert CHECKPOINTS in text
    often = f"{CHECKPOINTS} --checkpoint-seconds 0.5"
    rule.write_text(text.replace(CHECKPOINTS, often))
    return folder


def submitting(
    folder: Path, *words: str, overlays: Sequence[str] = (CONFIG,)
) -> "subprocess.Popen[str]":
    """Start `snakemake --profile slurm` in `folder`; it prints to the file `said`."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": tools}
    for name in ("PYTHONPATH", "SNAKEMAKE_PROFILE", "CUDA_VISIBLE_DEVICES"):
        environment.pop(name, None)
    options = ["--profile", "slurm", "--slurm-init-seconds-before-status-checks", "5"]
    # The specs say `device: cpu`, since these GPUs do not exist.
    options += ["--set-resources", "train:gpu=1", "--configfile", *overlays]
    # More retries than any training here needs.
    options += ["--retries", "4"]
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *options, *words],
        cwd=folder,
        env=environment,
        stdout=(folder / "said").open("w"),
        stderr=subprocess.STDOUT,
        text=True,
    )


class Training:
    """The process that trains one run, found by its command and its folder.

    Args:
        but: an earlier process of it, which may take a moment to end.
    """

    def __init__(
        self, folder: Path, run: str, but: psutil.Process | None = None
    ) -> None:
        self.folder, self.run, self.but = folder, run, but
        self.process = until(self._found, f"the training of {run}")

    def _found(self) -> psutil.Process | None:
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                there = process.cwd() == str(self.folder)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
            spec = f"results/runs/{self.run}/spec.json"
            # Its parent, a Snakemake, names rule and files as well.
            trains = words[1:4] == ["-m", "vlae", "train"] and spec in words
            if there and trains and process != self.but:
                return process
        return None

    def freeze(self) -> None:
        """Suspend the process at its first checkpoint."""
        until(self._saved, f"a checkpoint of {self.run}")
        self.process.suspend()

    def _saved(self) -> bool:
        log = self.folder / "results" / "logs" / "train" / f"{self.run}.log"
        alive = self.process.is_running()
        assert alive, f"{self.run} has ended:\n{log.read_text()}"
        return any(
            (Path(file.path).parent / "state.safetensors").exists()
            for file in self.process.open_files()
            if "/results/checkpoints/" in file.path
        )

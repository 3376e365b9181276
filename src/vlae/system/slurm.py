"""Requests that SLURM refuses or never starts, and what to change then.

SLURM refuses some requests at once, and Snakemake prints its message; `advice` adds
what to change. Other requests SLURM accepts but never starts. `watch` finds such jobs,
prints SLURM's reason and cancels them, so that nobody waits for ever.
"""

import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SITE_FILE = "slurm/config.yaml"
_LIST_NODES = (
    "`sinfo -o '%P %l %G %c %m'` lists partitions, their limits, GPUs, cores and MB."
)
_ASK_FOR_LESS = (
    f"{_LIST_NODES} Correct slurm_partition or gpu_model in {SITE_FILE}, or ask for "
    "less: `--set-resources train:mem_mb=N`, `threads` in the configuration."
)
_LESS_TIME = (
    f"{_LIST_NODES} Choose a partition with a longer limit in {SITE_FILE}, or ask for "
    "less with `--set-resources train:runtime=MINUTES`: a training that is cut off "
    "continues."
)
_OTHER_ACCOUNT = (
    "`sacctmgr show associations user=$USER` lists accounts and their QOS; set "
    f"slurm_account or qos in {SITE_FILE}."
)
_REFUSED = {
    r"invalid partition": f"There is no such partition. {_LIST_NODES} Correct "
    f"slurm_partition in {SITE_FILE}.",
    r"Requested node configuration is not available": "No node of the partition has "
    f"what the job asks for. {_ASK_FOR_LESS}",
    r"More processors requested than permitted": f"Too many cores. {_ASK_FOR_LESS}",
    r"Requested time limit is invalid": f"Too many minutes. {_LESS_TIME}",
    r"Invalid account|Invalid qos": f"The account may not do that. {_OTHER_ACCOUNT}",
    r"Invalid feature specification": f"No node has that `constraint`. {_ASK_FOR_LESS}",
    r"sbatch: (command )?not found": "There is no SLURM on this machine. Start on a "
    "login node of the cluster, or without `--profile slurm`.",
}
_HOPELESS = {
    "PartitionTimeLimit": "It asks for more minutes than the partition gives. "
    f"{_LESS_TIME}",
    "PartitionConfig": f"No node of the partition can take it. {_ASK_FOR_LESS}",
    "BadConstraints": f"No node has what it asks for. {_ASK_FOR_LESS}",
    "PartitionNodeLimit": f"The partition is too small. {_ASK_FOR_LESS}",
    "AccountNotAllowed": f"The account may not use the partition. {_OTHER_ACCOUNT}",
    "InvalidAccount": f"The account is wrong. {_OTHER_ACCOUNT}",
    "InvalidQOS": f"The QOS is wrong. {_OTHER_ACCOUNT}",
    "QOSNotAllowed": f"The partition does not take the QOS. {_OTHER_ACCOUNT}",
    "AssocMaxGRESPerJob": f"The account may not have the GPU. {_OTHER_ACCOUNT}",
    "QOSMaxGRESPerJob": f"The QOS does not give the GPU. {_OTHER_ACCOUNT}",
    "AssocMaxWallDurationPerJobLimit": "Too many minutes for the account. "
    f"{_LESS_TIME}",
    "QOSMaxWallDurationPerJobLimit": f"Too many minutes for the QOS. {_LESS_TIME}",
}
"""Reasons for which a job can never start, as `squeue` names them."""


@dataclass(frozen=True)
class Stuck:
    """A job that will never start: its number, its rule, and SLURM's reason."""

    job: str
    rule: str
    reason: str

    def message(self) -> str:
        """Return why the job will not start, and what to change."""
        return (
            f"SLURM will never start job {self.job} ({self.rule}): {self.reason}. "
            f"{_HOPELESS[self.reason]} The job is cancelled."
        )


def advice(log: str) -> list[str]:
    """Return what to change for each kind of refusal in a Snakemake log."""
    return [
        sentences
        for pattern, sentences in _REFUSED.items()
        if re.search(pattern, log, re.IGNORECASE)
    ]


def explain(logs: list[str]) -> None:
    """Print `advice` for the log files of a Snakemake run that failed."""
    texts = [Path(log).read_text(encoding="utf-8", errors="replace") for log in logs]
    for sentences in advice("\n".join(texts)):
        print(f"vlae: {sentences}", file=sys.stderr)


def stuck(listed: str, folder: Path) -> list[Stuck]:
    """Return the jobs of Snakemake in `folder` that will never start.

    Args:
        listed: output of `squeue -o '%i|%r|%k|%Z'`.
        folder: working folder of the jobs.
    """
    found = []
    for line in listed.splitlines():
        job, reason, comment, where = [*line.split("|"), "", "", ""][:4]
        if (
            reason in _HOPELESS
            and comment.startswith("rule_")
            and Path(where) == folder
        ):
            found.append(Stuck(job, comment, reason))
    return found


def watch(folder: Path, seconds: float = 30.0) -> None:
    """Start to print and cancel jobs that will never start, until this process ends.

    Args:
        folder: working folder of the jobs.
        seconds: time between two looks at the queue.
    """

    def look() -> None:
        while True:
            time.sleep(seconds)
            for job in stuck(_pending(), folder):
                print(f"vlae: {job.message()}", file=sys.stderr, flush=True)
                subprocess.run(["scancel", job.job], capture_output=True)

    threading.Thread(target=look, name="hopeless SLURM jobs", daemon=True).start()


def _pending() -> str:
    command = ["squeue", "--me", "--noheader", "-t", "PENDING", "-o", "%i|%r|%k|%Z"]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""

"""What SLURM says of a wrong request, and what to change then.

SLURM refuses some requests at once, and Snakemake prints its words; `advice` adds what
to change. Others it takes and never starts: such jobs are found by `watch`, named with
SLURM's reason, and cancelled, so that nobody waits for ever.
"""

import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SITE = "slurm/config.yaml"
_NODES = (
    "`sinfo -o '%P %l %G %c %m'` lists partitions, their limits, GPUs, cores and MB."
)
_RULES = (
    f"{_NODES} Correct slurm_partition or gpu_model in {SITE}, or ask for less: "
    "`--set-resources train:mem_mb=N`, `threads` in the configuration."
)
_TIME = (
    f"{_NODES} Choose a partition with a longer limit in {SITE}, or ask for less with "
    "`--set-resources train:runtime=MINUTES`: a training that is cut off continues."
)
_ACCOUNT = (
    "`sacctmgr show associations user=$USER` lists accounts and their QOS; set "
    f"slurm_account or qos in {SITE}."
)
_REFUSED = {
    r"invalid partition": f"There is no such partition. {_NODES} Correct "
    f"slurm_partition in {SITE}.",
    r"Requested node configuration is not available": "No node of the partition has "
    f"what the job asks for. {_RULES}",
    r"More processors requested than permitted": f"Too many cores. {_RULES}",
    r"Requested time limit is invalid": f"Too many minutes. {_TIME}",
    r"Invalid account|Invalid qos": f"The account may not do that. {_ACCOUNT}",
    r"Invalid feature specification": f"No node has that `constraint`. {_RULES}",
    r"sbatch: (command )?not found": "There is no SLURM on this machine. Start on a "
    "login node of the cluster, or without `--profile slurm`.",
}
_HOPELESS = {
    "PartitionTimeLimit": f"It asks for more minutes than the partition gives. {_TIME}",
    "PartitionConfig": f"No node of the partition can take it. {_RULES}",
    "BadConstraints": f"No node has what it asks for. {_RULES}",
    "PartitionNodeLimit": f"The partition is too small. {_RULES}",
    "AccountNotAllowed": f"The account may not use the partition. {_ACCOUNT}",
    "InvalidAccount": f"The account is wrong. {_ACCOUNT}",
    "InvalidQOS": f"The QOS is wrong. {_ACCOUNT}",
    "QOSNotAllowed": f"The partition does not take the QOS. {_ACCOUNT}",
    "AssocMaxGRESPerJob": f"The account may not have the GPU. {_ACCOUNT}",
    "QOSMaxGRESPerJob": f"The QOS does not give the GPU. {_ACCOUNT}",
    "AssocMaxWallDurationPerJobLimit": f"Too many minutes for the account. {_TIME}",
    "QOSMaxWallDurationPerJobLimit": f"Too many minutes for the QOS. {_TIME}",
}
"""Reasons that no waiting ends, as `squeue` names them."""


@dataclass(frozen=True)
class Stuck:
    """A job that will never start: SLURM's number, its rule, and SLURM's reason."""

    job: str
    rule: str
    reason: str

    def message(self) -> str:
        return (
            f"SLURM will never start job {self.job} ({self.rule}): {self.reason}. "
            f"{_HOPELESS[self.reason]} The job is cancelled."
        )


def advice(log: str) -> list[str]:
    """What to change, for each kind of refusal in the text of a Snakemake log."""
    return [
        words
        for pattern, words in _REFUSED.items()
        if re.search(pattern, log, re.IGNORECASE)
    ]


def explain(logs: list[str]) -> None:
    """Print `advice` on the log files of a Snakemake run that failed."""
    texts = [Path(log).read_text(errors="replace") for log in logs]
    for words in advice("\n".join(texts)):
        print(f"vlae: {words}", file=sys.stderr)


def stuck(listed: str, folder: Path) -> list[Stuck]:
    """Hopeless jobs of Snakemake in `folder`, from `squeue -o '%i|%r|%k|%Z'`."""
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
    """From now on, name and cancel hopeless jobs, until this process ends."""

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

"""Whether SLURM is there, and requests that it refuses or never starts.

`check` finds out before the first job is submitted. SLURM refuses some requests at
once, and Snakemake prints its message; `advice` adds what to change. Other requests
SLURM accepts but never starts. `watch` finds such jobs, prints SLURM's reason and
cancels them, so that nobody waits for ever.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from vlae.system.errors import UserError

ALWAYS_NEEDED = ("sbatch", "squeue", "scancel", "sinfo")
"""Commands of SLURM without which no job is submitted, followed or ended."""
PATIENCE_S = 120.0
"""Seconds for the controller's first answer, more than SLURM's own limits."""
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


def check(account: bool) -> None:
    """Raise UserError unless SLURM can take jobs from this machine.

    Args:
        account: whether jobs name an account by default. Where they do, the account is
            looked up with another command than where one has to be guessed.
    """
    needed = (*ALWAYS_NEEDED, "sacctmgr" if account else "sacct")
    missing = [name for name in needed if not shutil.which(name)]
    names = ", ".join(missing)
    if len(missing) == len(needed):
        raise UserError(
            f"There is no SLURM on this machine ({names} not found). Start on a login "
            "node of the cluster, or without `--profile slurm`."
        )
    if missing:
        raise UserError(
            f"SLURM is incomplete on this machine ({names} not found). Add the folder "
            "of its commands to PATH (`module load slurm` at some sites), or start on "
            "a login node of the cluster."
        )
    try:
        asked = subprocess.run(
            ["sinfo", "--noheader", "--format=%P"],
            capture_output=True,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        why = f"sinfo has not ended after {PATIENCE_S:.0f} s"
    else:
        if not asked.returncode:
            return
        lines = os.fsdecode(asked.stderr or asked.stdout).split("\n")
        why = "; ".join(filter(None, map(str.strip, lines))) or "sinfo gives no reason"
    raise UserError(
        f"SLURM does not answer on this machine: {why}. Nothing was submitted. If "
        "`sinfo` works on another login node, start there; else ask the site, and call "
        "again later."
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
        listed = subprocess.run(command, capture_output=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.fsdecode(listed)  # it holds paths

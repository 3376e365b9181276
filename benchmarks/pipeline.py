"""How long the pipeline takes to start, and what it adds to the work of its jobs.

    python benchmarks/pipeline.py [--demo] [--repeats 3]

Measured in a copy of the checkout, as a user meets it:

help        `python -m vlae --help`
plan        `snakemake -n` of the whole paper
first step  from `snakemake` to the end of the first training step of the demo, with
            its data prepared and from nothing. Trainings have one step here, so that
            its end is said at once; then all processes are killed.
whole run   wall time of the demo beside what no schedule of the same work beats: half
            of the sum of its jobs' work (on two cores), or the longest chain of jobs
            if that is more. Work is the time of a job's command less what Python spent
            on importing. Each training has a tenth of its steps, so that starting
            weighs more than it should; with --demo (minutes) it has all.
"""

import importlib.util
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import psutil
from rows import Row, parser, publish
from schedule import bound, jobs

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from vlae.config import configuration
from vlae.config.overlays import merge

CORES = 2
DEMO = ROOT / "config" / "demo.yaml"
NEEDED = (
    *("Snakefile", "environment.yml"),
    *("config", "profiles", "report", "src", "workflow"),
)
IMPORTED = "pandas, seaborn, skimage.morphology, snakemake.cli, torch._dynamo"
"""What jobs import, most of it by way of these."""
FIRST_STEP = re.compile(r"\] 1/1 steps ")
ONE_RUN = "results/runs/strokes/vlae/1/model.safetensors"
LITTLE = {
    "defaults": {"evaluation": {"images": 50}},
    "datasets": {"strokes": {"train": 200, "test": 100}},
}


@dataclass(frozen=True)
class Copy:
    """A copy of the checkout, without results, and the environment of its commands."""

    folder: Path
    environment: dict[str, str]

    def snakemake(self, *words: object) -> list[str]:
        start = [sys.executable, "-m", "snakemake", *map(str, words)]
        return [*start, "--cores", str(CORES)]

    @contextmanager
    def started(
        self, command: list[str], errors: int, **variables: str
    ) -> Iterator["subprocess.Popen[str]"]:
        """A process that is ended, with all that it started, whatever happens here."""
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                kill(process)

    def run(self, command: list[str], **variables: str) -> tuple[float, float, str]:
        """Seconds and seconds of CPU that `command` takes, and its output.

        It must succeed.
        """
        started, before = time.perf_counter(), cpu()
        with self.started(command, subprocess.PIPE, **variables) as process:
            said, errors = process.communicate()
        seconds = time.perf_counter() - started
        if process.returncode:
            sys.exit(f"{' '.join(command)}\n{said}\n{errors}")
        return seconds, cpu() - before, said

    def until(
        self, command: list[str], expected: re.Pattern[str]
    ) -> tuple[float, float]:
        """Seconds, and seconds of CPU, until `command` prints what is expected.

        Then it is killed.
        """
        started = time.perf_counter()
        said = []
        with self.started(command, subprocess.STDOUT) as process:
            for line in process.stdout or ():
                said.append(line)
                if expected.search(line):
                    return time.perf_counter() - started, cpu_of_family(process.pid)
        sys.exit(f"{' '.join(command)}\n{''.join(said)}\nno {expected.pattern}")

    def clear(self) -> None:
        """Forget that anything has run."""
        for name in ("results", ".snakemake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


def cpu() -> float:
    """Seconds of CPU of all commands that ended so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_of_family(pid: int) -> float:
    """Seconds of CPU of a process and all that it started."""
    parent = psutil.Process(pid)
    family = [parent, *parent.children(recursive=True)]
    seconds = 0.0
    for member in family:
        with suppress(psutil.NoSuchProcess):
            # user, system, and both of its children that have ended
            seconds += sum(member.cpu_times()[:4])
    return seconds


def copy(folder: Path) -> Copy:
    """A copy below `folder`. Its commands find modules compiled, as pip leaves them."""
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name)
        else:
            shutil.copy(ROOT / name, checkout / name)
    tools = str(Path(sys.executable).parent)
    unwanted = ("PYTHONDONTWRITEBYTECODE", "SNAKEMAKE_PROFILE")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted}
    environment["PATH"] = os.pathsep.join([tools, os.environ["PATH"]])
    environment["PYTHONPATH"] = str(checkout / "src")
    if not Path(importlib.util.cache_from_source(numpy.__file__)).exists():
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    return Copy(checkout, environment)


def kill(process: "subprocess.Popen[Any]") -> None:
    """Kill a process and all that it started, and wait for their end."""
    if process.poll() is None:
        parent = psutil.Process(process.pid)
        parent.suspend()  # it starts nothing more
        family = [parent, *parent.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family[1:])
    process.wait()


def with_steps(overlays: list[Path], share: float) -> dict[str, Any]:
    """The overlay that gives each training of the demo this share of its steps."""
    found = configuration.load(overlays)
    runs: dict[str, Any] = {}
    for name in [*found.selection.runs(), *found.selection.classifiers()]:
        steps = found.specs.run_spec(name, 0).training.steps
        fewer = {"training": {"steps": max(1, round(share * steps))}}
        runs = merge(runs, {name.dataset: {name.run: fewer}})
    return {"runs": runs}


def timed(
    what: str,
    setting: str,
    times: list[tuple[float, float]],
    target: float | None = None,
) -> Row:
    """A row of seconds; the seconds of CPU, the second of each, go into the note."""
    seconds = tuple(found[0] for found in times)
    note = f"{statistics.median(found[1] for found in times):.2g} s of CPU"
    return Row(what, setting, seconds, "s", target=target, more=False, note=note)


def first_step(
    checkout: Copy, command: list[str], data: Path | None
) -> tuple[float, float]:
    """Times to the first step from nothing, or with `data` as results/data."""
    checkout.clear()
    if data:
        shutil.copytree(data, checkout.folder / "results" / "data")
    return checkout.until(command, FIRST_STEP)


def whole(
    checkout: Copy, command: list[str], setting: str, held: bool
) -> Iterator[Row]:
    """Rows on one run of everything; `held` to the target, or not."""
    checkout.clear()
    wall = checkout.run(command, PYTHONPROFILEIMPORTTIME="1")[0]
    summary = checkout.run([*command, "--detailed-summary"])[-1]
    done = jobs(summary, checkout.folder)
    best, kind = bound(done, CORES)
    yield Row(
        "demo: wall time to the best schedule of its jobs' work",
        f"{setting}, {CORES} cores: {wall:.0f} s to {best:.0f} s ({kind})",
        (wall / best,),
        "x",
        target=1.2 if held else None,
        more=False,
        note="" if held else "with all steps: --demo",
    )
    count = sum(job.seconds > 0 for job in done)
    importing = sum(job.importing for job in done)
    setting = f"{setting}, sum of {count} jobs"
    yield Row("demo: importing", setting, (importing,), "s")


def measure(folder: Path, quick: bool, demo: bool, repeats: int) -> Iterator[Row]:
    checkout = copy(folder)
    vlae = [sys.executable, "-m", "vlae", "--help"]
    if not quick:
        checkout.run([sys.executable, "-c", f"import {IMPORTED}"])
    plan = checkout.snakemake("--dry-run")
    for what, setting, command, target in (
        ("python -m vlae --help", "", vlae, 0.5),
        ("snakemake -n", "whole paper", plan, 5.0),
    ):
        if not quick:
            checkout.run(command)
        times = [checkout.run(command)[:2] for _ in range(repeats)]
        yield timed(what, setting, times, target)

    def overlay(name: str, content: dict[str, Any]) -> Path:
        (checkout.folder / name).write_text(json.dumps(content))
        return checkout.folder / name

    base = [DEMO, *([overlay("little.yaml", LITTLE)] if quick else [])]
    targets = [ONE_RUN] if quick else []
    one = overlay("one.yaml", with_steps(base, 0))
    command = checkout.snakemake(*targets, "--configfile", *base, one)
    checkout.clear()
    checkout.run([*command, "--until", "prepare"])
    data = folder / "data"
    shutil.move(checkout.folder / "results" / "data", data)
    title = "snakemake to the first training step"
    times = [first_step(checkout, command, data) for _ in range(repeats)]
    yield timed(title, "demo, data prepared", times, target=10.0)
    if not quick:
        times = [first_step(checkout, command, None) for _ in range(repeats)]
        yield timed(title, "demo, from nothing", times)

    setting = "all steps"
    if not demo:
        setting = "one step" if quick else "a tenth of the steps"
        fewer = with_steps(base, 0.0 if quick else 0.1)
        base += [overlay("fewer.yaml", fewer)]
    command = checkout.snakemake(*targets, "--configfile", *base)
    yield from whole(checkout, command, setting, held=demo)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--demo", action="store_true", help="the whole demo: minutes")
    options.add_argument("--repeats", type=int, default=3)
    arguments = options.parse_args()
    repeats = 1 if arguments.quick else arguments.repeats
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), arguments.quick, arguments.demo, repeats)
        publish(rows, arguments.rows)


if __name__ == "__main__":
    main()

"""The bound that the benchmark of the pipeline holds its wall time against."""

import subprocess

import psutil
import pytest
from pipeline import kill
from schedule import Job, bound, jobs


def job(work, output, *inputs):
    return Job(work + 1.0, 1.0, frozenset(inputs), frozenset([output]))


CHAIN = [job(4.0, "a"), job(1.0, "b", "a", "source")]


@pytest.mark.parametrize(
    ("extra", "cores", "expected"),
    [
        ([], 1, (5.0, "sum")),
        ([], 2, (5.0, "longest chain")),
        ([job(3.0, "c")], 2, (5.0, "longest chain")),
        ([job(6.0, "c")], 2, (6.0, "longest chain")),
        ([job(5.0, "c"), job(6.0, "d")], 2, (8.0, "sum")),
        ([job(5.0, "c"), job(6.0, "d", "b", "c")], 2, (11.0, "longest chain")),
    ],
)
def test_no_schedule_beats_the_sum_over_the_cores_or_the_longest_chain(
    extra, cores, expected
):
    assert bound([*CHAIN, *extra], cores) == pytest.approx(expected)


def test_work_is_what_a_command_took_without_its_imports(tmp_path):
    for name, text in {
        "logs/train/1.log": (
            "import time: self [us] | cumulative | imported package\n"
            "import time:    250000 |     250000 |   numpy\n"
            "step 1/2\n"
            "import time:   1250000 |    1500000 | torch\n"
        ),
        "benchmarks/train/1.tsv": "s\th:m:s\tmax_rss\n4.0\t0:00:04\t-\n",
        "logs/specs/1.log": "",
    }.items():
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    columns = ["output_file", "date", "rule", "log-file(s)", "input-file(s)"]
    trained = ["now", "train", "results/logs/train/1.log", "spec,card"]
    lines = [
        columns,
        ["model", *trained],
        ["history", *trained],
        ["spec", "now", "run_spec", "results/logs/specs/1.log", ""],
    ]
    summary = "\n".join("\t".join(line) for line in lines)
    train, spec = jobs(summary, tmp_path)
    assert (train.seconds, train.importing, train.work) == (4.0, 1.5, 2.5)
    assert train.inputs == {"spec", "card"}
    assert train.outputs == {"model", "history"}
    assert spec.work == 0 and spec.outputs == {"spec"}
    assert bound([train, spec], 2) == (2.5, "longest chain")


def test_kill_ends_what_a_process_started_too():
    process = subprocess.Popen(
        ["bash", "-c", "(sleep 60; true) & echo started; wait"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    parent = psutil.Process(process.pid)
    while len(family := parent.children(recursive=True)) < 2:
        pass
    kill(process)
    assert not [p for p in (parent, *family) if p.is_running()]

"""The line about the work that is left, fed with what Snakemake logs."""

import logging
import os

import pytest

from vlae.system.work_progress import Job, Listener, WorkProgress, without_progress


class Call:
    """A call of Snakemake whose clock the test moves."""

    def __init__(self, jobs):
        self.now = 1_000_000.0
        self.lines: list[str] = []
        self.progress = WorkProgress(jobs, clock=lambda: self.now)
        self.listener = Listener(self.progress, self.lines.append)

    def event(self, event, **content):
        record = logging.makeLogRecord({"msg": "words", "event": event, **content})
        self.listener.handle(record)

    def start(self, *numbers):
        self.event("job_started", jobs=[*numbers])

    def finish(self, number, after=0.0):
        """Let a job end; return the line that is shown, without its time."""
        self.now += after
        before = len(self.lines)
        self.event("job_finished", job_id=number)
        return "".join(line.partition("] ")[2] for line in self.lines[before:])


def train(run="vlae", seed=1, **options):
    wildcards = {"dataset": "mnist", "run": run, "seed": str(seed)}
    return Job("train", wildcards, **options)


def experiment(name="effects", run="vlae", **options):
    wildcards = {"dataset": "mnist", "run": run, "seed": "1", "experiment": name}
    return Job("experiment", wildcards, **options)


def other(rule, **options):
    return Job(rule, {}, **options)


def numbered(*jobs):
    return dict(enumerate(jobs))


# Counting


def test_work_is_counted_and_specs_are_not():
    call = Call(numbered(*[train(seed=s) for s in range(14)], other("figure")))
    call.start(0, 99)
    assert call.finish(99) == "", "a spec file, of which nothing is known here"
    assert call.finish(0).startswith("trainings 1 of 14, figures 0 of 1 - about ")


def test_the_line_has_the_time_of_day():
    call = Call(numbered(train()))
    call.start(0)
    call.finish(0)
    assert call.lines[0][0] == "[" and call.lines[0][9:].startswith(
        "] trainings 1 of 1"
    )


def test_kinds_come_in_their_order_and_leave_when_they_are_done():
    rules = ("report", "claim", "experiment", "train", "prepare", "download", "figure")
    call = Call(numbered(*map(other, (*rules, "export", "explorer"))))
    assert call.finish(5).startswith(
        "downloads 1 of 1, preparations 0 of 1, trainings 0 of 1, experiments 0 of 1, "
        "figures 0 of 1, claims 0 of 1, explorer 0 of 2, report 0 of 1"
    )
    assert call.finish(4).startswith("preparations 1 of 1, trainings 0 of 1, exp")
    for number in (3, 2, 6, 1, 7, 8):
        call.finish(number)
    assert call.finish(0) == "report 1 of 1"


def test_a_resumed_call_counts_only_what_it_has_to_do_and_says_so():
    done = [train(seed=s, needed=False) for s in range(9)]
    call = Call(numbered(*done, train(seed=9), experiment()))
    assert call.progress.opening() == (
        "work of this call: trainings 1 (9 done already), experiments 1"
    )
    assert call.finish(9).startswith("trainings 1 of 1, experiments 0 of 1")
    assert call.finish(0) == "", "this call did not do it"


def test_without_work_nothing_is_said():
    assert Call({}).progress.opening() == ""
    assert Call(numbered(train(needed=False))).progress.opening() == ""


def test_a_failed_job_is_counted_as_failed_until_it_runs_again():
    call = Call(numbered(train(seed=1), train(seed=2), train(seed=3)))
    call.start(0, 1)
    call.event("job_error", jobid=0)
    assert call.finish(1, 10) == "trainings 1 of 3, 1 failed - about 0:00:10 left"
    call.start(0)
    assert call.finish(0, 10) == "trainings 2 of 3 - about 0:00:10 left"


# Time left


def left(line):
    return line.partition(" - about ")[2]


def test_nothing_is_said_of_the_time_before_anything_is_known():
    call = Call(numbered(other("prepare"), train(), train()))
    call.start(0)
    assert left(call.finish(0, 5)) == ""


def test_one_after_the_other():
    call = Call(numbered(*[train(seed=s) for s in range(5)]))
    call.start(0)
    assert left(call.finish(0, 100)) == "0:06:40 left"
    call.start(1)
    assert left(call.finish(1, 120)) == "0:05:30 left"


def test_two_at_a_time():
    call = Call(numbered(*[train(seed=s) for s in range(6)]))
    call.start(0, 1)
    assert left(call.finish(0, 100)) == "0:03:20 left"  # one is about to end
    call.start(2)
    assert left(call.finish(1, 0)) == "0:03:20 left"
    call.start(3)
    call.now += 100
    assert left(call.finish(2)) == "0:01:40 left"
    assert left(call.finish(3)) == "0:01:40 left"


def test_the_last_job_takes_its_time_however_many_could_run():
    call = Call(numbered(*[train(seed=s) for s in range(9)]))
    call.start(*range(8))
    for number in range(7):
        call.finish(number, 100 if number == 0 else 0)
    call.start(8)
    assert left(call.finish(7)) == "0:01:40 left"


def test_days_are_readable():
    call = Call(numbered(*[train(seed=s) for s in range(31)]))
    call.start(0)
    assert left(call.finish(0, 10_000)) == "3 days, 11:20:00 left"


def test_kinds_of_which_nothing_is_known_are_left_out_by_name():
    call = Call(numbered(train(seed=1), train(seed=2), experiment(), other("figure")))
    call.start(0)
    assert left(call.finish(0, 100)) == "0:01:40 left for trainings"
    call.start(1)
    assert left(call.finish(1, 100)) == "", "of experiments nothing is known"
    call.start(2)
    assert left(call.finish(2, 30)) == "0:00:10 left"  # a figure is assumed


def test_the_next_seed_takes_as_long_as_the_last_one_of_its_run():
    jobs = [train("vlae", 1), train("classifier", 1), train("vlae", 2)]
    call = Call(numbered(*jobs, train("classifier", 2)))
    call.start(0)
    call.finish(0, 600)
    call.start(1)
    assert left(call.finish(1, 20)) == "0:10:20 left"
    call.start(2)
    assert left(call.finish(2, 580)) == "0:00:20 left"


def test_another_run_takes_as_long_as_its_cost_says():
    call = Call(numbered(train("vlae", cost=4.0), train("hvae", cost=1.0)))
    call.start(0)
    assert left(call.finish(0, 400)) == "0:01:40 left"


def test_one_experiment_tells_of_the_same_on_other_runs():
    jobs = [experiment("effects", "a"), experiment("samples", "a")]
    jobs += [experiment("effects", "b"), experiment("samples", "b")]
    call = Call(numbered(*jobs))
    call.start(0)
    call.finish(0, 90)
    call.start(1)
    assert left(call.finish(1, 10)) == "0:01:40 left"
    call.start(3)
    assert left(call.finish(3, 10)) == "0:01:30 left"


# Benchmarks


def benchmark(path, seconds, age=0.0, now=1_000_000.0):
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\t1.0\n", encoding="utf-8")
    os.utime(path, (now - age, now - age))
    return path


def test_earlier_calls_tell_what_this_one_does_not_know(tmp_path):
    earlier = benchmark(tmp_path / "e.tsv", 300, age=9000)
    jobs = [train(needed=False), experiment(needed=False, benchmark=earlier)]
    call = Call(numbered(*jobs, other("prepare"), experiment("effects", "hvae")))
    call.start(2)
    assert left(call.finish(2, 10)) == "0:05:00 left"


def test_what_this_call_measures_counts_more_than_what_earlier_ones_did(tmp_path):
    earlier = benchmark(tmp_path / "e.tsv", 300, age=9000)
    call = Call(numbered(train(seed=1, benchmark=earlier), train(seed=2)))
    call.start(0)
    assert left(call.finish(0, 20)) == "0:00:20 left"


def test_the_time_in_a_queue_is_no_work(tmp_path):
    """Submitted together; all but the first wait for it on a cluster."""
    folder = tmp_path
    jobs = [
        train(
            seed=s, remote=True, log=folder / f"{s}.log", benchmark=folder / f"{s}.tsv"
        )
        for s in range(4)
    ]
    call = Call(numbered(*jobs))
    call.start(0, 1, 2, 3)
    call.now += 500
    benchmark(folder / "0.tsv", 400, now=call.now)
    # 400 seconds of work in 500: three such are still to come.
    assert left(call.finish(0)) == "0:25:00 left"
    call.now += 400
    benchmark(folder / "1.tsv", 400, now=call.now)
    assert left(call.finish(1)) == "0:15:00 left"
    # The log of an earlier attempt is no sign, that of this one is: it nears its end.
    for number, written in ((2, call.now), (3, call.now - 5000)):
        jobs[number].log.write_text("it has started")
        os.utime(jobs[number].log, (written, written))
    assert call.progress._left(call.now) == " - about 0:06:40 left"


@pytest.mark.parametrize("content", ["", "s\n", "s\nx\t1\n", "\x00"])
def test_a_broken_benchmark_is_not_read(content, tmp_path):
    path = tmp_path / "b.tsv"
    path.write_text(content)
    call = Call(numbered(train(seed=1, benchmark=path), train(seed=2)))
    call.start(0)
    assert left(call.finish(0, 60)) == "0:01:00 left"


# It breaks nothing


@pytest.mark.parametrize(
    "content",
    [{}, {"job_id": []}, {"job_id": {}}],
    ids=str,
)
def test_an_error_in_it_is_shown_once_and_the_rest_is_silent(content):
    call = Call(numbered(train(seed=1), train(seed=2)))
    call.event("job_finished", **content)
    (line,) = call.lines
    assert line.startswith("The lines about the work that is left end here (")
    assert line.endswith("The jobs go on.")
    call.start(0)
    assert call.finish(0) == "" and len(call.lines) == 1


@pytest.mark.parametrize("event", [None, "", "job_info", "progress", 3])
def test_other_records_are_ignored(event):
    call = Call(numbered(train()))
    call.event(event)
    call.listener.handle(logging.makeLogRecord({"msg": "words"}))
    assert call.lines == []


def test_jobs_that_nobody_announced_are_counted():
    call = Call(numbered(train(seed=1), train(seed=2)))
    assert call.finish(0) == "trainings 1 of 2"
    call.event("job_error", jobid=77)
    call.start(77)


def test_a_line_may_be_logged_where_it_is_heard():
    """Snakemake's logger gets the line while it hands out the record that caused it."""
    logger = logging.Logger("snakemake")
    said = []
    logger.addHandler(Listener(WorkProgress(numbered(train())), logger.info))
    keep = logging.Handler()
    keep.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(keep)
    logger.info("", extra={"event": "job_finished", "job_id": 0})
    assert [line[10:] for line in said if line] == [" trainings 1 of 1"]


def test_the_message_names_the_error():
    assert "(KeyError: 'x')" in without_progress(KeyError("x"))

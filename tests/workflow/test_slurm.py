"""The pipeline on a real SLURM, undisturbed and with all that happens on clusters."""

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from slurm_cluster import (
    CONFIG,
    Cluster,
    Training,
    copied_tree,
    end_all,
    missing,
    said,
    submitting,
    until,
)
from workflow_helpers import planned

REASON = missing()
REQUIRED = bool(os.environ.get("VLAE_REQUIRE_SLURM"))
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(REASON) and not REQUIRED, reason=REASON),
]
CLASSIFIER = "strokes/classifier/0"
SEEDS = [f"strokes/hvae-matched/{seed}" for seed in (1, 2)]
RUNS = [CLASSIFIER, *SEEDS]
EXPERIMENTS = ("generation", "inference")
WEIGHTS = "results/runs/strokes/classifier/0/model.safetensors"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    assert not REASON
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    found.claim()
    found.start()
    yield found
    found.stop()


def comment(rule, *wildcards):
    """How the executor writes a job's rule and wildcards into SLURM's records."""
    return f"rule_{rule}_wildcards_" + "_".join(wildcards).replace("/", "_")


# Undisturbed


@pytest.fixture(scope="module")
def undisturbed(cluster, tmp_path_factory):
    """A folder in which the pipeline has run under SLURM, and SLURM's records."""
    folder = copied_tree(tmp_path_factory.mktemp("undisturbed"))
    process = submitting(folder)
    records = cluster.follow(process, folder)
    assert process.returncode == 0, (folder / "said").read_text()[-5000:]
    return folder, records.values()


def test_each_training_is_one_gpu_job(undisturbed):
    trainings = {comment("train", run) for run in RUNS}
    found = [r for r in undisturbed[1] if r["rule"] in trainings]
    assert sorted(r["rule"] for r in found) == sorted(trainings)
    assert [r["gpus"] for r in found] == ["gpu:h100:1"] * len(RUNS)


def test_the_experiments_on_one_training_are_one_job(undisturbed):
    """They wait for no other training, and light rules are not jobs."""
    rules = "_".join(f"experiment_{e}" for e in sorted(EXPERIMENTS))
    others = {f"rule_experiments-{run.replace('/', '-')}_{rules}" for run in SEEDS}
    others.add(comment("prepare", "strokes"))
    found = [r["rule"] for r in undisturbed[1] if "train" not in r["rule"]]
    assert sorted(found) == sorted(others)


def test_experiments_of_a_job_take_turns(undisturbed):
    """So the job asks for no more processors than one of them."""
    found = [r["cpus"] for r in undisturbed[1] if "experiments-" in r["rule"]]
    assert found == ["1"] * len(SEEDS)


# Disturbed


def frozen(folder, run, but=None):
    training = Training(folder, run, but)
    training.freeze()
    return training


@pytest.fixture(scope="module")
def events(cluster, undisturbed, tmp_path_factory):
    """A folder in which the same has run, with every training hit in its middle.

    Prepared data are those of the other folder. All trainings hang at their first
    checkpoint, so that what happens finds them there: a requeue, a restart of the
    controller, `scancel`, a time limit, the loss of the node.
    """
    folder = copied_tree(tmp_path_factory.mktemp("disturbed"))
    shutil.copytree(undisturbed[0] / "results/data", folder / "results/data")
    process = submitting(folder)
    try:
        with ThreadPoolExecutor() as pool:
            first = list(pool.map(lambda run: frozen(folder, run), RUNS))
        started = cluster.jobs(folder)
        number = {record["rule"]: job for job, record in started.items()}
        classifier, cancelled, limited = (number[comment("train", run)] for run in RUNS)

        def now(job):
            return cluster.hastened(folder)[job]

        said("scontrol", "update", f"jobid={limited}", "TimeLimit=1")
        said("scontrol", "requeue", classifier)
        until(lambda: now(classifier)["restarts"] == "1", "requeue")
        frozen(folder, CLASSIFIER, but=first[0].process)

        before = [now(classifier), now(cancelled)]
        cluster.kill_controller()
        cluster.start()
        assert [now(classifier), now(cancelled)] == before

        said("scancel", cancelled)
        until(lambda: now(cancelled)["state"] == "CANCELLED", "scancel")
        until(lambda: now(limited)["state"] == "TIMEOUT", "the time limit")

        cluster.lose_node(folder)
        until(lambda: now(classifier)["restarts"] == "2", "the loss of the node")
        cluster.follow(process, folder)
    finally:
        end_all(folder)
    assert process.wait() == 0, (folder / "said").read_text()[-5000:]
    return folder


def test_snakemake_saw_what_happened(events):
    words = (events / "said").read_text()
    assert "SLURM status is: 'CANCELLED'" in words
    assert "SLURM status is: 'TIMEOUT'" in words


@pytest.mark.parametrize("run", RUNS)
def test_each_continues_and_ends_with_the_same_bytes(events, undisturbed, run):
    log = (events / "results" / "logs" / "train" / f"{run}.log").read_text()
    (step,) = re.findall(r"continues from step (\d+) of", log)
    assert int(step) > 0
    for name in ("model.safetensors", "history.parquet"):
        path = f"results/runs/{run}/{name}"
        assert (events / path).read_bytes() == (undisturbed[0] / path).read_bytes()


def test_the_report_is_there_and_its_tables_are_the_same(events, undisturbed):
    page = (events / "results" / "report.html").read_text()
    assert 'id="residuals"' in page and "data:image/webp" in page
    for run in SEEDS:
        for name in ("residuals", "samples"):
            path = f"results/experiments/{run}/{name}.parquet"
            found, expected = ((tree / path) for tree in (events, undisturbed[0]))
            assert found.read_bytes() == expected.read_bytes()


@pytest.mark.slow
def test_an_experiment_that_fails_takes_no_other_with_it(
    cluster, undisturbed, tmp_path
):
    """What its job had finished before is kept, and not computed again."""
    folder = copied_tree(tmp_path / "tree")
    for name in ("data", "runs"):
        shutil.copytree(undisturbed[0] / "results" / name, folder / "results" / name)
    shutil.copytree(undisturbed[0] / ".snakemake", folder / ".snakemake")
    place = folder / "results" / "experiments" / SEEDS[0]
    # The first is done, and the second, whichever it is, fails.
    command = folder / "src" / "vlae" / "commands" / "experiment.py"
    start = "    spec = ExperimentSpec.read(arguments.spec)\n"
    fault = "    assert not any(arguments.arrays.parent.glob('*.npz')), 'a fault'\n"
    assert start in command.read_text()
    command.write_text(command.read_text().replace(start, start + fault))
    wanted = [str(place.relative_to(folder) / f"{name}.npz") for name in EXPERIMENTS]
    process = submitting(folder, "--retries", "0", "--", *wanted)
    cluster.follow(process, folder)
    words = (folder / "said").read_text()
    assert process.returncode == 1 and "a fault" in words, words[-5000:]
    (kept,) = (path.stem for path in place.glob("*.npz"))
    (failed,) = set(EXPERIMENTS) - {kept}
    again = planned(folder, "--", *wanted, config=CONFIG)
    assert {job for job in again if "_spec" not in job} == {
        f"experiment {SEEDS[0]}/{failed}"
    }


# Wrong requests


@pytest.fixture
def refused(cluster, undisturbed, tmp_path):
    """Ask for one training with wrong settings; what was said."""

    def ask(*words, **options):
        folder = copied_tree(tmp_path / "tree")
        shutil.copytree(undisturbed[0] / "results/data", folder / "results/data")
        process = submitting(folder, "--retries", "0", *words, "--", WEIGHTS, **options)
        cluster.follow(process, folder)
        assert process.returncode == 1
        return (folder / "said").read_text()

    return ask


@pytest.mark.slow
def test_a_partition_that_does_not_exist(refused):
    words = refused("--default-resources", "slurm_partition=nosuch", "mem_mb=1000")
    assert "Invalid partition name specified" in words
    assert "vlae: There is no such partition. `sinfo " in words


@pytest.mark.slow
def test_a_request_that_slurm_would_never_start(refused):
    words = refused("--set-resources", "train:gpu=1", "train:runtime=99999")
    assert "SLURM will never start job" in words
    assert "PartitionTimeLimit. It asks for more minutes" in words


@pytest.mark.slow
def test_a_gpu_that_torch_cannot_use(refused):
    words = refused(overlays=AUTO)
    assert "vlae train: device: auto, and the job asked for a GPU" in words


AUTO = ("tests/workflow/config/slurm.yaml", "tests/workflow/config/auto.yaml")

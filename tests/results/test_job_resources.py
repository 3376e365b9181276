"""What jobs ask for, asked as Snakemake asks, but without Snakemake."""

from types import SimpleNamespace

import pytest
from configuration_helpers import resolved

from vlae.config import resources
from vlae.config.selection import RunName
from vlae.results.job_resources import JobResources

CONFIGURATION = resolved({"data_memory_mb": 100})
RESOURCES = JobResources(CONFIGURATION)
TRAINING = SimpleNamespace(dataset="mnist", run="vlae", seed="21")
SPEC = CONFIGURATION.specs.run_spec(RunName("mnist", "vlae"), 21)


@pytest.mark.parametrize(
    ("dataset", "cores", "threads", "cpus"),
    [
        ("celeba", 32, 16, 8),
        ("celeba", 200, 16, 8),
        ("celeba", 7, 3, 8),
        ("celeba", 1, 1, 8),
        ("mnist", 32, 1, 1),
    ],
)
def test_a_preparation_takes_half_of_the_cores_where_it_can_use_them(
    dataset, cores, threads, cpus
):
    wildcards = SimpleNamespace(dataset=dataset)
    assert RESOURCES.preparing_threads(wildcards, cores) == threads
    assert RESOURCES.preparing_cpus(wildcards) == cpus


def test_memory_and_minutes_grow_with_each_attempt(tmp_path):
    arrays = [tmp_path / "train.npy", tmp_path / "test.npy"]
    for array in arrays:
        array.write_bytes(bytes(10**6))
    files = SimpleNamespace(arrays=arrays)
    once = [
        RESOURCES.preparing_memory(TRAINING, 1),
        RESOURCES.preparing_minutes(TRAINING, 1),
        RESOURCES.training_memory(TRAINING, files, 1),
        RESOURCES.training_minutes(TRAINING, 1),
        RESOURCES.experiment_memory("generation", TRAINING, 1),
        RESOURCES.experiment_minutes(TRAINING, 1),
    ]
    thrice = [
        RESOURCES.preparing_memory(TRAINING, 3),
        RESOURCES.preparing_minutes(TRAINING, 3),
        RESOURCES.training_memory(TRAINING, files, 3),
        RESOURCES.training_minutes(TRAINING, 3),
        RESOURCES.experiment_memory("generation", TRAINING, 3),
        RESOURCES.experiment_minutes(TRAINING, 3),
    ]
    assert thrice == [3 * value for value in once]
    settings = CONFIGURATION.content["experiments"]["generation"]
    assert once[2] == resources.training_memory(SPEC, 2 * 10**6, 100)
    assert once[3] == resources.training_minutes(SPEC)
    assert once[4] == resources.experiment_memory(SPEC, settings)


def test_what_the_configuration_says_of_a_training():
    assert RESOURCES.training_threads(TRAINING) == SPEC.threads == 4
    assert RESOURCES.data_memory(TRAINING) == 100
    assert RESOURCES.wants_gpu(TRAINING)
    on_cpu = JobResources(resolved({"defaults": {"device": "cpu"}}))
    assert not on_cpu.wants_gpu(TRAINING)

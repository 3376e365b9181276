"""What jobs ask for: threads, GPUs, memory, minutes.

How much is answered by vlae.config.resources, which is tested without Snakemake. Memory and
minutes grow with each attempt.
"""

from vlae.config import resources as needs
from vlae.system import gpus, slurm

GPUS = gpus.count()
# As many trainings at a time as there are GPUs, but for `--resources gpu=N`.
if "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", max(1, GPUS))


def elsewhere():
    """Whether jobs run on other machines; known only once Snakemake has started.

    A dry run does not know its executor: there `--jobs` tells.
    """
    if workflow.dryrun:
        return bool(workflow.nodes)
    return workflow.remote_exec or workflow.non_local_exec


def preparing_threads(wildcards):
    """Half of the cores, up to 16, where the module can use them.

    With all of them it would wait until no training runs. A job of a cluster has what
    it asked for to itself.
    """
    if workflow.remote_exec:
        return preparing_cpus(wildcards)
    if not CONFIGURATION.parallel(wildcards.dataset):
        return 1
    return max(1, min(32, workflow.cores or 32) // 2)


def preparing_cpus(wildcards):
    """What a cluster is asked for.

    `threads` would not do, here as for trainings: Snakemake cuts it to the cores of the
    machine where it runs, which is no machine of the jobs.
    """
    return 8 if CONFIGURATION.parallel(wildcards.dataset) else 1


def training_threads(wildcards):
    spec = CONFIGURATION.run_spec(name_of(wildcards), int(wildcards.seed))
    return spec["threads"]


def training_gpus(wildcards):
    """1, but for `device: cpu`, and where a machine without a GPU does the work."""
    spec = CONFIGURATION.run_spec(name_of(wildcards), int(wildcards.seed))
    return 0 if spec["device"] == "cpu" or not (elsewhere() or GPUS) else 1


def data_memory(wildcards):
    return CONFIGURATION.content["data_memory_mb"]


def training_memory(wildcards, input, attempt):
    spec = CONFIGURATION.run_spec(name_of(wildcards), int(wildcards.seed))
    images = sum(Path(array).stat().st_size for array in input.arrays)
    return attempt * needs.training_memory(spec, images, data_memory(wildcards))


def training_minutes(wildcards, attempt):
    spec = CONFIGURATION.run_spec(name_of(wildcards), int(wildcards.seed))
    return attempt * needs.training_minutes(spec)


def experiment_memory(wildcards, attempt):
    spec = CONFIGURATION.run_spec(name_of(wildcards), int(wildcards.seed))
    settings = CONFIGURATION.content["experiments"][wildcards.experiment]
    return attempt * needs.experiment_memory(spec, settings)


def experiment_minutes(wildcards, attempt):
    """The longest measured took one minute, at a tenth of the counts of the paper."""
    return attempt * 60


def preparing_memory(wildcards, attempt):
    """Up to 0.9 GB measured; SVHN's `extra` some 2 GB, extrapolated."""
    return attempt * 4000


def preparing_minutes(wildcards, attempt):
    """CelebA took 2 minutes of two cores; slow file systems take longer."""
    return attempt * 60

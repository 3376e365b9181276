"""What jobs ask for: threads, GPUs, memory, minutes.

The numbers are from vlae.results.job_resources; here is only what Snakemake alone
knows: its cores, its GPUs, and whether jobs run on other machines.
"""

from vlae.results.job_resources import JobResources
from vlae.system import gpus, slurm

RESOURCES = JobResources(CONFIGURATION)
GPUS = gpus.count()
# As many trainings at a time as there are GPUs, unless `--resources gpu=N` is given.
if "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", max(1, GPUS))


def elsewhere():
    """Return whether jobs run on other machines; known once Snakemake has started.

    A dry run does not know its executor; there `--jobs` tells.
    """
    if workflow.dryrun:
        return bool(workflow.nodes)
    return workflow.remote_exec or workflow.non_local_exec


def check_slurm():
    """Stop before any job is submitted if SLURM is not there or does not answer."""
    try:
        slurm.check(
            account="slurm_account" in workflow.resource_settings.default_resources
        )
    except UserError as error:
        raise WorkflowError(str(error)) from None


def preparing_threads(wildcards):
    """Return the threads of a preparation; a cluster's job has its CPUs to itself."""
    if workflow.remote_exec:
        return RESOURCES.preparing_cpus(wildcards)
    return RESOURCES.preparing_threads(wildcards, workflow.cores or 32)


def training_gpus(wildcards):
    """Return 1, or 0 with `device: cpu` or on a machine without a GPU."""
    return int(RESOURCES.wants_gpu(wildcards) and bool(elsewhere() or GPUS))


def experiment_gpus(wildcards):
    """Return 1 where there is a GPU and it saves the experiment much time, else 0."""
    return int(RESOURCES.experiment_wants_gpu(wildcards) and bool(elsewhere() or GPUS))

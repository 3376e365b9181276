"""What each job asks for: threads, CPUs, memory and minutes.

Memory and minutes grow with each attempt. The counting itself is in
`vlae.config.resources`.
"""

from pathlib import Path
from typing import Any

from vlae.config import resources
from vlae.config.configuration import Configuration
from vlae.config.run_spec import RunSpec
from vlae.results.targets import Wildcards, run_name

PREPARING_CPUS = 8
"""CPUs that a cluster is asked for where a preparation uses several."""
MAX_PREPARING_THREADS = 16
PREPARING_MEMORY_MB = 4000
"""Up to 0.9 GB was measured; SVHN's `extra` takes some 2 GB, by extrapolation."""
PREPARING_MINUTES = 60
"""CelebA took 2 minutes on two cores; slow file systems take longer."""
EXPERIMENT_MINUTES = 30
"""The longest measured took one minute, at a tenth of the paper's counts."""


class JobResources:
    """Resources of every job that a cluster is given.

    Methods take Snakemake's wildcards and, by the names that Snakemake knows, the job's
    input files and the number of the attempt, from 1.

    Args:
        configuration: the checked configuration.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._content = configuration.content
        self._selection = configuration.selection
        self._specs = configuration.specs

    # Preparing data

    def preparing_threads(self, wildcards: Wildcards, cores: int) -> int:
        """Return half of the cores, up to 16, where a preparation can use them.

        A preparation that asked for all cores would wait until no training runs.
        """
        if not self._selection.prepares_in_parallel(wildcards.dataset):
            return 1
        return max(1, min(cores // 2, MAX_PREPARING_THREADS))

    def preparing_cpus(self, wildcards: Wildcards) -> int:
        """Return the number of CPUs that a cluster is asked for.

        `threads` would not do, here as for trainings: Snakemake cuts them to the cores
        of the machine where it runs, and the jobs run on others.
        """
        parallel = self._selection.prepares_in_parallel(wildcards.dataset)
        return PREPARING_CPUS if parallel else 1

    def preparing_memory(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the megabytes of a preparation."""
        return attempt * PREPARING_MEMORY_MB

    def preparing_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the minutes of a preparation."""
        return attempt * PREPARING_MINUTES

    # Trainings, and experiments on what was trained

    def training_threads(self, wildcards: Wildcards) -> int:
        """Return the threads of a training, or of an experiment on its result."""
        return self._run_spec(wildcards).threads

    def wants_gpu(self, wildcards: Wildcards) -> bool:
        """Return whether a training, or an experiment on its result, may use a GPU."""
        return self._run_spec(wildcards).device != "cpu"

    def experiment_wants_gpu(self, wildcards: Wildcards) -> bool:
        """Return whether a GPU shortens experiments enough to wait for one."""
        return resources.experiment_wants_gpu(self._run_spec(wildcards))

    def data_memory(self, wildcards: Wildcards) -> int:
        """Return the megabytes of images that a training may keep in memory."""
        memory: int = self._content["data_memory_mb"]
        return memory

    def training_memory(self, wildcards: Wildcards, input: Any, attempt: int) -> int:
        """Return the megabytes of a training."""
        images = sum(Path(array).stat().st_size for array in input.arrays)
        spec, limit = self._run_spec(wildcards), self.data_memory(wildcards)
        return attempt * resources.training_memory(spec, images, limit)

    def training_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the minutes of a training."""
        return attempt * resources.training_minutes(self._run_spec(wildcards))

    def training_cost(self, wildcards: Wildcards) -> float:
        """Return how long a training takes in comparison with others."""
        return resources.training_seconds(self._run_spec(wildcards))

    def experiment_memory(
        self, experiment: str, wildcards: Wildcards, attempt: int
    ) -> int:
        """Return the megabytes of an experiment."""
        settings = self._content["experiments"][experiment]
        spec = self._run_spec(wildcards)
        return attempt * resources.experiment_memory(spec, settings)

    def experiment_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the minutes of an experiment."""
        return attempt * EXPERIMENT_MINUTES

    def _run_spec(self, wildcards: Wildcards) -> RunSpec:
        return self._specs.run_spec(run_name(wildcards), int(wildcards.seed))

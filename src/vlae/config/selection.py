"""What the configuration selects: runs by name, and the claims that are judged."""

from dataclasses import dataclass
from typing import Any

from vlae.system import registry

Map = dict[str, Any]


@dataclass(frozen=True)
class RunName:
    """A run of the configuration, as in `dataset/run`."""

    dataset: str
    run: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.run}"


def named(runs: list[str]) -> list[RunName]:
    return [RunName(*run.split("/")) for run in runs]


@dataclass(frozen=True)
class Claims:
    """The claims of a configuration; `content` is its merged files."""

    content: Map

    def names(self) -> list[str]:
        """Claims that are about some run, by figure, the paper's first, then by name.

        The order of the files would not do: overlays mix it up.
        """
        claims = self.content["claims"]
        found = [name for name in claims if self.runs(name)]
        return sorted(found, key=lambda name: (claims[name]["figure"] or "~", name))

    def runs(self, name: str) -> list[RunName]:
        """Runs that a claim is about: its own, or all that its figure shows."""
        claim = self.content["claims"][name]
        if claim["runs"] is not None:
            return named(claim["runs"])
        return named(self.content["figures"].get(claim["figure"], []))

    def controls(self, name: str) -> list[RunName]:
        """Runs that must fail its test, on the data sets of its runs."""
        there = {run.dataset for run in self.runs(name)}
        wanted = named(self.content["claims"][name]["controls"])
        return [run for run in wanted if run.dataset in there]

    def read(self, name: str) -> list[RunName]:
        """All runs whose results it reads, each once."""
        return list(dict.fromkeys([*self.runs(name), *self.controls(name)]))

    def needs(self, name: str) -> list[str]:
        """Experiments that it reads, as its module says."""
        kind = self.content["claims"][name]["kind"]
        return registry.constant("claims", kind, "EXPERIMENTS")

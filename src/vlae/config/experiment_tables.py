"""Which tables an experiment makes, and which experiment makes a table."""

from collections.abc import Iterable

from vlae.system import registry
from vlae.system.errors import UserError


def tables(experiment: str) -> list[str]:
    """Return the names of an experiment's tables, as its module says."""
    named = registry.constant("experiments", experiment, "TABLES")
    return list(named) or [experiment]


def tables_of_all() -> list[str]:
    """Return the names of the tables of all experiments."""
    return [name for each in registry.names("experiments") for name in tables(each)]


def makers(names: Iterable[str]) -> list[str]:
    """Return the experiments that make some tables, each once.

    A table that no experiment makes stands for an experiment of its name, which whoever
    looks for that one finds missing.

    Raises:
        UserError: if two experiments make one table.
    """
    found: dict[str, str] = {}
    for experiment in registry.names("experiments"):
        for table in tables(experiment):
            if table in found:
                raise UserError(
                    f"src/vlae/experiments/{experiment}.py: makes the table '{table}', "
                    f"as {found[table]}.py does; expected another name in TABLES."
                )
            found[table] = experiment
    return list(dict.fromkeys(found.get(name, name) for name in names))

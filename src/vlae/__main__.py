"""Command line: `python -m vlae COMMAND ...`.

A command is a module of `vlae.commands` with `add_arguments(parser)` and
`run(arguments)`; the first line of its docstring is its help. Modules are read,
not imported, until one is called, so that help is instant.
"""

import argparse
import ast
import sys
from pathlib import Path

from vlae.system import memory, registry, signals
from vlae.system.errors import UserError
from vlae.system.progress import say


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if it worked, 1 after a clear message if it did not, 128 and the number of
        the signal if one stopped it.
    """
    words = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="python -m vlae",
        description="Stages of the pipeline; Snakemake calls these, so can you.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in words if not word.startswith("-")), None)
    try:
        with signals.raising():
            for module in registry.names("commands"):
                name, summary = module.replace("_", "-"), _summary(module)
                command = commands.add_parser(name, help=summary, description=summary)
                if name == chosen:
                    registry.load("commands", module).add_arguments(command)
            parsed = parser.parse_args(words)
            registry.load("commands", parsed.command.replace("-", "_")).run(parsed)
    except UserError as error:
        return _fail(chosen, str(error))
    except signals.Stopped as stopped:
        return _fail(chosen, str(stopped), stopped.status)
    except KeyboardInterrupt:  # the second, where the first was to wait
        return _fail(chosen, "stopped at once. What was saved is kept.", 130)
    except (MemoryError, OSError, RuntimeError) as error:
        if not memory.exhausted(error):
            raise
        return _fail(chosen, memory.message(error))
    return 0


def _fail(command: str | None, why: str, status: int = 1) -> int:
    say(f"vlae {command}: {why}", sys.stderr)
    return status


def _summary(command: str) -> str:
    text = (Path(__file__).parent / "commands" / f"{command}.py").read_text()
    return (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]


if __name__ == "__main__":
    sys.exit(main())

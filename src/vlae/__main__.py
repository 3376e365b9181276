"""Command line: `vlae COMMAND ...`, or `python -m vlae COMMAND ...`.

A command is a module of `vlae.commands` with `add_arguments(parser)` and
`run(arguments)`. The first line of its docstring is its help, and its constant `GROUP`
says whom it is for. Modules are read, and not imported, until one is called, so that
help is instant.
"""

import argparse
import ast
import os
import sys
import textwrap
import traceback
from pathlib import Path

from vlae import __version__
from vlae.system import memory, registry, signals
from vlae.system.errors import UserError
from vlae.system.progress import say
from vlae.system.words import accept_any_text

GROUPS = {
    "people": "Commands for people",
    "pipeline": "Commands for the pipeline; you can run them by hand as well",
    "maintainers": "Commands for maintainers of the repository",
}
"""Values of a command's `GROUP`, with their headings in the help."""
DEBUG_VARIABLE = "VLAE_DEBUG"
"""Environment variable that, with the value 1, adds a traceback to a message."""
HELP_WIDTH, SUMMARY_COLUMN = 80, 18


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words of the command line; those of this process unless given.

    Returns:
        0 if the command worked, 1 after a clear message if it did not, and 128 plus the
        number of the signal if a signal stopped it.
    """
    words = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in words if not word.startswith("-")), None)
    accept_any_text(sys.stdout, sys.stderr)
    try:
        with signals.raising():
            parsed = _parser(chosen).parse_args(words)
            _refuse_devices(getattr(parsed, "out", None))
            registry.load("commands", _module(parsed.command)).run(parsed)
    except UserError as error:
        if os.environ.get(DEBUG_VARIABLE) == "1":
            traceback.print_exc()
        return _fail(chosen, str(error))
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] == "vlae":
            raise
        return _fail(chosen, _outside(error.name))
    except signals.Stopped as stopped:
        return _fail(chosen, str(stopped), stopped.status)
    except KeyboardInterrupt:  # a second one, while the first waited for a good moment
        return _fail(chosen, "stopped at once. What was saved is kept.", 130)
    except (MemoryError, OSError, RuntimeError) as error:
        if not memory.exhausted(error):
            raise
        return _fail(chosen, memory.message(error))
    return 0


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands; only the chosen one has its options."""
    summaries = {_command(name): _summary(name) for name in registry.names("commands")}
    parser = argparse.ArgumentParser(
        prog="vlae",
        usage="%(prog)s [--help] [--version] COMMAND ...",
        description="Stages of the pipeline, and what else is made of its results.",
        epilog=_overview(summaries),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS
    )
    for name, summary in summaries.items():
        command = commands.add_parser(name, prog=f"vlae {name}", description=summary)
        if name == chosen:
            registry.load("commands", _module(name)).add_arguments(command)
    return parser


def _overview(summaries: dict[str, str]) -> str:
    """Return the lines of the help that list the commands, group by group."""
    lines = []
    for group, heading in GROUPS.items():
        lines += ["", f"{heading}:"]
        for name, summary in summaries.items():
            if registry.constant("commands", _module(name), "GROUP") == group:
                lines += textwrap.wrap(
                    summary,
                    HELP_WIDTH,
                    initial_indent=f"  {name}".ljust(SUMMARY_COLUMN - 1) + " ",
                    subsequent_indent=" " * SUMMARY_COLUMN,
                )
    lines += ["", "Options of a command: vlae COMMAND --help"]
    return "\n".join(lines[1:])


def _command(module: str) -> str:
    """Return the name of a command as people type it."""
    return module.replace("_", "-")


def _module(command: str) -> str:
    return command.replace("-", "_")


def _summary(command: str) -> str:
    """Return the first line of a command's docstring, without importing it."""
    path = registry.folder("commands") / f"{command}.py"
    text = path.read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]


def _refuse_devices(out: Path | None) -> None:
    """Raise `UserError` for an output that a finished file must not replace."""
    if out is None:
        return
    other = out.exists() and not (out.is_file() or out.is_dir())
    if other or out.absolute().parent == Path("/dev"):
        raise UserError(
            f"--out {out}: expected the name of a file, but this is a device or a "
            "pipe, which the finished file would replace."
        )


def _outside(library: str) -> str:
    """Return the message for a process that was started outside the environment."""
    return (
        f"{sys.executable} has no library '{library}': it is probably not the Python "
        "of the environment. In a clone of the repository run `make env` and `source "
        ".venv/bin/activate`; elsewhere install the package with all that it needs: "
        "`pip install FOLDER_OF_THE_CLONE`."
    )


def _fail(command: str | None, why: str, status: int = 1) -> int:
    say(f"vlae {command}: {why}", sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())

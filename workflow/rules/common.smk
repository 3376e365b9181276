"""The checked configuration, and what all rules share.

Rules name methods of TARGETS (inputs, hashes of code, texts of specs) and of RESOURCES,
which are Python that is tested without Snakemake.
"""

import os
import shlex
import sys
from pathlib import Path

ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from snakemake.exceptions import WorkflowError
from snakemake.settings.enums import Quietness

try:
    from vlae.config import configuration
    from vlae.config.overlays import check_words, from_command_line
    from vlae.results.store import Store
    from vlae.results.targets import Targets
    from vlae.system import git, snakemake_state
    from vlae.system.checkout import check_path
    from vlae.system.errors import UserError
    from vlae.system.words import accept_any_text, readable
except ModuleNotFoundError as error:
    # With --use-conda or in a container, Snakemake itself may come from anywhere.
    raise WorkflowError(
        f"The Python that runs Snakemake, {sys.executable}, has no package "
        f"'{error.name}', which reading the configuration needs. Install it there: "
        f"pip install {error.name}, or conda install -c conda-forge {error.name}. The "
        "environment that `make env` makes has it."
    ) from None

accept_any_text(sys.stdout, sys.stderr)

try:
    check_path()
    check_words(sys.argv)
    GIVEN = from_command_line(readable(dict(workflow.config_settings.config)))
    # The package reads the files itself, on top of those of config/: Snakemake's `config`
    # loses a key that is given twice, and merges what an overlay means to replace.
    CONFIGURATION = configuration.load(workflow.config_settings.configfiles, GIVEN)
    TARGETS = Targets(
        CONFIGURATION,
        main_process=workflow.is_main_process,
        # As the user would name them.
        overlays=[
            readable(os.path.relpath(f)) for f in workflow.config_settings.configfiles
        ],
        given=GIVEN,
        store=Store(workflow.modifier.path_modifier.apply_default_storage),
    )
    TARGETS.check_sources()
except UserError as error:
    raise WorkflowError(str(error)) from None

# Every job finds the package here, whatever environment it runs in, and what it prints
# goes into a log, which is UTF-8 in any locale.
SOURCE = shlex.quote(str(ROOT / "src"))
shell.prefix(f"set -euo pipefail; export PYTHONUTF8=1 PYTHONPATH={SOURCE}; ")

# Snakemake's own message about a lock cannot say whose it is.
LOCK = snakemake_state.found(Path())
if LOCK is not None and LOCK.stale:
    print(
        f"The lock of {LOCK.since} in this folder belongs to a Snakemake that has "
        "ended, as far as this machine can see. If it stops the call, run: make unlock "
        "(in another folder than that of the code: vlae unlock, or add --unlock).",
        file=sys.stderr,
    )

# Said once, and not by every job of a cluster.
if workflow.is_main_process:
    for warning in (snakemake_state.unrecorded(Path()), git.warning()):
        if warning:
            print(warning, file=sys.stderr)


def any_of(names):
    return "|".join(sorted(set(names)))


wildcard_constraints:
    dataset=any_of(CONFIGURATION.content["datasets"]),
    run=any_of(name.run for name in CONFIGURATION.selection.defined_runs()),
    seed=r"\d+",
    experiment=any_of(CONFIGURATION.content["experiments"]),
    figure=any_of(CONFIGURATION.content["figures"]),
    claim=any_of(CONFIGURATION.content["claims"]),
    sweep=any_of(CONFIGURATION.content["sweeps"]),

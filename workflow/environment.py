"""Write the conda environment that installs exactly what requirements.lock pins.

Snakemake copies environment files elsewhere, so the pins are listed, not included.
"""

import re
import sys
from pathlib import Path

# No `nodefaults`: conda 26 takes it for a channel and stops, since there is none of
# that name. Only python and pip come from channels, and conda-forge stands first.
HEAD = """\
# The one environment of every rule, for `snakemake --use-conda`. Generated from
# requirements.lock by `make lock`: the same versions as `make env` installs, for GPU
# and CPU alike: torch comes with CUDA's libraries on Linux and needs none of them.
name: vlae
channels:
  - conda-forge
dependencies:
  - python=3.11.9
  - pip=24.2
  - pip:
"""


def pins(lock: str) -> list[str]:
    """Return the requirements of a lock file with their markers, without hashes."""
    return [m.strip() for m in re.findall(r"^([a-zA-Z0-9].*==.*?)\s*\\?$", lock, re.M)]


def environment(lock: str) -> str:
    """Return the text of environment.yml."""
    return HEAD + "".join(f'    - "{pin}"\n' for pin in pins(lock))


if __name__ == "__main__":
    lock = Path(sys.argv[1]).read_text(encoding="utf-8")
    Path(sys.argv[2]).write_text(environment(lock), encoding="utf-8")

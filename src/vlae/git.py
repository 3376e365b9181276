"""What git says of the folder that we are in."""

import subprocess


def git(*words: str) -> str:
    """What `git WORDS` prints; empty where there is no git, or it fails."""
    try:
        found = subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()

"""Runs the tools that make packages; what they said stands in the failure."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.packages.locked import PackagingError

MADE_AT = "SOURCE_DATE_EPOCH"


def run(*command: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and give its output.

    Raises:
        PackagingError: it failed, or is not there.
    """
    words = [str(word) for word in command]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**inherited, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise PackagingError(f"{words[0]} is not installed") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-4000:]
        raise PackagingError(f"`{' '.join(words)}` failed with {done.returncode}:\n{said}")
    return done.stdout


def made_at_seconds(root: Path) -> str:
    """The instant that files of a package carry: of the last commit, or as the environment says.

    The same tree then makes the same package on every day.
    """
    said = os.environ.get(MADE_AT)
    return said or run("git", "log", "-1", "--format=%ct", cwd=root).strip()

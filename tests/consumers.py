"""Other people's programs over a fake driver: found where they are installed, and run."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

SECONDS_MAX: Final = 60


def installed(name: str) -> str | None:
    """A program, beside this Python or on the path; None where it is not installed."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def script(name: str) -> str:
    """A consumer's program; the test is skipped where it is not installed."""
    found = installed(name)
    if found is None:
        pytest.skip(f"no {name}: pip install {name}")
    return found


def printed(environ: Mapping[str, str], *command: str) -> str:
    """What the program printed."""
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

"""Commands of the server run in the test's own process, as `kashi-server` runs them."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from kashi_server.cli import main


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Done:
    """Run a command as `kashi-server` does, in this process."""
    out, err, mask = io.StringIO(), io.StringIO(), os.umask(0o077)
    with (
        patch.object(sys, "argv", ["kashi-server", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main()
    os.umask(mask)
    code = end.value.code
    return Done(
        returncode=code if isinstance(code, int) else 0,
        stdout=out.getvalue(),
        stderr=err.getvalue(),
    )

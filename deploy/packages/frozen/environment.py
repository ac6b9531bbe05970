"""Runs first in a packaged program: gives back the environment as the service manager made it.

PyInstaller's start-up program leads the loader by `LD_LIBRARY_PATH` and starts itself anew with it.
Our programs need no such lead: their own header has the path. And the meter reports that variable,
from `/proc/self/environ`, as one that can smuggle in a library: what the start-up program added
must not stand there, and what somebody else had set must. So it is put right in place: the
process's first environment is the memory that the kernel shows in /proc.
"""

import ctypes
import os

NAME = "LD_LIBRARY_PATH"


def put_right() -> None:
    """Make the variable what it was before the start-up program came."""
    before = os.environ.pop(f"{NAME}_ORIG", None)
    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    value = library.getenv(NAME.encode())
    if value is None:
        return
    length = len(ctypes.string_at(value))
    if before is None:
        ctypes.memset(value - len(NAME) - 1, 0, len(NAME) + 1 + length)
        del os.environ[NAME]
    else:
        content = os.fsencode(before)[:length]
        ctypes.memmove(value, content.ljust(length, b"\0"), length)
        os.environ[NAME] = before


put_right()

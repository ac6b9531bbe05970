"""Which loading of a driver is at work. What its counters count, they count since then."""

import os
import re
from pathlib import Path
from typing import Final

NUMBERED_ONCE: Final = (4, 14)
"""From this kernel on the entries of /sys are numbered on and on; older ones give the number of an
entry that is gone to the next, so that a module loaded anew can have the number it had."""


def driver_epoch(module: str, sys: Path, release: str | None = None) -> int:
    """The number of a kernel module's entry in /sys: within a boot, another one each time it is
    loaded; 0 where that is not known. `release`: the kernel's, this one's if not given."""
    version = re.match(r"(\d+)\.(\d+)", os.uname().release if release is None else release)
    if version is None or (int(version[1]), int(version[2])) < NUMBERED_ONCE:
        return 0
    try:
        return (sys / "module" / module).stat().st_ino
    except OSError:
        return 0

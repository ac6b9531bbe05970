"""Where NVIDIA's library stands when a driver container keeps it, and loading it from there."""

import ctypes
from pathlib import Path
from typing import Final

from kashi_agent.errors import MeterError

SONAME: Final = "libnvidia-ml.so.1"

FOLDERS: Final = tuple(
    folder + place
    for folder in ("usr/lib", "lib")
    for place in ("64", "/x86_64-linux-gnu", "/aarch64-linux-gnu", "")
)
"""Below a driver's root: where the distributions that driver containers are made of keep it."""


def load_library(root: Path) -> None:
    """Load the library below a driver's root; the binding, which asks by name, then gets this one.

    For the machine's own root the system's loader is left to find it.

    Raises:
        MeterError: it is not there, or cannot be loaded.
    """
    if root == Path("/"):
        return
    found = next((path for path in candidates(root) if path.exists()), None)
    if found is None:
        raise MeterError(
            f"驱动的根目录 {root} 下没有 {SONAME}：驱动的容器是否在运行？"
            f"No {SONAME} below the driver's root {root}: is its container running?"
        )
    try:
        ctypes.CDLL(str(found))
    except OSError as error:
        raise MeterError(f"{found} 无法加载。{found} cannot be loaded: {error}") from error


def candidates(root: Path) -> list[Path]:
    """Where the library may stand, in order."""
    return [root / folder / SONAME for folder in FOLDERS]

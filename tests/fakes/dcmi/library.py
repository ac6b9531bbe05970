"""The fake `libdcmi.so`: what it is built of and where it finds its scenario."""

from pathlib import Path
from typing import Final

from fakes.driver.library import Library

HERE: Final = Path(__file__).parent

DCMI: Final = Library(
    soname="libdcmi.so",
    folder="fake-dcmi",
    sources=(HERE / "dcmi.c", HERE / "scenario.c", HERE / "scenario.h", HERE / "layouts.h"),
    exported="dcmi*",
    variable="KASHI_FAKE_DCMI",
)

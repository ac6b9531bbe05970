"""Which device a device file is: schedulers speak of /dev/nvidia3, and 3 is no index.

The driver's own /proc tells the number of each device file beside the device's place on the bus;
the order in which a library counts devices has nothing to do with it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.evidence.fact import text_of
from kashi_agent.sample import Absent

_FILE: Final = re.compile(r"nvidia[0-9]+")


@dataclass(frozen=True, slots=True)
class DeviceFiles:
    """Device files of NVIDIA cards; `proc` is where /proc is."""

    proc: Path

    def names(self) -> dict[tuple[int, ...], str]:
        """The name of the device file (`nvidia3`) by the card's place on the bus."""
        found = {}
        for path in sorted(self.proc.glob("driver/nvidia/gpus/*/information")):
            information = text_of(path)
            minor = None if isinstance(information, Absent) else device_minor(information)
            address = bus_address(path.parent.name)
            if minor is not None and address:
                found[address] = f"nvidia{minor}"
        return found


def is_device_file(name: str) -> bool:
    """Whether a scheduler speaks of a device by its file."""
    return _FILE.fullmatch(name) is not None


def device_minor(information: str) -> int | None:
    """The number of the device file in the driver's description of a card."""
    for line in information.splitlines():
        name, _, value = line.partition(":")
        if name == "Device Minor" and value.strip().isdecimal():
            return int(value)
    return None


def bus_address(text: str) -> tuple[int, ...]:
    """A place on the bus as numbers, for it is written with 4 or 8 digits, small or large; ()
    where it is none."""
    try:
        return tuple(int(part, 16) for part in text.replace(".", ":").split(":") if text)
    except ValueError:
        return ()

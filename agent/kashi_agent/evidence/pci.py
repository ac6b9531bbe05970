"""What the kernel says of devices on the bus, whatever a vendor's library says of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.evidence.fact import text_of, unreadable
from kashi_agent.sample import Absent

ACCELERATOR_CLASS: Final = "0x1200"
"""Processing accelerators, any of them, by the PCI specification."""


@dataclass(frozen=True, slots=True)
class PciBus:
    """The devices below `sys`, where /sys is."""

    sys: Path

    def ids(self, place: str) -> str | Absent:
        """Vendor and device number of what is at a place, in hexadecimal: `10de:2330`."""
        ids = []
        for name in ("vendor", "device"):
            text = text_of(self._devices / place / name)
            if isinstance(text, Absent):
                return text
            ids.append(text.removeprefix("0x"))
        return ":".join(ids)

    def accelerators(self, vendor: str) -> frozenset[str] | Absent:
        """Places of a vendor's accelerators; `vendor` as the kernel has it: `0x19e5`."""
        try:
            devices = list(self._devices.iterdir())
        except OSError as error:
            return unreadable(error)
        return frozenset(
            device.name.lower()
            for device in devices
            if text_of(device / "vendor") == vendor
            and str(text_of(device / "class")).startswith(ACCELERATOR_CLASS)
        )

    @property
    def _devices(self) -> Path:
        return self.sys / "bus/pci/devices"


def pci_place(bus_id: str) -> str:
    """A bus id as the kernel names it: NVML writes the domain with eight digits."""
    domain, _, rest = bus_id.lower().partition(":")
    return f"{domain.lstrip('0').rjust(4, '0')}:{rest}"

"""What the kernel and the installation say of Huawei's accelerators, beside what its library says.

The kernel's driver has no page of its own as NVIDIA's has: there are the bus, and the file that the
driver's installer writes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.evidence.fact import NOT_FOUND, Fact, found_in, whole_devices
from kashi_agent.evidence.pci import PciBus, pci_place
from kashi_agent.sample import Absent, AbsentReason, SampleBatch, Vendor

HUAWEI: Final = "0x19e5"
INSTALLED: Final = Path("usr/local/Ascend/driver/version.info")
_VERSION: Final = re.compile(r"^Version=(\S+)$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AscendFacts:
    """Facts of the driver and of each chip; `sys` and `root` are where files are."""

    sys: Path
    root: Path

    def collect(self, batch: SampleBatch) -> Iterator[Fact]:
        """Of the host, then of each whole chip that says where on the bus it is."""
        chips = whole_devices(batch, Vendor.HUAWEI)
        places = {chip.hardware_id: pci_place(chip.pci_bus_id) for chip in chips if chip.pci_bus_id}
        bus = PciBus(self.sys)
        yield Fact(name="driver_library", value=batch.meter.driver_version or NOT_FOUND)
        yield Fact(name="driver_installed", value=found_in(self.root / INSTALLED, _VERSION))
        there = bus.accelerators(HUAWEI)
        if not isinstance(there, Absent) and len(places) < len(chips):
            there = Absent(AbsentReason.NOT_SUPPORTED)  # which of them those are, nobody can say
        unlisted = there if isinstance(there, Absent) else there.difference(places.values())
        told = unlisted if isinstance(unlisted, Absent) else " ".join(sorted(unlisted))
        yield Fact(name="npus_unlisted", value=told)
        for hardware_id, place in places.items():
            yield Fact(name="pci", value=bus.ids(place), hardware_id=hardware_id)

"""What NVIDIA's kernel module says of itself and of its devices, beside what its library says.

A library that was exchanged for another must agree with all of these to go unseen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.evidence.fact import NOT_FOUND, Fact, found_in, text_of, unreadable, whole_devices
from kashi_agent.evidence.pci import PciBus, pci_place
from kashi_agent.sample import Absent, AbsentReason, Device, SampleBatch, Vendor

_MODULE: Final = re.compile(r"Kernel Module(?: for \S+)?\s+(\d[\w.]*)")
_NOT_READY: Final = Absent(AbsentReason.NOT_READY)


@dataclass(frozen=True, slots=True, kw_only=True)
class NvidiaFacts:
    """Facts of the driver; `proc` and `sys` are roots."""

    proc: Path
    sys: Path

    def collect(self, batch: SampleBatch) -> Iterator[Fact]:
        """Of the host, then of each whole NVIDIA device of the batch."""
        devices = whole_devices(batch, Vendor.NVIDIA)
        yield Fact(name="driver_library", value=batch.meter.driver_version or NOT_FOUND)
        yield Fact(name="driver_proc", value=found_in(self.proc / "driver/nvidia/version", _MODULE))
        yield Fact(name="driver_module", value=text_of(self.sys / "module/nvidia/version"))
        yield Fact(name="gpus_unlisted", value=self._unlisted(devices))
        for device in devices:
            yield from self._of_device(device)

    def _unlisted(self, devices: list[Device]) -> str | Absent:
        """Devices of the kernel module that the library does not show, by their place."""
        try:
            there = {path.name.lower() for path in (self.proc / "driver/nvidia/gpus").iterdir()}
        except OSError as error:
            return unreadable(error)
        return " ".join(sorted(there - {pci_place(device.pci_bus_id) for device in devices}))

    def _of_device(self, device: Device) -> Iterator[Fact]:
        place = pci_place(device.pci_bus_id)
        said = text_of(self.proc / "driver/nvidia/gpus" / place / "information")
        for name, field in (("proc_uuid", "GPU UUID"), ("proc_model", "Model")):
            value = said if isinstance(said, Absent) else _field(said, field)
            yield Fact(name=name, value=value, hardware_id=device.hardware_id)
        yield Fact(name="pci", value=PciBus(self.sys).ids(place), hardware_id=device.hardware_id)


def _field(information: str, name: str) -> str | Absent:
    """A field of the module's page; question marks stand before the device was first opened."""
    for line in information.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return _NOT_READY if "?" in value else value.strip()
    return NOT_FOUND

"""Whether a device on the bus sleeps, by the kernel: asking its driver would wake it.

Only where the kernel may put the device to sleep at all (workstations and laptops do, servers do
not) is its state read; what the file system does not tell is awake.
"""

from dataclasses import dataclass, field
from pathlib import Path

from kashi_agent.evidence.fact import text_of


@dataclass(slots=True)
class PciSleep:
    """Devices below the root of one /sys."""

    sys: Path
    _states: dict[str, Path | None] = field(default_factory=dict)

    def sleeps(self, bus_id: str) -> bool:
        """Whether the device sleeps; `bus_id` as NVML writes it (00000000:17:00.0)."""
        if bus_id not in self._states:
            power = self.sys / "bus/pci/devices" / bus_id.lower()[-12:] / "power"
            may_sleep = bool(bus_id) and text_of(power / "control") == "auto"
            self._states[bus_id] = power / "runtime_status" if may_sleep else None
        state = self._states[bus_id]
        return state is not None and text_of(state) == "suspended"

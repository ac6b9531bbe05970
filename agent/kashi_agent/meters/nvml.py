"""The door to NVIDIA's driver: each call of NVML the meter makes, through the vendor's binding.

A value is returned, or `Absent` with the reason the driver gave. Only when the driver as a whole is
gone does a call raise: then nothing else would answer either. Nothing here decides what is asked
when; `nvml_meter` does.
"""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pynvml

from kashi_agent.meters.nvml_activity import InstanceActivity
from kashi_agent.meters.nvml_buffers import Buffers
from kashi_agent.meters.nvml_calls import DriverGone, Handle, absent, address, asked, text_of
from kashi_agent.meters.nvml_codes import TIMEOUT
from kashi_agent.meters.nvml_library import load_library
from kashi_agent.meters.nvml_lists import ProcessLists
from kashi_agent.meters.values import GONE, LOST, NOT_READY, NOT_SUPPORTED
from kashi_agent.sample import Absent, Device, MeterKind, Vendor

EVENTS_MAX: Final = 64

POWER_NOW: Final = pynvml.NVML_FI_DEV_POWER_INSTANT
PERSISTENT: Final = pynvml.NVML_FEATURE_ENABLED
RECOVERY_ACTION: Final = pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A MIG instance: its handle, what it is and its part of the whole, as the driver has it."""

    handle: Handle
    uuid: str
    device: Device | Absent
    slices: int
    slices_whole: int
    gpu_instance: int | None


class NvmlDriver:
    """An open session with the driver."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Load the library, below a driver's root, and open the session.

        Raises:
            MeterError: the library is not there.
            DriverGone: it refuses.
        """
        load_library(root)
        try:
            pynvml.nvmlInitWithFlags(0)
        except pynvml.NVMLError as error:
            raise DriverGone(error.value, "nvmlInitWithFlags") from error
        self.lists = ProcessLists(pynvml.nvmlLib)
        self.buffers = Buffers(pynvml.nvmlLib)
        self.activity = InstanceActivity()
        self._events: Any = None

    def close(self) -> None:
        """End the session, so that the devices can be reset."""
        try:
            pynvml.nvmlShutdown()
        except pynvml.NVMLError as error:
            raise DriverGone(error.value, "nvmlShutdown") from error

    def versions(self) -> tuple[str, str]:
        """Of the library and of the driver; empty where it does not tell."""
        library = asked(pynvml.nvmlSystemGetNVMLVersion)
        driver = asked(pynvml.nvmlSystemGetDriverVersion)
        return text_of(library), text_of(driver)

    def handles(self, but: Container[int] = ()) -> dict[int, Handle | Absent]:
        """By the place the driver counts, `but` these, which are not touched; a lost device's place
        says why it has none."""
        count = asked(pynvml.nvmlDeviceGetCount)
        if isinstance(count, Absent):
            raise DriverGone(999, "nvmlDeviceGetCount_v2")
        places = (place for place in range(count) if place not in but)
        return {place: asked(pynvml.nvmlDeviceGetHandleByIndex, place) for place in places}

    def uuid(self, handle: Handle) -> str | Absent:
        """The device's own id; an empty one is none."""
        uuid = asked(pynvml.nvmlDeviceGetUUID, handle)
        return uuid if isinstance(uuid, Absent) else text_of(uuid) or GONE

    def device(self, handle: Handle, uuid: str) -> Device | Absent:
        """What the device is: texts are empty and memory 0 where the driver does not tell. Absent
        while it refuses the name, which it may tell yet."""
        name = asked(pynvml.nvmlDeviceGetName, handle)
        if isinstance(name, Absent) and name != NOT_SUPPORTED:
            return name
        pci = asked(pynvml.nvmlDeviceGetPciInfo_v3, handle)
        memory = self._memory(handle)
        return Device(
            vendor=Vendor.NVIDIA,
            hardware_id=uuid,
            model=text_of(name),
            meter=MeterKind.NVML,
            serial=text_of(asked(pynvml.nvmlDeviceGetSerial, handle)),
            pci_bus_id="" if isinstance(pci, Absent) else text_of(pci.busId),
            memory_bytes=0 if isinstance(memory, Absent) else int(memory.total),
        )

    def persistence(self, handle: Handle) -> int | Absent:
        """Persistence mode: whether the driver stays loaded without clients."""
        return asked(pynvml.nvmlDeviceGetPersistenceMode, handle)

    def slices(self, handle: Handle) -> list[Slice | Absent]:
        """The MIG instances of a device, over the holes between them; none where MIG is off, or is
        not supported. An absence stands for each place, or for all of them, of which the driver
        does not say what is there: an error is no word that nothing is."""
        mode = asked(pynvml.nvmlDeviceGetMigMode, handle)
        if isinstance(mode, Absent):
            return [] if mode == NOT_SUPPORTED else [mode]
        if mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            return []
        places = asked(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle)
        if isinstance(places, Absent):
            return [places]
        parts = (
            asked(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place)
            for place in range(int(places))
        )
        # Only here may an absence mean a hole: once there is a handle, something is there.
        there = (part for part in parts if part not in (GONE, NOT_SUPPORTED))
        return [self._slice(part, int(places)) for part in there]

    def utilisation_percent(self, handle: Handle) -> int | Absent:
        """Share of the driver's last sample period in which a kernel ran; unchecked."""
        rates = asked(pynvml.nvmlDeviceGetUtilizationRates, handle)
        return rates if isinstance(rates, Absent) else int(rates.gpu)

    def tells_activity(self, handle: Handle) -> bool:
        """Whether the device counts what its instances do."""
        told = asked(pynvml.nvmlGpmQueryDeviceSupport, handle)
        return not isinstance(told, Absent) and bool(told.isSupportedDevice)

    def energy_mj(self, handle: Handle) -> int | Absent:
        """The counter since the driver was loaded."""
        return asked(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle)

    def power_mw(self, handle: Handle) -> int | Absent:
        """What the device draws."""
        return asked(pynvml.nvmlDeviceGetPowerUsage, handle)

    def own_power_mw(self, handle: Handle) -> int | Absent:
        """What the accelerator draws of what its module draws."""
        return self._field(handle, POWER_NOW, pynvml.NVML_POWER_SCOPE_GPU)

    def is_in_module(self, handle: Handle) -> bool | None:
        """Whether a processor shares the board: then counter and power are those of both.

        Told by a module that draws more than the accelerator on it; None: the driver does not say
        yet.
        """
        module = self._field(handle, POWER_NOW, pynvml.NVML_POWER_SCOPE_MODULE)
        own = self.own_power_mw(handle)
        if isinstance(module, int) and isinstance(own, int):
            return module > own
        return None if {module, own} & {NOT_READY, LOST} else False

    def recovery_action(self, handle: Handle) -> int | Absent:
        """What must be done before the device can be used; 0: nothing."""
        return self._field(handle, RECOVERY_ACTION, 0)

    def power_limit_mw(self, handle: Handle) -> int | Absent:
        """What the device may draw, by the lowest limit in force."""
        return asked(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)

    def memory_used_bytes(self, handle: Handle) -> int | Absent:
        """Memory in use, without what the driver reserves where it tells the two apart."""
        memory = self._memory(handle)
        return memory if isinstance(memory, Absent) else int(memory.used)

    def watch(self, handle: Handle) -> None:
        """Have the driver keep this device's error events for `errors`."""
        if self._events is None:
            self._events = asked(pynvml.nvmlEventSetCreate)
        if not isinstance(self._events, Absent):
            asked(
                pynvml.nvmlDeviceRegisterEvents,
                handle,
                pynvml.nvmlEventTypeXidCriticalError,
                self._events,
            )

    def errors(self) -> list[tuple[int, int]]:
        """Error events since the last look: the device's `address` and the XID."""
        found: list[tuple[int, int]] = []
        if self._events is None or isinstance(self._events, Absent):
            return found
        for _ in range(EVENTS_MAX):
            try:
                event = pynvml.nvmlEventSetWait_v2(self._events, 0)
            except pynvml.NVMLError as error:
                if error.value != TIMEOUT:
                    absent(error.value, "nvmlEventSetWait_v2")
                break
            found.append((address(event.device), int(event.eventData)))
        return found

    def _slice(self, part: Handle | Absent, places: int) -> Slice | Absent:
        if isinstance(part, Absent):
            return part
        uuid = self.uuid(part)
        attributes = asked(pynvml.nvmlDeviceGetAttributes_v2, part)
        instance = asked(pynvml.nvmlDeviceGetGpuInstanceId, part)
        if isinstance(uuid, Absent):
            return uuid
        if isinstance(attributes, Absent):
            return attributes
        return Slice(
            handle=part,
            uuid=uuid,
            device=self.device(part, uuid),
            slices=int(attributes.computeInstanceSliceCount),
            slices_whole=places,
            gpu_instance=None if isinstance(instance, Absent) else int(instance),
        )

    def _field(self, handle: Handle, number: int, scope: int) -> int | Absent:
        """One of the driver's numbered values, a whole number of 32 bits."""
        fields = asked(pynvml.nvmlDeviceGetFieldValues, handle, [(number, scope)])
        if isinstance(fields, Absent):
            return fields
        code = fields[0].nvmlReturn
        return absent(code, f"field {number}") if code else int(fields[0].value.uiVal)

    def _memory(self, handle: Handle) -> Any:
        memory = asked(pynvml.nvmlDeviceGetMemoryInfo, handle, pynvml.nvmlMemory_v2)
        if memory == NOT_SUPPORTED:
            return asked(pynvml.nvmlDeviceGetMemoryInfo, handle)
        return memory

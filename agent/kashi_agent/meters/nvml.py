"""The door to NVIDIA's driver: each call of NVML the meter makes, through the vendor's binding.

A value is returned, or `Absent` with the reason the driver gave. Only when the driver as a whole is
gone does a call raise: then nothing else would answer either. Nothing here decides what is asked
when; `nvml_meter` does.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pynvml

from kashi_agent.errors import MeterError
from kashi_agent.meters.nvml_codes import DRIVER_GONE, TIMEOUT, absent_for
from kashi_agent.meters.nvml_lists import LISTS, ProcessLists
from kashi_agent.sample import Absent, AbsentReason

Handle = Any
"""A device as the binding knows it; opaque."""

Value = TypeVar("Value")

EVENTS_MAX: Final = 64


class DriverGone(MeterError):
    """NVIDIA's driver or library does not answer as a whole; the message says why."""

    def __init__(self, code: int, call: str) -> None:
        super().__init__(f"{call}: {DRIVER_GONE.get(code, 'NVML error')} (code {code})")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the driver says a device is."""

    uuid: str
    name: str
    serial: str
    pci_bus_id: str
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A MIG instance: its handle, what it is and its part of the whole."""

    handle: Handle
    identity: Identity
    slices: int
    slices_whole: int


class NvmlDriver:
    """An open session with the driver."""

    def __init__(self) -> None:
        """Load the library and open the session. DriverGone when that is refused."""
        try:
            pynvml.nvmlInitWithFlags(0)
        except pynvml.NVMLError as error:
            raise DriverGone(error.value, "nvmlInitWithFlags") from error
        self._lists = ProcessLists(pynvml.nvmlLib)
        self._events: Any = None

    def close(self) -> None:
        """End the session, so that the devices can be reset."""
        try:
            pynvml.nvmlShutdown()
        except pynvml.NVMLError as error:
            raise DriverGone(error.value, "nvmlShutdown") from error

    def versions(self) -> tuple[str, str]:
        """Of the library and of the driver; empty where it does not tell."""
        library = _asked(pynvml.nvmlSystemGetNVMLVersion)
        driver = _asked(pynvml.nvmlSystemGetDriverVersion)
        return _text(library), _text(driver)

    def handles(self) -> list[Handle | Absent]:
        """One for each place the driver counts; a lost device's place says why it has none."""
        count = _asked(pynvml.nvmlDeviceGetCount)
        if isinstance(count, Absent):
            raise DriverGone(999, "nvmlDeviceGetCount_v2")
        return [_asked(pynvml.nvmlDeviceGetHandleByIndex, index) for index in range(count)]

    def uuid(self, handle: Handle) -> str | Absent:
        """The device's own id."""
        uuid = _asked(pynvml.nvmlDeviceGetUUID, handle)
        return uuid if isinstance(uuid, Absent) else _text(uuid)

    def identity(self, handle: Handle, uuid: str) -> Identity:
        """What the device is; texts are empty and memory 0 where the driver does not tell."""
        pci = _asked(pynvml.nvmlDeviceGetPciInfo_v3, handle)
        memory = self._memory(handle)
        return Identity(
            uuid=uuid,
            name=_text(_asked(pynvml.nvmlDeviceGetName, handle)),
            serial=_text(_asked(pynvml.nvmlDeviceGetSerial, handle)),
            pci_bus_id="" if isinstance(pci, Absent) else _text(pci.busId),
            memory_bytes=0 if isinstance(memory, Absent) else int(memory.total),
        )

    def keeps_state(self, handle: Handle) -> bool:
        """Whether the driver stays loaded without clients: then opening it starts nothing up."""
        mode = _asked(pynvml.nvmlDeviceGetPersistenceMode, handle)
        return bool(mode == pynvml.NVML_FEATURE_ENABLED)

    def slices(self, handle: Handle) -> list[Slice]:
        """The MIG instances of a device, over the holes between them; none where MIG is off."""
        mode = _asked(pynvml.nvmlDeviceGetMigMode, handle)
        if isinstance(mode, Absent) or mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            return []
        whole = _asked(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle)
        places = 0 if isinstance(whole, Absent) else int(whole)
        found = (self._slice(handle, place, places) for place in range(places))
        return [part for part in found if part is not None]

    def utilisation_percent(self, handle: Handle) -> int | Absent:
        """Share of the driver's last sample period in which a kernel ran; unchecked."""
        rates = _asked(pynvml.nvmlDeviceGetUtilizationRates, handle)
        return rates if isinstance(rates, Absent) else int(rates.gpu)

    def energy_mj(self, handle: Handle) -> int | Absent:
        """The counter since the driver was loaded."""
        return _asked(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle)

    def power_mw(self, handle: Handle) -> int | Absent:
        """What the device draws."""
        return _asked(pynvml.nvmlDeviceGetPowerUsage, handle)

    def power_limit_mw(self, handle: Handle) -> int | Absent:
        """What the device may draw, by the lowest limit in force."""
        return _asked(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)

    def memory_used_bytes(self, handle: Handle) -> int | Absent:
        """Memory in use, without what the driver reserves where it tells the two apart."""
        memory = self._memory(handle)
        return memory if isinstance(memory, Absent) else int(memory.used)

    def pids(self, kind: str, handle: Handle) -> frozenset[int] | Absent:
        """Processes in one of the driver's lists: compute, mps or graphics."""
        if not self._lists.supports(kind):
            return Absent(AbsentReason.NOT_SUPPORTED)
        pids = self._lists.pids(kind, handle)
        return _absent(pids, LISTS[kind]) if isinstance(pids, int) else pids

    def watch(self, handle: Handle) -> None:
        """Have the driver keep this device's error events for `errors`."""
        if self._events is None:
            self._events = _asked(pynvml.nvmlEventSetCreate)
        if not isinstance(self._events, Absent):
            _asked(
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
                    _absent(error.value, "nvmlEventSetWait_v2")
                break
            found.append((address(event.device), int(event.eventData)))
        return found

    def _slice(self, handle: Handle, place: int, places: int) -> Slice | None:
        part = _asked(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place)
        if isinstance(part, Absent):
            return None
        uuid = self.uuid(part)
        attributes = _asked(pynvml.nvmlDeviceGetAttributes_v2, part)
        if isinstance(uuid, Absent) or isinstance(attributes, Absent):
            return None
        return Slice(
            handle=part,
            identity=self.identity(part, uuid),
            slices=int(attributes.computeInstanceSliceCount),
            slices_whole=places,
        )

    def _memory(self, handle: Handle) -> Any:
        memory = _asked(pynvml.nvmlDeviceGetMemoryInfo, handle, pynvml.nvmlMemory_v2)
        if isinstance(memory, Absent) and memory.reason is AbsentReason.NOT_SUPPORTED:
            return _asked(pynvml.nvmlDeviceGetMemoryInfo, handle)
        return memory


def address(handle: Handle) -> int:
    """What tells two handles of one session apart."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def _asked(call: Callable[..., Value], *arguments: object) -> Value | Absent:
    """The call's answer, or why there is none."""
    try:
        return call(*arguments)
    except pynvml.NVMLError as error:
        return _absent(error.value, call.__name__)
    except pynvml.NVMLLibraryMismatchError:
        return Absent(AbsentReason.NOT_SUPPORTED)


def _absent(code: int, call: str) -> Absent:
    """The absence for a code. DriverGone when the whole driver is."""
    if code in DRIVER_GONE:
        raise DriverGone(code, call)
    return absent_for(code)


def _text(value: object) -> str:
    """Text of the binding, which gives bytes inside structures; empty when absent."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""

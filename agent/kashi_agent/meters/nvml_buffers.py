"""NVML's own buffers of samples, each read with one call into room that is kept.

The driver stamps what is in them, by the wall clock or the boot clock as it pleases: a stamp is a
cursor that says where to read on, and the distance of two stamps is time; nothing else is made of
it. The binding makes two calls of each, and takes a list that is empty for an error.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from kashi_agent.meters.nvml_codes import FUNCTION_NOT_FOUND, INSUFFICIENT_SIZE, absent_for
from kashi_agent.sample import AbsentReason

GPU_UTILISATION: Final = 1
"""nvmlSamplingType_t: share of each period in which a kernel ran, in percent."""

WORK_VERSION: Final = 0x01000018
"""nvmlProcessesUtilizationInfo_v1: its size and its number."""

ROOM: Final = 256
ROOM_MAX: Final = 4_096
"""Drivers keep a hundred samples or so."""
TRIES_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a buffer: its stamp in microseconds, and percent. Neither is checked."""

    stamp_us: int
    percent: int


@dataclass(frozen=True, slots=True)
class WorkEntry(Entry):
    """How much of the compute units a process kept busy."""

    pid: int


class _Value(ctypes.Union):
    _fields_ = (("percent", ctypes.c_uint), ("wide", ctypes.c_ulonglong))


class _Sample(ctypes.Structure):
    """nvmlSample_t."""

    _fields_ = (("stamp_us", ctypes.c_ulonglong), ("value", _Value))


class _Work(ctypes.Structure):
    """nvmlProcessUtilizationSample_t."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("stamp_us", ctypes.c_ulonglong),
        *((name, ctypes.c_uint) for name in ("sm", "memory", "encoder", "decoder")),
    )


class _NewerWork(ctypes.Structure):
    """nvmlProcessUtilizationInfo_v1_t."""

    _fields_ = (
        ("stamp_us", ctypes.c_ulonglong),
        *(
            (name, ctypes.c_uint)
            for name in ("pid", "sm", "memory", "encoder", "decoder", "jpeg", "flow")
        ),
    )


class _NewerWorkList(ctypes.Structure):
    """nvmlProcessesUtilizationInfo_v1_t."""

    _fields_ = (
        ("version", ctypes.c_uint),
        ("count", ctypes.c_uint),
        ("cursor", ctypes.c_ulonglong),
        ("entries", ctypes.POINTER(_NewerWork)),
    )


class Buffers:
    """The buffers of one loaded library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._samples_call = _function(library, "nvmlDeviceGetSamples")
        self._newer_call = _function(library, "nvmlDeviceGetProcessesUtilizationInfo")
        self._older_call = _function(library, "nvmlDeviceGetProcessUtilization")
        self._newer_refused = False
        self._samples = (_Sample * ROOM)()

    def utilisation(self, handle: object, cursor: int) -> list[Entry] | int:
        """Entries since a cursor (0: all that are kept), or the code the driver refused with."""
        count, kind = ctypes.c_uint(), ctypes.c_int()
        for _ in range(TRIES_MAX):
            count.value = len(self._samples)
            code = self._samples_call(
                handle,
                GPU_UTILISATION,
                ctypes.c_ulonglong(cursor),
                ctypes.byref(kind),
                ctypes.byref(count),
                self._samples,
            )
            if code != INSUFFICIENT_SIZE or len(self._samples) == ROOM_MAX:
                break
            self._samples = (_Sample * (2 * len(self._samples)))()
        entries = self._samples[: min(count.value, len(self._samples))]
        return code or [Entry(entry.stamp_us, entry.value.percent) for entry in entries]

    def work(self, handle: object, cursor: int) -> list[WorkEntry] | int:
        """Who worked since a cursor (0: over all that is kept), or the code of the refusal.

        Newer drivers refuse the older of two calls, older ones do not have the newer.
        """
        if not self._newer_refused:
            told = self._newer_work(handle, cursor)
            if isinstance(told, list) or absent_for(told).reason is not AbsentReason.NOT_SUPPORTED:
                return told
            self._newer_refused = True
        return self._older_work(handle, cursor)

    def _newer_work(self, handle: object, cursor: int) -> list[WorkEntry] | int:
        entries = (_NewerWork * ROOM)()
        asked = _NewerWorkList(WORK_VERSION, ROOM, cursor, entries)
        code = self._newer_call(handle, ctypes.byref(asked))
        return code or _work_of(entries[: min(asked.count, ROOM)])

    def _older_work(self, handle: object, cursor: int) -> list[WorkEntry] | int:
        entries, count = (_Work * ROOM)(), ctypes.c_uint(ROOM)
        code = self._older_call(handle, entries, ctypes.byref(count), ctypes.c_ulonglong(cursor))
        return code or _work_of(entries[: min(count.value, ROOM)])


def _function(library: ctypes.CDLL, name: str) -> Callable[..., int]:
    """A function of the library; one that refuses where an older library has none."""
    found: Callable[..., int] = getattr(library, name, lambda *_: FUNCTION_NOT_FOUND)
    return found


def _work_of(entries: list[Any]) -> list[WorkEntry]:
    return [WorkEntry(entry.stamp_us, entry.sm, entry.pid) for entry in entries]

"""NVML's own buffers of samples, each read with one call into room that is kept.

The driver stamps what is in them, by the wall clock or the boot clock as it pleases: a stamp is a
cursor that says where to read on, and the distance of two stamps is time; nothing else is made of
it. The binding makes two calls of each, and takes a list that is empty for an error.
"""

import ctypes
from dataclasses import dataclass
from typing import Any, Final

import pynvml

from kashi_agent.meters.nvml_calls import Handle, absent, function_of
from kashi_agent.meters.nvml_codes import INSUFFICIENT_SIZE
from kashi_agent.meters.values import NOT_SUPPORTED
from kashi_agent.sample import Absent

GPU_UTILISATION: Final = pynvml.NVML_GPU_UTILIZATION_SAMPLES
"""Share of each period in which a kernel ran, in percent."""

WORK_VERSION: Final = pynvml.ProcessesUtilizationInfo_v1

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


class Buffers:
    """The buffers of one loaded library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._samples_call = function_of(library, "nvmlDeviceGetSamples")
        self._newer_call = function_of(library, "nvmlDeviceGetProcessesUtilizationInfo")
        self._older_call = function_of(library, "nvmlDeviceGetProcessUtilization")
        self._newer_refused = False
        self._samples = (pynvml.c_nvmlSample_t * ROOM)()

    def utilisation(self, handle: Handle, cursor: int) -> list[Entry] | Absent:
        """Entries since a cursor (0: all that are kept)."""
        since, count, kind = ctypes.c_ulonglong(cursor), ctypes.c_uint(), ctypes.c_int()
        for _ in range(TRIES_MAX):
            count.value = room = len(self._samples)
            places = ctypes.byref(kind), ctypes.byref(count), self._samples
            code = self._samples_call(handle, GPU_UTILISATION, since, *places)
            if code != INSUFFICIENT_SIZE or room == ROOM_MAX:
                break
            self._samples = (pynvml.c_nvmlSample_t * (2 * room))()
        if code:
            return absent(code, "nvmlDeviceGetSamples")
        entries = self._samples[: count.value]
        return [Entry(entry.timeStamp, entry.sampleValue.uiVal) for entry in entries]

    def work(self, handle: Handle, cursor: int) -> list[WorkEntry] | Absent:
        """Who worked since a cursor (0: over all that is kept).

        Newer drivers refuse the older of two calls, older ones do not have the newer.
        """
        if not self._newer_refused:
            told = self._newer_work(handle, cursor)
            if told != NOT_SUPPORTED:
                return told
            self._newer_refused = True
        return self._older_work(handle, cursor)

    def _newer_work(self, handle: Handle, cursor: int) -> list[WorkEntry] | Absent:
        entries = (pynvml.c_nvmlProcessUtilizationInfo_v1_t * ROOM)()
        asked = pynvml.c_nvmlProcessesUtilizationInfo_v1_t(WORK_VERSION, ROOM, cursor, entries)
        code = self._newer_call(handle, ctypes.byref(asked))
        return _work_of(code, entries[: asked.processSamplesCount])

    def _older_work(self, handle: Handle, cursor: int) -> list[WorkEntry] | Absent:
        entries, count = (pynvml.c_nvmlProcessUtilizationSample_t * ROOM)(), ctypes.c_uint(ROOM)
        code = self._older_call(handle, entries, ctypes.byref(count), ctypes.c_ulonglong(cursor))
        return _work_of(code, entries[: count.value])


def _work_of(code: int, entries: list[Any]) -> list[WorkEntry] | Absent:
    if code:
        return absent(code, "nvmlDeviceGetProcessUtilization")
    return [WorkEntry(entry.timeStamp, entry.smUtil, entry.pid) for entry in entries]

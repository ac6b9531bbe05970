"""NVML's process lists, each read with one call into a buffer that is kept.

The binding makes two calls of it, one to count and one to fetch: twice the cost, and a process can
slip in between. Versions 2 and 3 of the lists have the same layout.
"""

import ctypes
from typing import Final

import pynvml

from kashi_agent.meters.nvml_calls import Handle, absent, function_of
from kashi_agent.meters.nvml_codes import INSUFFICIENT_SIZE
from kashi_agent.sample import Absent

LISTS: Final = {
    "compute": "nvmlDeviceGetComputeRunningProcesses",
    "mps": "nvmlDeviceGetMPSComputeRunningProcesses",
    "graphics": "nvmlDeviceGetGraphicsRunningProcesses",
}
"""The driver's three lists by their kind."""

ROOM: Final = 64
ROOM_MAX: Final = 16_384
"""More processes than a device can hold; a driver that asks for more room than that, or always for
more, gets no more."""
TRIES_MAX: Final = 4


class _WideProcess(ctypes.Structure):
    """nvmlProcessInfo_t as drivers 535.43 to 535.98 had it for a while."""

    _fields_ = (*pynvml.c_nvmlProcessInfo_t._fields_, ("protected_bytes", ctypes.c_ulonglong))


class ProcessLists:
    """The lists of one loaded library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._calls = {
            kind: function_of(library, f"{name}_v3", f"{name}_v2") for kind, name in LISTS.items()
        }
        self._layout = _WideProcess if _is_wide(library) else pynvml.c_nvmlProcessInfo_t
        self._room = ROOM

    def pids(self, kind: str, handle: Handle) -> frozenset[int] | Absent:
        """The processes in a list: compute, mps or graphics."""
        for _ in range(TRIES_MAX):
            buffer = (self._layout * self._room)()
            count = ctypes.c_uint(self._room)
            code = self._calls[kind](handle, ctypes.byref(count), buffer)
            if code != INSUFFICIENT_SIZE or self._room == ROOM_MAX:
                break
            self._room = min(max(self._room, count.value) * 2 + 5, ROOM_MAX)
        if code:
            return absent(code, LISTS[kind])
        return frozenset(int(process.pid) for process in buffer[: count.value])


def _is_wide(library: ctypes.CDLL) -> bool:
    """Those drivers have the first of these functions and not yet the second."""
    return hasattr(library, "nvmlDeviceGetConfComputeMemSizeInfo") and not hasattr(
        library, "nvmlDeviceGetRunningProcessDetailList"
    )

"""NVML's process lists, each read with one call into a buffer that is kept.

The binding makes two calls of it, one to count and one to fetch: twice the cost, and a process can
slip in between. Layouts are those of nvml.h; versions 2 and 3 of the lists have the same one.
"""

import ctypes
from collections.abc import Callable
from typing import Final

from kashi_agent.meters.nvml_codes import INSUFFICIENT_SIZE

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


class _Process(ctypes.Structure):
    """nvmlProcessInfo_t."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("memory_bytes", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class _WideProcess(ctypes.Structure):
    """nvmlProcessInfo_t as drivers 535.43 to 535.98 had it for a while."""

    _fields_ = (*_Process._fields_, ("protected_bytes", ctypes.c_ulonglong))


class ProcessLists:
    """The lists of one loaded library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._functions = {kind: _newest(library, name) for kind, name in LISTS.items()}
        self._layout = _WideProcess if _is_wide(library) else _Process
        self._room = ROOM

    def supports(self, kind: str) -> bool:
        """Whether the library has this list at all."""
        return self._functions[kind] is not None

    def pids(self, kind: str, handle: object) -> frozenset[int] | int:
        """The processes in a list, or the code the driver refused it with."""
        function = self._functions[kind]
        if function is None:
            raise ValueError(f"the library has no list of {kind} processes")
        for _ in range(TRIES_MAX):
            buffer = (self._layout * self._room)()
            count = ctypes.c_uint(self._room)
            code = function(handle, ctypes.byref(count), buffer)
            if code != INSUFFICIENT_SIZE or self._room == ROOM_MAX:
                break
            self._room = min(max(self._room, count.value) * 2 + 5, ROOM_MAX)
        return code or frozenset(int(buffer[place].pid) for place in range(count.value))


def _newest(library: ctypes.CDLL, name: str) -> Callable[..., int] | None:
    """The newest version of a list the library has."""
    for version in ("_v3", "_v2"):
        function: Callable[..., int] | None = getattr(library, name + version, None)
        if function is not None:
            return function
    return None


def _is_wide(library: ctypes.CDLL) -> bool:
    """Those drivers have the first of these functions and not yet the second."""
    return hasattr(library, "nvmlDeviceGetConfComputeMemSizeInfo") and not hasattr(
        library, "nvmlDeviceGetRunningProcessDetailList"
    )

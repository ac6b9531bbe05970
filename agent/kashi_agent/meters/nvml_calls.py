"""One call into NVIDIA's driver, through the vendor's binding: a value, or why there is none."""

import ctypes
from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

from kashi_agent.errors import MeterError
from kashi_agent.meters.nvml_codes import DRIVER_GONE, FUNCTION_NOT_FOUND, SESSION_OVER, absent_for
from kashi_agent.sample import Absent, AbsentReason

Handle = Any
"""A device as the binding knows it; opaque."""

Value = TypeVar("Value")


class DriverGone(MeterError):
    """NVIDIA's driver or library does not answer as a whole; the message says why."""

    def __init__(self, code: int, call: str) -> None:
        zh, en = DRIVER_GONE.get(code, ("NVML 错误", "NVML error"))
        super().__init__(f"{call}：{zh}（代码 {code}）。{call}: {en} (code {code})")
        self.code = code


def address(handle: Handle) -> int:
    """What tells two handles of one session apart."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def asked(call: Callable[..., Value], *arguments: object) -> Value | Absent:
    """The call's answer, or why there is none."""
    try:
        return call(*arguments)
    except pynvml.NVMLError as error:
        return absent(error.value, call.__name__)
    except pynvml.NVMLLibraryMismatchError:
        return Absent(AbsentReason.NOT_SUPPORTED)
    except UnicodeDecodeError:
        return Absent(AbsentReason.OUT_OF_RANGE)  # the binding takes every text for UTF-8


def absent(code: int, call: str) -> Absent:
    """The absence for a code. DriverGone when the whole driver is."""
    if code in SESSION_OVER:
        raise DriverGone(code, call)
    return absent_for(code)


def function_of(library: ctypes.CDLL, *names: str) -> Callable[..., int]:
    """The first of these functions that the library has; one that refuses where it has none."""
    for name in names:
        function: Callable[..., int] | None = getattr(library, name, None)
        if function is not None:
            return function
    return lambda *_: FUNCTION_NOT_FOUND


def text_of(value: object) -> str:
    """Text of the binding, which gives bytes inside structures; empty when absent."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""

"""The table from NVML's return codes to reasons."""

import pynvml
import pytest
from kashi_agent.meters.nvml_calls import DriverGone, asked
from kashi_agent.meters.nvml_codes import DRIVER_GONE, SESSION_OVER, absent_for
from kashi_agent.sample import Absent, AbsentReason

CODES = {name: getattr(pynvml, name) for name in dir(pynvml) if name.startswith("NVML_ERROR_")} | {
    "NVML_SUCCESS": 0
}


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_code_of_the_binding_is_a_reason_or_the_drivers_end(name: str) -> None:
    """No code falls through: it ends the session, or it says why a value is absent."""
    code = CODES[name]

    assert code in SESSION_OVER or isinstance(absent_for(code).reason, AbsentReason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NVML_SUCCESS", AbsentReason.NOT_FOUND),
        ("NVML_ERROR_NOT_SUPPORTED", AbsentReason.NOT_SUPPORTED),
        ("NVML_ERROR_FUNCTION_NOT_FOUND", AbsentReason.NOT_SUPPORTED),
        ("NVML_ERROR_ARGUMENT_VERSION_MISMATCH", AbsentReason.NOT_SUPPORTED),
        ("NVML_ERROR_NO_PERMISSION", AbsentReason.NO_PERMISSION),
        ("NVML_ERROR_NOT_FOUND", AbsentReason.NOT_FOUND),
        ("NVML_ERROR_INVALID_ARGUMENT", AbsentReason.NOT_FOUND),
        ("NVML_ERROR_GPU_IS_LOST", AbsentReason.DEVICE_LOST),
        ("NVML_ERROR_RESET_REQUIRED", AbsentReason.DEVICE_LOST),
        ("NVML_ERROR_GPU_NOT_FOUND", AbsentReason.DEVICE_LOST),
        ("NVML_ERROR_NOT_READY", AbsentReason.NOT_READY),
        ("NVML_ERROR_IN_USE", AbsentReason.NOT_READY),
        ("NVML_ERROR_TIMEOUT", AbsentReason.DRIVER_ERROR),
        ("NVML_ERROR_MEMORY", AbsentReason.DRIVER_ERROR),
        ("NVML_ERROR_UNKNOWN", AbsentReason.DRIVER_ERROR),
    ],
)
def test_a_code_means_its_reason(name: str, reason: AbsentReason) -> None:
    """Codes a site will meet mean what an operator should read."""
    assert absent_for(CODES[name]).reason is reason


def test_a_code_of_a_later_driver_is_an_error_of_the_driver() -> None:
    """A code nobody knows yet is told as the driver's error, not taken for anything better."""
    assert absent_for(77_777).reason is AbsentReason.DRIVER_ERROR


@pytest.mark.parametrize(
    "name",
    [
        "NVML_ERROR_UNINITIALIZED",
        "NVML_ERROR_DRIVER_NOT_LOADED",
        "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
    ],
)
def test_codes_after_which_nothing_answers_end_the_session(name: str) -> None:
    """The message of the end names the call, the meaning and the code."""
    code = CODES[name]

    message = str(DriverGone(code, "nvmlDeviceGetName"))

    assert code in SESSION_OVER & DRIVER_GONE.keys()
    assert message.startswith("nvmlDeviceGetName：")
    assert f"（代码 {code}）。nvmlDeviceGetName: " in message
    assert message.endswith(f"(code {code})")


def test_a_success_that_is_raised_is_nothing_found() -> None:
    """The binding raises "Success" where a list is empty; taken apart by its number, for its errors
    fit into no set and no dictionary (U9)."""

    def empty_list() -> int:
        raise pynvml.NVMLError(pynvml.NVML_SUCCESS)

    assert asked(empty_list) == Absent(AbsentReason.NOT_FOUND)
    assert pynvml.NVMLError.__hash__ is None


def test_an_old_drivers_mismatch_is_not_supported() -> None:
    """What the binding raises of an older driver is no error of NVML's, and caught as one (L11)."""

    def older() -> int:
        raise pynvml.NVMLLibraryMismatchError("unversioned function called")

    assert asked(older) == Absent(AbsentReason.NOT_SUPPORTED)
    assert not issubclass(pynvml.NVMLLibraryMismatchError, pynvml.NVMLError)


def test_text_that_is_none_is_absent() -> None:
    """A name that is not UTF-8 is dropped like any value that cannot be."""

    def garbled() -> str:
        return b"\xff\xfe".decode()

    assert asked(garbled) == Absent(AbsentReason.OUT_OF_RANGE)

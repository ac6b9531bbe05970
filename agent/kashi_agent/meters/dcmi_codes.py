"""What DCMI's return codes mean for a value that was asked for."""

from typing import Final

from kashi_agent.sample import Absent, AbsentReason

SUCCESS: Final = 0
NO_FUNCTION: Final = -99_998
"""Not the driver's: this library does not have the function."""

_REASONS: Final = {
    -8001: AbsentReason.NOT_SUPPORTED,  # an argument it does not know: a kind it does not have
    -8002: AbsentReason.NO_PERMISSION,
    -8007: AbsentReason.DEVICE_LOST,  # no such device
    -8008: AbsentReason.DEVICE_LOST,  # it does not exist
    -8012: AbsentReason.DEVICE_LOST,  # not ready: so says a card that has dropped out
    -8013: AbsentReason.NOT_SUPPORTED,  # not in a container
    -8017: AbsentReason.NOT_READY,  # its firmware is being exchanged
    -8020: AbsentReason.NOT_READY,  # somebody else has it
    -8023: AbsentReason.NOT_FOUND,
    -8255: AbsentReason.NOT_SUPPORTED,
    NO_FUNCTION: AbsentReason.NOT_SUPPORTED,
}


def absent_for(code: int) -> Absent:
    """The absence a return code stands for; what is not known here is an error of the driver."""
    return Absent(_REASONS.get(code, AbsentReason.DRIVER_ERROR))

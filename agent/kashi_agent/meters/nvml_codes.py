"""What NVML's return codes mean for a value that was asked for. Codes are those of nvml.h."""

from typing import Final

from kashi_agent.sample import Absent, AbsentReason

SUCCESS: Final = 0
INSUFFICIENT_SIZE: Final = 7
TIMEOUT: Final = 10
FUNCTION_NOT_FOUND: Final = 13

DRIVER_GONE: Final = {
    1: ("库的会话已结束", "the library's session is over"),
    9: ("NVIDIA 驱动未加载", "the NVIDIA driver is not loaded"),
    12: ("未安装 libnvidia-ml.so.1", "libnvidia-ml.so.1 is not installed"),
    17: ("操作系统阻止访问驱动", "the operating system blocks access to the driver"),
    18: (
        "驱动已变更：库与内核模块版本不一致",
        "the driver was changed: library and kernel module are of different versions",
    ),
}
"""What a refusal of the driver as a whole means, at the start above all, in both languages."""

SESSION_OVER: Final = frozenset({1, 9, 18})
"""Codes after which nothing can be asked any more, whichever device it was asked of: the meter
begins anew. The others may be one device's, and stop no other."""

_REASONS: Final = {
    SUCCESS: AbsentReason.NOT_FOUND,  # the binding raises "Success" where a list is empty
    2: AbsentReason.NOT_FOUND,  # the handle is no longer valid: a partition that was taken away
    3: AbsentReason.NOT_SUPPORTED,
    4: AbsentReason.NO_PERMISSION,
    6: AbsentReason.NOT_FOUND,
    FUNCTION_NOT_FOUND: AbsentReason.NOT_SUPPORTED,  # an older driver without the function
    15: AbsentReason.DEVICE_LOST,
    16: AbsentReason.DEVICE_LOST,  # unusable until it is reset
    19: AbsentReason.NOT_READY,
    21: AbsentReason.NOT_FOUND,
    22: AbsentReason.NOT_SUPPORTED,
    24: AbsentReason.NOT_SUPPORTED,
    25: AbsentReason.NOT_SUPPORTED,  # another version of a structure than this driver knows
    26: AbsentReason.NOT_SUPPORTED,
    27: AbsentReason.NOT_READY,
    28: AbsentReason.DEVICE_LOST,
    29: AbsentReason.NOT_READY,
}


def absent_for(code: int) -> Absent:
    """The absence a return code stands for; what is not known here is an error of the driver."""
    return Absent(_REASONS.get(code, AbsentReason.DRIVER_ERROR))

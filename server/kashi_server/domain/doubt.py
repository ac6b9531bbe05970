"""A doubt about what a host reports: one code, one sentence in Chinese and in English.

It says what was found, not what it means, and changes no figure.
"""

from dataclasses import dataclass
from enum import StrEnum


class DoubtCode(StrEnum):
    """What was found."""

    LIBRARY_REDIRECTED = "library_redirected"
    LIBRARY_WRITABLE = "library_writable"
    LIBRARY_REPLACED = "library_replaced"
    DRIVER_UNKNOWN = "driver_unknown"
    DRIVER_VERSIONS_DIFFER = "driver_versions_differ"
    DEVICE_HIDDEN = "device_hidden"
    DEVICE_UNKNOWN = "device_unknown"
    DEVICE_DISAGREES = "device_disagrees"
    ENERGY_ABOVE_LIMIT = "energy_above_limit"
    ENERGY_DISAGREES = "energy_disagrees"
    BUSY_WITHOUT_POWER = "busy_without_power"
    PROCESSES_WITHOUT_DEVICE = "processes_without_device"

    @property
    def zh(self) -> str:
        """The sentence in Chinese."""
        return _TEXTS[self][0]

    @property
    def en(self) -> str:
        """The sentence in English."""
        return _TEXTS[self][1]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Doubt:
    """One finding on a host (`hardware_id` "") or on a device, from when to when it was found."""

    hardware_id: str
    code: DoubtCode
    detail: str
    first_utc_ms: int
    last_utc_ms: int


_TEXTS: dict[DoubtCode, tuple[str, str]] = {
    DoubtCode.LIBRARY_REDIRECTED: (
        "计量进程的库加载被改道",
        "the loader of the meter was pointed at other libraries",
    ),
    DoubtCode.LIBRARY_WRITABLE: (
        "厂商库文件可被 root 以外的用户更改",
        "others than root could change the vendor's library",
    ),
    DoubtCode.LIBRARY_REPLACED: (
        "运行中的厂商库已被替换，或不止一个",
        "the vendor's library was replaced while in use, or is there twice",
    ),
    DoubtCode.DRIVER_UNKNOWN: (
        "库报告了驱动版本，内核中却没有该驱动",
        "the library speaks of a driver that the kernel does not have",
    ),
    DoubtCode.DRIVER_VERSIONS_DIFFER: (
        "库、库文件与内核模块的驱动版本不一致",
        "library, its file and the kernel module state different driver versions",
    ),
    DoubtCode.DEVICE_HIDDEN: (
        "内核中有设备未被库列出",
        "the kernel has devices that the library does not show",
    ),
    DoubtCode.DEVICE_UNKNOWN: (
        "内核或总线上没有此设备",
        "neither the kernel module nor the bus knows the device",
    ),
    DoubtCode.DEVICE_DISAGREES: (
        "设备编号或厂商号与内核所示不一致",
        "the kernel shows another device in its place",
    ),
    DoubtCode.ENERGY_ABOVE_LIMIT: (
        "能耗超过功率上限所能达到的值",
        "more energy than the power limit allows",
    ),
    DoubtCode.ENERGY_DISAGREES: (
        "能量计数与功率积分相差三倍以上",
        "the energy counter and the integrated power differ by more than three times",
    ),
    DoubtCode.BUSY_WITHOUT_POWER: (
        "利用率很高而功率接近空闲",
        "busy nearly all the time at the power of an idle device",
    ),
    DoubtCode.PROCESSES_WITHOUT_DEVICE: (
        "驱动列出的进程没有打开设备文件",
        "a listed process holds no device file",
    ),
}

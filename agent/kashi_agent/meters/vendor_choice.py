"""Which vendor's library is read on this host, where the settings do not say."""

from enum import StrEnum
from pathlib import Path
from typing import Final

from kashi_agent.errors import ConfigError
from kashi_agent.sample import MeterKind

NVIDIA_DRIVER: Final = ("proc/driver/nvidia", "dev/nvidiactl")
ASCEND_DRIVER: Final = ("dev/davinci_manager",)
"""What each driver makes when it is loaded, below the host's root."""


class VendorChoice(StrEnum):
    """What the settings say."""

    AUTO = "auto"
    NVML = "nvml"
    ASCEND = "ascend"


def chosen(choice: VendorChoice, root: Path) -> MeterKind:
    """The meter that was asked for; else that of the driver that is loaded, and NVIDIA's where
    none is.

    ConfigError where both are: one meter reads one vendor, and nobody but a person can say which.
    """
    if choice is not VendorChoice.AUTO:
        return MeterKind[choice.name]
    nvidia, ascend = (
        any((root / path).exists() for path in paths) for paths in (NVIDIA_DRIVER, ASCEND_DRIVER)
    )
    if nvidia and ascend:
        raise ConfigError(
            "NVIDIA 与昇腾的驱动都已加载，而一个计量进程只读一家厂商：请以 "
            'meter = "nvml" 或 meter = "ascend" 指明。'
            "Both an NVIDIA and an Ascend driver are loaded, and one meter reads one vendor: "
            'say which with meter = "nvml" or meter = "ascend"'
        )
    return MeterKind.ASCEND if ascend else MeterKind.NVML

"""Finding and calling `libdcmi.so`, whichever of its two sets of entry points the driver has.

The older set knows a chip by its card and its place on it, the newer one by its logical id. So the
place of a chip is the integers that come first in each call of it, and nothing else differs but the
names. A driver refuses all of the set it does not have, initialisation included.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Final

from kashi_agent.errors import MeterError
from kashi_agent.meters.dcmi_codes import NO_FUNCTION, SUCCESS

Place = tuple[int, ...]
"""Where a chip is: (card, place on it), or (logical id,) in the newer set of entry points."""

LIBRARIES: Final = (
    "libdcmi.so",
    "/usr/local/Ascend/driver/lib64/driver/libdcmi.so",
    "/usr/local/dcmi/libdcmi.so",
)
"""Where it is looked for, in order: the loader's way first, then where the driver puts it."""

OLDER: Final = 1
NEWER: Final = 2

_NAMES: Final[dict[str, tuple[str, str]]] = {
    "init": ("dcmi_init", "dcmiv2_init"),
    "library version": ("dcmi_get_dcmi_version", "dcmiv2_get_dcmi_version"),
    "driver version": ("dcmi_get_driver_version", ""),
    "cards": ("dcmi_get_card_list", ""),
    "chips of card": ("dcmi_get_device_num_in_card", ""),
    "chips": ("", "dcmiv2_get_device_list"),
    "type": ("dcmi_get_device_type", "dcmiv2_get_device_type"),
    "chip": ("dcmi_get_device_chip_info_v2", "dcmiv2_get_device_chip_info"),
    "chip of old": ("dcmi_get_device_chip_info", ""),
    "die": ("dcmi_get_device_die_v2", "dcmiv2_get_device_die_id"),
    "die of old": ("dcmi_get_device_die", ""),
    "board": ("dcmi_get_device_board_info", "dcmiv2_get_device_board_info"),
    "label": ("dcmi_get_card_elabel_v2", "dcmiv2_get_device_elabel_info"),
    "bus": ("dcmi_get_device_pcie_info_v2", "dcmiv2_get_device_pcie_info"),
    "rate": ("dcmi_get_device_utilization_rate", "dcmiv2_get_device_utilization_rate"),
    "rates": (
        "dcmi_get_device_multi_utilization_rate",
        "dcmiv2_get_device_multi_utilization_rate",
    ),
    "rates of period": (
        "dcmi_get_device_multi_utilization_rate_period",
        "dcmiv2_get_device_multi_utilization_rate_period",
    ),
    "hbm": ("dcmi_get_device_hbm_info", "dcmiv2_get_device_hbm_info"),
    "memory": ("dcmi_get_device_memory_info_v3", ""),
    "power": ("dcmi_get_device_power_info", "dcmiv2_get_device_power_info"),
    "power of card": ("dcmi_mcu_get_power_info", ""),
    "health": ("dcmi_get_device_health", "dcmiv2_get_device_health"),
    "faults": ("dcmi_get_device_errorcode_v2", "dcmiv2_get_device_error_code_list"),
    "processes": ("dcmi_get_device_resource_info", "dcmiv2_get_device_proc_mem_info"),
    "info": ("dcmi_get_device_info", "dcmiv2_get_device_info"),
}
"""Every function the meter calls, by what it is asked for: its older name and its newer one."""


class DriverGone(MeterError):
    """The Ascend driver or its library does not answer as a whole; the message says why."""


class DcmiLibrary:
    """The loaded library, begun by the set of entry points that answers."""

    def __init__(self, libraries: Sequence[str] = LIBRARIES) -> None:
        """Load and begin. DriverGone when there is no library, or neither set answers."""
        self._library = _loaded(libraries)
        self._functions: dict[str, Callable[..., int] | None] = {}
        refused = []
        for self.api in (OLDER, NEWER):
            self._functions.clear()
            code = self.call("init")
            if code == SUCCESS:
                return
            refused.append(f"{_NAMES['init'][self.api - 1]}: code {code}")
        codes = "; ".join(refused)
        raise DriverGone(f"libdcmi.so 拒绝启动。libdcmi.so refuses to begin ({codes})")

    def call(self, what: str, *arguments: object) -> int:
        """The function's return code; NO_FUNCTION where this library does not have it.

        Integers go over as C ints, everything else as the pointer it is.
        """
        if what not in self._functions:
            self._functions[what] = _function(self._library, _NAMES[what][self.api - 1])
        function = self._functions[what]
        return NO_FUNCTION if function is None else function(*arguments)


def _function(library: ctypes.CDLL, name: str) -> Callable[..., int] | None:
    """The library's function, in a frame of its name: who looks for a hang sees which it is."""
    called: Callable[..., int] | None = getattr(library, name, None) if name else None
    if called is None:
        return None

    def function(*arguments: object) -> int:
        return called(*arguments)

    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)
    return function


def _loaded(libraries: Sequence[str]) -> ctypes.CDLL:
    """The first library the loader takes."""
    refusals = []
    for name in libraries:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            refusals.append(str(error))
    raise DriverGone(
        "无法加载昇腾驱动的 libdcmi.so。"
        f"The Ascend driver's libdcmi.so cannot be loaded: {'; '.join(refusals)}"
    )

"""What DCMI's codes mean, which generation a chip is of, and whose library is read."""

from pathlib import Path

import pytest
from kashi_agent.errors import ConfigError
from kashi_agent.meters.dcmi import Identity
from kashi_agent.meters.dcmi_codes import absent_for
from kashi_agent.meters.dcmi_generation import (
    A2,
    A3,
    A910,
    P310,
    UNKNOWN,
    Generation,
    generation_of,
)
from kashi_agent.meters.vendor_choice import VendorChoice, chosen
from kashi_agent.sample import AbsentReason, MeterKind


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-8001, AbsentReason.NOT_SUPPORTED),
        (-8002, AbsentReason.NO_PERMISSION),
        (-8003, AbsentReason.DRIVER_ERROR),
        (-8005, AbsentReason.DRIVER_ERROR),
        (-8006, AbsentReason.DRIVER_ERROR),
        (-8007, AbsentReason.DEVICE_LOST),
        (-8008, AbsentReason.DEVICE_LOST),
        (-8012, AbsentReason.DEVICE_LOST),
        (-8013, AbsentReason.NOT_SUPPORTED),
        (-8017, AbsentReason.NOT_READY),
        (-8020, AbsentReason.NOT_READY),
        (-8255, AbsentReason.NOT_SUPPORTED),
        (-99_998, AbsentReason.NOT_SUPPORTED),
        (-1, AbsentReason.DRIVER_ERROR),
        (7, AbsentReason.DRIVER_ERROR),
    ],
)
def test_a_code_makes_a_value_absent_for_its_own_reason(code: int, reason: AbsentReason) -> None:
    """A7: dropped, occupied, upgrading and unsupported are told apart; the rest are errors."""
    assert absent_for(code).reason is reason


@pytest.mark.parametrize(
    ("name", "board", "generation"),
    [
        ("910A", 0, A910),
        ("910ProA", 0, A910),
        ("910PremiumA", 0, A910),
        ("910", 0, A910),
        ("910B", 0, A910),
        ("910B1", 0x64, A2),
        ("910B2", 0x64, A2),
        ("910B2C", 0x64, A2),
        ("910B3", 0x64, A2),
        ("910B4", 0x64, A2),
        ("910B4-1", 0x64, A2),
        ("Ascend910", 0xB0, A3),
        ("910", 0xB3, A3),
        ("Ascend910_9392", 0, A3),
        ("910C", 0, A3),
        ("310P3", 0, P310),
        ("310P", 0, P310),
        ("Ascend950PR", 0, UNKNOWN),
        ("310B1", 0, UNKNOWN),
        ("", 0, UNKNOWN),
    ],
)
def test_a_chips_generation_follows_from_its_name(
    name: str, board: int, generation: Generation
) -> None:
    """A name nobody has seen is of no known generation, and nothing is assumed of it."""
    identity = Identity(
        kind="Ascend",
        name=name,
        npu_name="",
        board=board,
        serial="",
        pci_bus_id="",
        memory_mb=0,
    )

    assert generation_of(identity) is generation


@pytest.mark.parametrize(
    ("choice", "files", "kind"),
    [
        (VendorChoice.AUTO, [], MeterKind.NVML),
        (VendorChoice.AUTO, ["proc/driver/nvidia"], MeterKind.NVML),
        (VendorChoice.AUTO, ["dev/davinci_manager"], MeterKind.ASCEND),
        (VendorChoice.ASCEND, ["dev/nvidiactl", "dev/davinci_manager"], MeterKind.ASCEND),
        (VendorChoice.NVML, ["dev/davinci_manager"], MeterKind.NVML),
    ],
)
def test_the_loaded_driver_chooses_the_meter_unless_the_settings_do(
    tmp_path: Path, choice: VendorChoice, files: list[str], kind: MeterKind
) -> None:
    """What is set is read; else what the loaded driver has made tells."""
    for file in files:
        (tmp_path / file).mkdir(parents=True)

    assert chosen(choice, tmp_path) is kind


def test_two_vendors_on_one_host_are_a_persons_choice(tmp_path: Path) -> None:
    """With both drivers loaded nothing is guessed: the message says what to set."""
    for file in ("dev/nvidiactl", "dev/davinci_manager"):
        (tmp_path / file).mkdir(parents=True)

    with pytest.raises(ConfigError, match='meter = "ascend"'):
        chosen(VendorChoice.AUTO, tmp_path)

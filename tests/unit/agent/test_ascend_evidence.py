"""Facts for judging Ascend chips, from trees of files made for the test."""

from pathlib import Path

import pytest
from kashi_agent.evidence.ascend import AscendFacts
from kashi_agent.evidence.pci import PciBus
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Meter,
    MeterKind,
    Sample,
    SampleBatch,
    Vendor,
)

LOST = Absent(AbsentReason.DEVICE_LOST)
DRIVER = "24.1.rc2"


def chip(number: int, place: str, parent: str = "") -> Device:
    """A chip at a place on the bus; "": it does not tell."""
    return Device(
        vendor=Vendor.HUAWEI,
        hardware_id=f"npu-{number}",
        model="Ascend 910B3",
        meter=MeterKind.ASCEND,
        pci_bus_id=place,
        parent_hardware_id=parent,
        share_denominator=2 if parent else 1,
    )


def said(root: Path, *devices: Device, driver: str = DRIVER) -> list[tuple[str, str]]:
    """What is told of which device."""
    meter = Meter(kind=MeterKind.ASCEND, cadence_ms=1_000, driver_version=driver)
    batch = SampleBatch(
        boottime_ms=1,
        meter=meter,
        samples=tuple(Sample(device=device, seen=LOST) for device in devices),
    )
    facts = AscendFacts(sys=root / "sys", root=root)
    return [(fact.hardware_id, fact.detail) for fact in facts.collect(batch)]


def on_bus(root: Path, place: str, vendor: str, number: str, kind: str) -> None:
    """A device as the kernel shows it."""
    folder = root / "sys/bus/pci/devices" / place
    folder.mkdir(parents=True)
    for name, text in (("vendor", vendor), ("device", number), ("class", kind)):
        (folder / name).write_text(f"{text}\n")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Two chips, a network card and a console of the same vendor, another vendor's card."""
    on_bus(tmp_path, "0000:c1:00.0", "0x19e5", "0xd802", "0x120000")
    on_bus(tmp_path, "0000:c2:00.0", "0x19e5", "0xd802", "0x120000")
    on_bus(tmp_path, "0000:05:00.0", "0x19e5", "0x0200", "0x020000")
    on_bus(tmp_path, "0000:06:00.0", "0x19e5", "0x1711", "0x030000")
    on_bus(tmp_path, "0000:17:00.0", "0x10de", "0x2330", "0x120000")
    installed = tmp_path / "usr/local/Ascend/driver/version.info"
    installed.parent.mkdir(parents=True)
    installed.write_text(f"package_version=x\nVersion={DRIVER}\nascendhal_version=7.35\n")
    return tmp_path


def test_a_clean_host_agrees_with_itself(host: Path) -> None:
    """Every chip is where the library says, and nothing of its kind is left over."""
    assert said(host, chip(1, "0000:c1:00.0"), chip(2, "0000:C2:00.0")) == [
        ("", f"driver_library={DRIVER}"),
        ("", f"driver_installed={DRIVER}"),
        ("", "npus_unlisted="),
        ("npu-1", "pci=19e5:d802"),
        ("npu-2", "pci=19e5:d802"),
    ]


def test_a_chip_the_library_hides_is_told(host: Path) -> None:
    """Partitions show nothing of their own, and what is no accelerator is none."""
    told = said(host, chip(1, "0000:c1:00.0"), chip(3, "0000:c1:00.0", parent="npu-1"))

    assert ("", "npus_unlisted=0000:c2:00.0") in told
    assert [hardware_id for hardware_id, _ in told] == ["", "", "", "npu-1"]


def test_where_a_chip_does_not_say_its_place_nothing_is_guessed(host: Path) -> None:
    """Which of the devices on the bus is missing cannot be said then."""
    told = said(host, chip(1, "0000:c1:00.0"), chip(2, ""))

    assert ("", "npus_unlisted?not_supported") in told


def test_what_cannot_be_read_has_its_reason(tmp_path: Path) -> None:
    """Without any of the files every fact is absent with a reason, never empty."""
    assert said(tmp_path, chip(1, "0000:c1:00.0"), driver="") == [
        ("", "driver_library?not_found"),
        ("", "driver_installed?not_found"),
        ("", "npus_unlisted?not_found"),
        ("npu-1", "pci?not_found"),
    ]


def test_a_file_of_another_form_is_no_version(host: Path) -> None:
    """A word that only looks like it is passed over."""
    (host / "usr/local/Ascend/driver/version.info").write_text("package_Version=1\n")

    assert ("", "driver_installed?not_found") in said(host)


def test_vendors_are_told_apart(host: Path) -> None:
    """By vendor and class together."""
    bus = PciBus(host / "sys")

    assert bus.accelerators("0x10de") == frozenset({"0000:17:00.0"})
    assert bus.accelerators("0x19e5") == frozenset({"0000:c1:00.0", "0000:c2:00.0"})

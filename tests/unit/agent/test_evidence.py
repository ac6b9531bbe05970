"""Facts for judging a meter, from trees of files made for the test."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from kashi_agent.evidence.fact import VALUE_CHARACTERS_MAX, Fact
from kashi_agent.evidence.library import LibraryFacts
from kashi_agent.evidence.nvidia import NvidiaFacts
from kashi_agent.evidence.pci import pci_place
from kashi_agent.evidence.power import PowerCheck
from kashi_agent.evidence.processes import ProcessFacts
from kashi_agent.evidence.telling import COLLECT_EVERY_MS, REPEAT_EVERY_MS, Telling
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)

UUID = "GPU-00000001-0000-4000-8000-000000000000"
PLACE = "0000:17:00.0"
DRIVER = "550.54.15"
LIBRARY = f"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{DRIVER}"
NOT_TOLD = Absent(AbsentReason.NOT_SUPPORTED)
CARD = Device(
    vendor=Vendor.NVIDIA,
    hardware_id=UUID,
    model="NVIDIA H100 80GB HBM3",
    meter=MeterKind.NVML,
    pci_bus_id="00000000:17:00.0",
)


def batch(
    at_ms: int,
    *,
    devices: Iterable[Device] = (CARD,),
    counter_mj: int | Absent = NOT_TOLD,
    ppm: int | Absent = 500_000,
) -> SampleBatch:
    """All devices seen alike at one instant."""
    seen = Observation(
        utilisation_ppm=ppm,
        energy_counter_mj=counter_mj,
        power_mw=NOT_TOLD,
        memory_used_bytes=NOT_TOLD,
        holders=frozenset(),
    )
    return SampleBatch(
        boottime_ms=at_ms,
        meter=Meter(kind=MeterKind.NVML, cadence_ms=1_000, driver_version=DRIVER),
        samples=tuple(Sample(device=device, seen=seen) for device in devices),
    )


def write(path: Path, text: str) -> Path:
    """A file with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def details(facts: Iterable[Fact]) -> dict[str, str]:
    """What is told, by name."""
    return {fact.name: fact.detail for fact in facts}


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with a driver: its root, with /proc and /sys below it."""
    write(
        tmp_path / "proc/driver/nvidia/version",
        f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {DRIVER}  Tue Mar  5 22:23:56 UTC 2024\n"
        "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n",
    )
    write(tmp_path / "sys/module/nvidia/version", f"{DRIVER}\n")
    write(
        tmp_path / f"proc/driver/nvidia/gpus/{PLACE}/information",
        f"Model: \t\t {CARD.model}\nIRQ:   \t\t 116\nGPU UUID: \t {UUID}\n"
        f"Bus Location: \t {PLACE}\nDevice Minor: \t 0\n",
    )
    write(tmp_path / f"sys/bus/pci/devices/{PLACE}/vendor", "0x10de\n")
    write(tmp_path / f"sys/bus/pci/devices/{PLACE}/device", "0x2330\n")
    library = write(tmp_path / LIBRARY.removeprefix("/"), "library")
    library.chmod(0o755)
    for folder in library.parents:
        if tmp_path in folder.parents or folder == tmp_path:
            folder.chmod(0o755)
    write(
        tmp_path / "proc/self/maps",
        f"7f0000000000-7f0000001000 r-xp 00000000 08:01 1234 {LIBRARY}\n"
        "7f0000002000-7f0000003000 r-xp 00000000 08:01 1235 /usr/lib/x86_64-linux-gnu/libc.so.6\n"
        "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0    [stack]\n",
    )
    (tmp_path / "proc/self/environ").write_bytes(b"PATH=/usr/bin\0LANG=C\0")
    return tmp_path


def library_facts(host: Path) -> dict[str, str]:
    """Facts of the library and the loader."""
    return details(LibraryFacts(proc=host / "proc", root=host).collect())


def nvidia_facts(host: Path, *devices: Device) -> dict[str, str]:
    """Facts of the driver."""
    facts = NvidiaFacts(proc=host / "proc", sys=host / "sys")
    return details(facts.collect(batch(0, devices=devices or (CARD,))))


def test_a_clean_host_tells_its_library(host: Path) -> None:
    """Path as mapped, digest of the file, root's alone; known to be empty where nothing is set."""
    owned = "root-only" if os.geteuid() == 0 else f"/ uid {os.geteuid()} mode 0755"

    assert library_facts(host) == {
        "library_path": f"library_path={LIBRARY}",
        "library_sha256": f"library_sha256={hashlib.sha256(b'library').hexdigest()}",
        "library_owner": f"library_owner={owned}",
        "ld_preload": "ld_preload=",
        "ld_audit": "ld_audit=",
        "ld_library_path": "ld_library_path=",
        "ld_so_preload": "ld_so_preload=",
    }


def test_a_library_that_others_may_change_is_told(host: Path) -> None:
    """The first place on the way to it that is not root's alone, with owner and mode."""
    (host / "usr/lib").chmod(0o777)
    uid = os.geteuid()
    first = "/usr/lib uid 0 mode 0777" if uid == 0 else f"/ uid {uid} mode 0755"

    assert library_facts(host)["library_owner"] == f"library_owner={first}"


@pytest.mark.parametrize("place", ["/usr/lib", LIBRARY])
@pytest.mark.parametrize(
    ("uid", "mode"), [(0, 0o775), (0, 0o757), (65_534, 0o755)], ids=["group", "others", "owner"]
)
def test_whoever_else_could_change_the_library_is_told(
    host: Path, place: str, uid: int, mode: int
) -> None:
    """Its group, everybody, an owner who is not root; of the file and of each folder above it."""
    if os.geteuid() != 0:
        pytest.skip("only root makes a file root's alone: run the tests as root")
    changed = host / place.removeprefix("/")
    os.chown(changed, uid, -1)
    changed.chmod(mode)

    said = library_facts(host)["library_owner"]

    assert said == f"library_owner={place} uid {uid} mode {mode:04o}"


def test_a_library_exchanged_under_the_meter_is_told(host: Path) -> None:
    """The kernel marks a mapped file that is no longer at its path; the digest is the new file's,
    and one file is hashed once."""
    maps = host / "proc/self/maps"
    maps.write_text(maps.read_text().replace(LIBRARY, f"{LIBRARY} (deleted)"))
    facts = LibraryFacts(proc=host / "proc", root=host)

    said = details(facts.collect())
    (host / LIBRARY.removeprefix("/")).write_text("another")
    after = details(facts.collect())

    assert said["library_path"] == f"library_path={LIBRARY} (deleted)"
    digest = hashlib.sha256(b"another").hexdigest()
    assert after["library_sha256"] == f"library_sha256={digest}" != said["library_sha256"]


def test_two_libraries_are_both_told(host: Path) -> None:
    """A second library of the vendor's name in the process does not hide behind the first."""
    maps = host / "proc/self/maps"
    maps.write_text(
        maps.read_text() + "7f0000004000-7f0000005000 r-xp 0 08:01 99 /opt/libnvidia-ml.so.1\n"
    )

    assert library_facts(host)["library_path"] == (f"library_path=/opt/libnvidia-ml.so.1 {LIBRARY}")


def test_what_the_loader_was_told_is_a_fact(host: Path) -> None:
    """LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH as the process began with them, and ld.so.preload; a
    folder behind a link is told by its own name, for so are libraries that come from it."""
    (host / "proc/self/environ").write_bytes(
        b"LD_PRELOAD=/opt/a.so\0LD_LIBRARY_PATH=:/opt/link:/usr/lib\0LD_AUDIT=/opt/b.so\0"
    )
    (host / "opt/lib").mkdir(parents=True)
    (host / "opt/link").symlink_to(host / "opt/lib")
    write(host / "etc/ld.so.preload", "/opt/c.so\n/opt/d.so\n")

    said = library_facts(host)

    assert said["ld_preload"] == "ld_preload=/opt/a.so"
    assert said["ld_audit"] == "ld_audit=/opt/b.so"
    assert said["ld_library_path"] == "ld_library_path=/opt/lib:/usr/lib"
    assert said["ld_so_preload"] == "ld_so_preload=/opt/c.so?/opt/d.so"


def test_what_cannot_be_told_has_its_reason(tmp_path: Path) -> None:
    """Without any of the files every fact is absent with a reason, never empty."""
    said = {**library_facts(tmp_path), **nvidia_facts(tmp_path)}

    known = {"driver_library": f"driver_library={DRIVER}", "ld_so_preload": "ld_so_preload="}
    assert {name: said.pop(name) for name in known} == known
    assert set(said.values()) == {f"{name}?not_found" for name in said}


def test_a_clean_driver_agrees_with_itself(host: Path) -> None:
    """Versions from library, module page and sysfs; the device's page and its place on the bus."""
    assert nvidia_facts(host) == {
        "driver_library": f"driver_library={DRIVER}",
        "driver_proc": f"driver_proc={DRIVER}",
        "driver_module": f"driver_module={DRIVER}",
        "gpus_unlisted": "gpus_unlisted=",
        "proc_uuid": f"proc_uuid={UUID}",
        "proc_model": f"proc_model={CARD.model}",
        "pci": "pci=10de:2330",
    }


def test_the_open_modules_page_is_read_as_well(host: Path) -> None:
    """It words its version otherwise."""
    write(
        host / "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (root)",
    )

    assert nvidia_facts(host)["driver_proc"] == "driver_proc=580.95.05"


def test_a_device_the_library_hides_is_told(host: Path) -> None:
    """The module's own list against the library's."""
    write(host / "proc/driver/nvidia/gpus/0000:65:00.0/information", "Model: \t\t NVIDIA T4\n")

    assert nvidia_facts(host)["gpus_unlisted"] == "gpus_unlisted=0000:65:00.0"


def test_a_device_that_was_never_opened_is_not_ready(host: Path) -> None:
    """The module shows question marks then; they are no disagreement."""
    page = host / f"proc/driver/nvidia/gpus/{PLACE}/information"
    page.write_text(page.read_text().replace(UUID, "GPU-????????-????-????-????-????????????"))

    assert nvidia_facts(host)["proc_uuid"] == "proc_uuid?not_ready"


@pytest.mark.parametrize(
    ("bus_id", "place"),
    [
        ("00000000:17:00.0", PLACE),
        ("0000:AF:00.0", "0000:af:00.0"),
        ("00010000:01:00.0", "10000:01:00.0"),
    ],
)
def test_a_bus_id_is_named_as_the_kernel_names_it(bus_id: str, place: str) -> None:
    """Four digits of the domain, or as many as it needs; lower case."""
    assert pci_place(bus_id) == place


def test_a_value_stays_on_one_line_of_the_contract(host: Path) -> None:
    """Neither a newline nor a long path breaks out of it."""
    fact = Fact(name="ld_preload", value="/a\n/b" + "x" * 1_000)

    assert fact.detail.startswith("ld_preload=/a?/bx")
    assert len(fact.detail) == len("ld_preload=") + VALUE_CHARACTERS_MAX <= 256


def test_listed_processes_are_looked_at_for_a_device_file(tmp_path: Path) -> None:
    """One holds it, one holds other files, one cannot be looked at."""
    for pid, target in ((10, "/dev/nvidia0"), (11, "/dev/null")):
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "fd" / "3").symlink_to(target)

    facts = ProcessFacts(proc=tmp_path, pids=lambda _hardware_id: [10, 11, 12])

    assert details(facts.collect(batch(0))) == {
        "processes": "processes=listed:3 holding:1 unreadable:1"
    }


def told(batch_: SampleBatch) -> list[str]:
    """The facts of a batch."""
    assert all(event.kind == DeviceEventKind.FACT for event in batch_.events)
    return [event.detail for event in batch_.events]


def test_facts_are_told_at_the_start_on_change_and_once_a_day() -> None:
    """And to a new agent, and when a device comes; never otherwise."""
    value = "a"
    telling = Telling(standing=(lambda _batch: [Fact(name="f", value=value)],))

    assert told(telling.added(batch(1_000))) == ["f=a"]
    assert told(telling.added(batch(2_000))) == []
    assert told(telling.added(batch(COLLECT_EVERY_MS + 1_000))) == []
    value = "b"
    assert told(telling.added(batch(COLLECT_EVERY_MS + 2_000))) == []
    assert told(telling.added(batch(2 * COLLECT_EVERY_MS + 1_000))) == ["f=b"]
    telling.begin()
    assert told(telling.added(batch(2 * COLLECT_EVERY_MS + 2_000))) == ["f=b"]
    value = "c"
    assert told(telling.added(batch(2 * COLLECT_EVERY_MS + 3_000, devices=()))) == ["f=c"]
    daily = REPEAT_EVERY_MS + 2 * COLLECT_EVERY_MS + 2_000
    assert told(telling.added(batch(daily, devices=()))) == ["f=c"]


def power_check(power: int | Absent, limit: int | Absent, *, window_ms: int) -> PowerCheck:
    """Every device draws and may draw as much."""
    return PowerCheck(power=lambda _: power, limit=lambda _: limit, window_ms=window_ms)


def power(check: PowerCheck, *, seconds: int, from_mj: int, step_mj: int, ppm: int) -> list[str]:
    """A second a batch; what was told."""
    return [
        fact.detail
        for second in range(seconds + 1)
        for fact in check.observe(
            batch(second * 1_000, counter_mj=from_mj + second * step_mj, ppm=ppm)
        )
    ]


def test_a_meter_that_was_begun_anew_tells_of_energy_within_the_hour() -> None:
    """After one hour, then two, then four, then every six: releases and restarts, which no process
    outlives, do not keep it from being told."""
    check = PowerCheck(power=lambda _: 300_000, limit=lambda _: 700_000)
    told = []
    for minute in range(20 * 60):
        at = minute * 60_000
        slow = Meter(kind=MeterKind.NVML, cadence_ms=60_000)
        facts = check.observe(replace(batch(at, counter_mj=18_000 * minute), meter=slow))
        told += [(at // 3_600_000, str(fact.value).partition(" ")[0]) for fact in facts]

    spans = [(1, 1), (3, 2), (7, 4), (13, 6), (19, 6)]
    assert told == [(at, f"span_ms:{hours * 3_600_000}") for at, hours in spans]


def test_energy_is_held_against_power_and_limit() -> None:
    """300 W for a minute: counted, integrated, busy and limit, exactly."""
    check = power_check(300_000, 700_000, window_ms=60_000)

    (said,) = power(check, seconds=60, from_mj=7, step_mj=300_000, ppm=250_000)

    assert said == (
        "energy=span_ms:60000 counted_mj:18000000 integrated_mj:18000000 utilised_ppm:250000"
        " limit_mw:700000"
    )


def test_what_is_not_known_of_it_is_left_out() -> None:
    """A device without power or limit: no sum is made up."""
    check = power_check(NOT_TOLD, NOT_TOLD, window_ms=60_000)

    assert power(check, seconds=60, from_mj=0, step_mj=1, ppm=0) == [
        "energy=span_ms:60000 counted_mj:60 utilised_ppm:0"
    ]


def test_a_counter_that_begins_anew_begins_the_window_anew() -> None:
    """A driver was loaded: the sum would be nobody's."""
    check = power_check(1_000, 2_000, window_ms=10_000)
    counters = [100, 101, 102, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

    said = [
        fact.detail
        for second, counter in enumerate(counters)
        for fact in check.observe(batch(second * 1_000, counter_mj=counter))
    ]

    assert len(said) == 1
    assert "span_ms:10000 counted_mj:10 " in said[0]


def test_time_nobody_saw_is_in_no_window() -> None:
    """A hole of more than the gap limit begins it anew."""
    check = power_check(1_000, 2_000, window_ms=10_000)

    said = [list(check.observe(batch(at_ms))) for at_ms in (0, 9_000, 15_100, 16_000)]

    assert said == [[], [], [], []]

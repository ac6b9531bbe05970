"""One look at the devices: whoever waits for it is told what for."""

import json
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from kashi_agent import meter_probe
from kashi_agent.cli import main
from kashi_agent.commands import once
from kashi_agent.meter_link import Hello, Notice, NoticeKind, encode_message
from kashi_agent.meter_probe import FirstLook, first_look
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)
from kashi_agent.state_words import meter_halves

LONG_SECONDS = 60
ABSENT = "未安装 libnvidia-ml.so.1（代码 12）。libnvidia-ml.so.1 is not installed (code 12)"
CARD = Device(
    vendor=Vendor.NVIDIA,
    hardware_id="GPU-1",
    model="NVIDIA H100",
    meter=MeterKind.NVML,
    memory_bytes=80 << 30,
)
LOOK = SampleBatch(
    boottime_ms=1_000,
    meter=Meter(kind=MeterKind.NVML, cadence_ms=1_000),
    samples=(Sample(device=CARD, seen=Absent(AbsentReason.DEVICE_LOST)),),
)


class LateMeter:
    """A meter that does not begin to speak before somebody waits for it, and reads in the end."""

    def __init__(self) -> None:
        self.path = Path()
        self.line: socket.socket | None = None
        self.waited_for: list[str] = []

    def child(self, path: Path, _options: Sequence[str]) -> "LateMeter":
        """Where the agent makes a child."""
        self.path = path
        return self

    def keep(self, _boottime_ms: int) -> None:
        """It speaks later."""

    def waiting(self, why: str) -> None:
        """Somebody waits: first its driver is missing, which it says twice, then it reads."""
        self.waited_for.append(why)
        if self.line is None:
            self.line = socket.socket(socket.AF_UNIX)
            self.line.connect(str(self.path))
            self.line.sendall(encode_message(Hello(pid=1, kind=MeterKind.NVML, cadence_ms=1_000)))
            refused = Notice(boottime_ms=1, kind=NoticeKind.DRIVER, detail=ABSENT)
            self.line.sendall(encode_message(refused) * 2)
        else:
            self.line.sendall(encode_message(LOOK))

    def stop(self) -> None:
        """It goes."""
        if self.line is not None:
            self.line.close()


def test_whoever_waits_is_told_soon_and_each_reason_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the meter has not answered yet, then what it says of its driver; then the reading."""
    meter = LateMeter()
    monkeypatch.setattr(meter_probe, "MeterChild", meter.child)
    monkeypatch.setattr(meter_probe, "QUIET_SECONDS", 0.01)

    look = first_look((), LONG_SECONDS, patient=True, waiting=meter.waiting)

    assert meter.waited_for == [
        "计量进程尚未应答。The meter has not answered yet",
        f"driver: {ABSENT}",
    ]
    assert look.batch == LOOK


def test_the_first_word_comes_within_two_seconds() -> None:
    """Somebody who sees nothing for longer takes a command for dead."""
    assert meter_probe.QUIET_SECONDS < 2


def test_once_says_what_it_waits_for_beside_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, in Chinese and in English; what stands beside values is in both too."""

    def look(
        _options: Sequence[str], _seconds: float, *, patient: bool, waiting: object
    ) -> FirstLook:
        assert patient
        assert callable(waiting)
        waiting(f"driver: {ABSENT}")
        return FirstLook(batch=LOOK)

    monkeypatch.setattr(once, "first_look", look)
    assert main(["once", "--state", str(tmp_path)]) == 0
    said = capsys.readouterr()

    assert said.err == (
        "等待读数，至多 20 秒：驱动不可用：未安装 libnvidia-ml.so.1（代码 12）。"
        "Waiting for a reading, at most 20 s: driver: libnvidia-ml.so.1 is not installed"
        " (code 12)\n"
    )
    for word in ("设备", "型号", "缺失原因", "GPU-1", "设备失联", "device_lost"):
        assert word in said.out


def test_once_tells_what_is_not_seen_and_who_holds_in_chinese_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line a value, on a terminal of 80 columns; what a first reading cannot have or does not ask
    is no fault, and is said in words. Programs read the words they knew."""
    seen = Observation(
        utilisation_ppm=Absent(AbsentReason.NOT_READY),
        energy_counter_mj=Absent(AbsentReason.NOT_SUPPORTED),
        power_mw=Absent(AbsentReason.NOT_RECORDED),
        memory_used_bytes=1 << 30,
        holders=frozenset({Holder(kind=HolderKind.SLURM_JOB, name="77")}),
    )
    working = Sample(device=replace(CARD, hardware_id="GPU-2"), seen=seen)
    look = FirstLook(batch=replace(LOOK, samples=(*LOOK.samples, working)))
    monkeypatch.setattr(once, "first_look", lambda *_asked, **_how: look)
    monkeypatch.setenv("COLUMNS", "80")
    main(["once", "--state", str(tmp_path)])
    table = capsys.readouterr().out
    main(["once", "--state", str(tmp_path), "--json"])
    lost, held = json.loads(capsys.readouterr().out)

    rows = [[cell.strip() for cell in one.split("│")[1:-1]] for one in table.splitlines()]
    assert [row for row in rows if row] == [
        ["设备 hardware_id", "GPU-1"],
        ["型号 model", "NVIDIA H100"],
        ["缺失原因 absent", "设备失联 device_lost"],
        ["", ""],
        ["设备 hardware_id", "GPU-2"],
        ["型号 model", "NVIDIA H100"],
        ["利用率 utilisation_ppm", "须两次读数，首次尚无 takes two readings"],
        ["已用显存 memory_used_bytes", "1073741824"],
        ["功率 power_mw", "此次未读取 not read this time"],
        ["累计电能 energy_counter_mj", "不支持 not_supported"],
        ["占用者 holders", "Slurm 作业 77"],
    ]
    assert lost["absent"] == "device_lost"
    assert held["power_mw"] == "absent: not_recorded"
    assert held["holders"] == ["SLURM_JOB:77"]


@pytest.mark.parametrize(
    ("state", "zh", "en"),
    [
        (f"driver: {ABSENT}", "驱动不可用：未安装 libnvidia-ml.so.1（代码 12）", None),
        ("hung: 3 s", "调用停滞：3 s", "hung: 3 s"),
        ("silent", "无声", "silent"),
        ("it never connected", "it never connected", "it never connected"),
    ],
)
def test_what_a_meter_says_parts_into_its_languages(state: str, zh: str, en: str | None) -> None:
    """Its word and its reason in each; what is in one language stays whole in both."""
    assert meter_halves(state) == (zh, en or f"driver: {ABSENT.partition('。')[2]}")

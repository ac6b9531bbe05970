"""`top`: what the meter sees now, on a terminal and for programs."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from kashi_agent.cli import main
from kashi_agent.errors import AgentError
from kashi_agent.live import LiveBoard, read_live
from kashi_agent.meter_link import NoticeKind
from kashi_agent.reading import Counters
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
from kashi_agent.state_words import absence, holder_kind, meter_state

WAIT_SECONDS = 30
NOT_TOLD = Absent(AbsentReason.NOT_SUPPORTED)
LOST = Absent(AbsentReason.DEVICE_LOST)
WHOLE = Device(
    vendor=Vendor.NVIDIA,
    hardware_id="GPU-1",
    model="NVIDIA H100",
    meter=MeterKind.NVML,
    memory_bytes=80 << 30,
)
PART = Device(
    vendor=Vendor.NVIDIA,
    hardware_id="MIG-1",
    model="NVIDIA H100 MIG 1g.10gb",
    meter=MeterKind.NVML,
    parent_hardware_id="GPU-1",
    share_numerator=1,
    share_denominator=7,
)


def seen(counter_mj: int | Absent, memory: int | Absent = NOT_TOLD) -> Observation:
    """A busy device that a container holds."""
    return Observation(
        utilisation_ppm=370_000,
        energy_counter_mj=counter_mj,
        power_mw=NOT_TOLD,
        memory_used_bytes=memory,
        holders=frozenset({Holder(HolderKind.CONTAINER, "ab" * 32)}),
    )


def batch(at_ms: int, whole: Observation | Absent, part: Observation | Absent) -> SampleBatch:
    """Both devices at one instant."""
    return SampleBatch(
        boottime_ms=at_ms,
        meter=Meter(kind=MeterKind.NVML, cadence_ms=1_000),
        samples=(Sample(device=WHOLE, seen=whole), Sample(device=PART, seen=part)),
    )


def board(folder: Path, utc_ms: int) -> LiveBoard:
    """A board whose whole device was observed for an hour, its part for seven."""
    hour_ms = 3_600_000
    totals = {
        "GPU-1": Counters(observed_ms=hour_ms, gap_ms=5_000, utilised_ns=hour_ms * 500_000),
        "MIG-1": Counters(observed_ms=7 * hour_ms),
    }
    return LiveBoard(path=folder / "live.json", utc_ms=lambda: utc_ms, counters=lambda: totals)


def settings(folder: Path) -> list[str]:
    """Options that name a settings file whose socket lies in a folder."""
    path = folder / "agent.toml"
    path.write_text(f'[agent]\nmeter_socket = "{folder}/meter.sock"\nstate_folder = "{folder}"\n')
    return ["--config", str(path)]


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def look_at(folder: Path) -> None:
    """Somebody reads the file, on a mount that keeps times of access."""
    path = folder / "live.json"
    stood = path.stat()
    os.utime(path, ns=(stood.st_mtime_ns + 1, stood.st_mtime_ns))


def test_what_nobody_reads_is_written_seldom(tmp_path: Path) -> None:
    """Once read, the next batch is written; unread, ten seconds pass first."""
    shown = board(tmp_path, 1_000)
    path = tmp_path / "live.json"
    written = []
    for at_ms in range(1_000, 21_000, 1_000):
        shown.show(batch(at_ms, seen(at_ms), LOST))
        written.append(path.stat().st_ino)
        if at_ms >= 15_000:
            look_at(tmp_path)

    changes = [one != before for before, one in pairwise(written)]
    assert [place for place, changed in enumerate(changes, 2) if changed] == [11, *range(16, 21)]


def test_a_look_says_what_is_known_and_what_is_not(tmp_path: Path) -> None:
    """Power from the counter between two batches, memory as last read, a lost device as lost."""
    shown = board(tmp_path, 1_000)
    shown.show(batch(1_000, seen(10_000, 6 << 30), LOST))
    look_at(tmp_path)
    shown.show(batch(3_000, seen(1_010_000), LOST))

    whole, part = read_live(tmp_path / "live.json").devices

    assert (whole.power_mw, whole.memory_used_bytes) == (500_000, 6 << 30)
    assert whole.holders == ["container:" + "ab" * 32]
    assert (whole.observed_ms, whole.gap_ms) == (3_600_000, 5_000)
    assert part.absent == "device_lost"
    assert (part.utilisation_ppm, part.power_mw, part.holders) == (None, None, None)


def test_holders_have_the_names_people_use_or_the_reason_why_not(tmp_path: Path) -> None:
    """A label where there is one; where holders are unknown, the meter's own word for it."""
    named = replace(seen(1), holders=frozenset({Holder(HolderKind.USER, "1000", "lihua")}))
    unread = replace(seen(1), holders=Absent(AbsentReason.SCHEDULER_UNREAD))
    board(tmp_path, 1_000).show(batch(1_000, named, unread))

    whole, part = read_live(tmp_path / "live.json").devices

    assert (whole.holders, whole.holders_absent) == (["user:lihua"], "")
    assert (part.holders, part.holders_absent) == (None, "scheduler_unread")


def test_a_counter_that_began_anew_is_no_power(tmp_path: Path) -> None:
    """Nothing is computed across a driver's reload."""
    shown = board(tmp_path, 1_000)
    shown.show(batch(1_000, seen(10_000), LOST))
    look_at(tmp_path)
    shown.show(batch(2_000, seen(5), LOST))

    assert read_live(tmp_path / "live.json").devices[0].power_mw is None


def test_top_is_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row a device, Chinese first; a partition counts as its part; what is unknown is a question
    mark, never a zero."""
    shown = board(tmp_path, now_ms())
    shown.show(batch(1_000, seen(10_000, 6 << 30), seen(NOT_TOLD)))

    assert main(["top", *settings(tmp_path)]) == 0

    said = capsys.readouterr().out
    for word in ("利用率", "37 %", "6/80", "1.000", "0.500", "MIG-1 1/7", "?/0"):
        assert word in said, said


def test_top_tells_why_and_who_in_chinese_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Why a device is not seen or its holders are not, and of which kind a holder is."""
    untold = replace(seen(1), holders=Absent(AbsentReason.NO_PERMISSION))
    board(tmp_path, now_ms()).show(batch(1_000, seen(10_000), untold))
    main(["top", *settings(tmp_path)])
    first = capsys.readouterr().out
    board(tmp_path, now_ms()).show(batch(1_000, LOST, LOST))
    main(["top", *settings(tmp_path)])
    second = capsys.readouterr().out

    for word in ("容器", "无权限", "no_permission"):
        assert word in first, first
    for word in ("设备失联", "device_lost"):
        assert word in second, second


def test_every_reason_and_kind_has_its_chinese_word() -> None:
    """Those of the meter's line too."""
    states = [meter_state(str(one)) for one in NoticeKind if one is not NoticeKind.UNIDENTIFIED]
    words = [absence(str(one)) for one in AbsentReason] + states
    kinds = [holder_kind(one.name.lower()) for one in HolderKind if one is not HolderKind.POD]

    for word in words + kinds:
        assert "\u4e00" <= word[0] <= "\u9fff" or word.startswith("Slurm 作业"), word


def test_top_for_programs_is_a_line_a_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many as asked for, each with every device, and whether it is live."""
    shown = board(tmp_path, now_ms())
    shown.show(batch(1_000, seen(10_000), LOST))

    code = main(["top", *settings(tmp_path), "--json", "--count", "2", "--every", "0.1"])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert len(lines) == 2
    assert [device["hardware_id"] for device in lines[1]["devices"]] == ["GPU-1", "MIG-1"]
    assert lines[0]["live"] is True


def test_an_old_look_is_not_live(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and a word: the figures are those of an agent that hangs or is gone."""
    board(tmp_path, now_ms() - 60_000).show(batch(1_000, seen(10_000), LOST))

    assert main(["top", *settings(tmp_path)]) == 1
    assert "已过时" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "kashi/v1/agent-live"}', "\xff"])
def test_a_damaged_look_is_one_sentence(tmp_path: Path, text: str) -> None:
    """It names the file."""
    path = tmp_path / "live.json"
    path.write_text(text, encoding="latin-1")

    with pytest.raises(AgentError, match=r"live\.json cannot be read"):
        read_live(path)


def test_without_an_agent_there_is_nothing_to_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence that says where to look."""
    assert main(["top", *settings(tmp_path)]) == 1
    assert "kashi-agent doctor says why" in capsys.readouterr().err


def test_a_folder_that_takes_nothing_does_not_stop_the_agent(tmp_path: Path) -> None:
    """The look is lost and nothing else."""
    LiveBoard(path=tmp_path / "none" / "live.json", utc_ms=now_ms, counters=dict).show(
        batch(1_000, seen(1), LOST)
    )


def test_top_redraws_in_place_on_a_terminal(tmp_path: Path) -> None:
    """On a real terminal it goes on until interrupted: what the agent writes meanwhile appears, and
    an interruption is an orderly end."""
    shown = board(tmp_path, now_ms())
    shown.show(batch(1_000, seen(10_000, 6 << 30), LOST))
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    command = [
        sys.executable,
        "-m",
        "kashi_agent.cli",
        "top",
        *settings(tmp_path),
        "--every",
        "0.1",
    ]
    # Whoever runs tests in the background ignores interruptions, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        first = _read_until(ours, "6/80")
        board(tmp_path, now_ms()).show(batch(2_000, seen(10_000, 7 << 30), LOST))
        second = _read_until(ours, "7/80")
        process.send_signal(signal.SIGINT)
        code = process.wait(WAIT_SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)

    assert "\x1b[?1049h" in first, "a screen of its own, so that nothing scrolls away"
    assert "6/80" not in second.partition("7/80")[2]
    assert code == 0


def _read_until(terminal: int, word: str) -> str:
    """What a terminal shows until a word is there."""
    deadline, text = time.monotonic() + WAIT_SECONDS, ""
    while word not in text:
        left = deadline - time.monotonic()
        assert left > 0, text
        readable, _, _ = select.select([terminal], [], [], left)
        if readable:
            text += os.read(terminal, 65_536).decode("utf-8", "replace")
    return text

"""`kashi-meter --meter replay`: a trace on disk, played on the machine's clock."""

import subprocess
import sys
from pathlib import Path

from fakes.nvml.scenario import Scenario
from fixtures_meter import Meters, seen_of
from kashi_agent.errors import FileError
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Holder,
    HolderKind,
    MeterKind,
    Observation,
    SampleBatch,
    Vendor,
)
from kashi_agent.trace import Origin, Span, Trace, TraceHead

from deploy.demo.trace_writing import write_trace

CARD = Device(
    vendor=Vendor.HUAWEI,
    hardware_id="die-1",
    model="Ascend 910B3",
    meter=MeterKind.REPLAY,
)
SEEN = Observation(
    utilisation_ppm=420_000,
    energy_counter_mj=Absent(AbsentReason.NOT_RECORDED),
    power_mw=310_000,
    memory_used_bytes=1 << 30,
    holders=frozenset({Holder(HolderKind.USER, "1000")}),
)
NOBODY = Scenario(devices=())


def test_a_trace_is_played_as_a_meter(meters: Meters, tmp_path: Path) -> None:
    """Samples carry the trace's devices and values, and the replay meter's kind."""
    head = TraceHead(
        origin=Origin.GENERATED,
        note="made for a test",
        start_utc_ms=0,
        span_ms=3_600_000,
        cadence_ms=1_000,
        devices=(CARD,),
    )
    path = tmp_path / "trace"
    lines = write_trace(Trace(head, iter((Span(0, 0, 3_600_000, SEEN),))))
    path.write_text("".join(lines), encoding="utf-8")
    meter = meters.start(NOBODY, "--meter", "replay", "--trace", str(path))

    batch = meter.next(SampleBatch)

    assert batch.meter.kind is MeterKind.REPLAY
    assert batch.meter.driver_version == Origin.GENERATED
    assert [sample.device for sample in batch.samples] == [CARD]
    assert seen_of(batch.samples[0]) == SEEN


def test_a_file_that_is_no_trace_is_told_of(tmp_path: Path) -> None:
    """The process says in one sentence which file is wrong, and ends with the code of bad files."""
    wrong, missing = tmp_path / "trace", tmp_path / "none"
    wrong.write_text("{}\n")

    for path, told in ((wrong, str(wrong)), (missing, f"{missing} cannot be read")):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "kashi_agent.meterd", "--socket", str(tmp_path / "socket")),
                *("--meter", "replay", "--trace", str(path)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == FileError.exit_code
        assert told in done.stderr
        assert "Traceback" not in done.stderr

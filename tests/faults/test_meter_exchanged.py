"""A replay under the id of a real card, on the real agent with its real meters: killed in between,
and never a millisecond of it signed as measured."""

import json
from collections.abc import Callable
from pathlib import Path

from agent_process import AgentProcess
from fakes.nvml.scenario import Device, Scenario
from fixtures_server import KashiServer
from kashi.chain import parse_report
from kashi_agent.clock import SystemClock
from kashi_agent.sample import MeterKind
from kashi_agent.trace import TRACE_FORMAT
from kashi_agent.unsealing import unseal
from metered_agent import metered_agent

CARD = Device(uuid="GPU-00000000-0000-4000-8000-000000000000")
HOUR_MS = 3_600_000
SHOWN = 12


def trace(path: Path) -> Path:
    """An hour of full work on the card."""
    head = {
        "format": TRACE_FORMAT,
        "origin": "generated",
        "note": "",
        "cadence_ms": 200,
        "start_utc_ms": 0,
        "span_ms": HOUR_MS,
        "devices": [{"vendor": "NVIDIA", "hardware_id": CARD.uuid, "model": CARD.name}],
    }
    busy = {"device": 0, "start_ms": 0, "end_ms": HOUR_MS, "utilisation_ppm": 1_000_000}
    path.write_text(f"{json.dumps(head)}\n{json.dumps(busy)}\n", encoding="utf-8")
    return path


def test_a_replay_killed_and_followed_by_the_real_meter_is_signed_as_a_replay(
    shared: KashiServer, agents: Callable[[Path], AgentProcess], tmp_path: Path
) -> None:
    """The card is idle by its driver and busy by the trace: work stands under REPLAY alone, in the
    device's block and in the header, and the server took every report."""
    host = metered_agent(
        shared,
        agents,
        tmp_path / "host",
        lambda device: Scenario(devices=(CARD,), opens=(device,)),
        start_boottime_ms=SystemClock().boottime_ms(),
    )
    real = host.process.meter
    host.process.meter = ["--meter", "replay", "--trace", str(trace(tmp_path / "trace.jsonl"))]
    host.process.start()
    host.measuring(SHOWN)
    flushed = host.process.until(lambda status: status.samples > 0).durable_flushes
    host.process.until(lambda status: status.durable_flushes >= flushed + 2)
    host.process.kill()
    host.process.meter = real
    host.process.start()
    host.measuring(SHOWN)
    host.process.stop()

    sealed = host.process.spool().sealed
    active_ms = dict.fromkeys(MeterKind, 0)
    for entry in sealed.entries():
        wire = sealed.read(entry).wire
        _, header = parse_report(wire)
        (stated,) = {meter.kind for meter in header.meters}
        for minutes in unseal(wire).devices:
            assert int(minutes.device.meter) == int(stated)
            active_ms[minutes.device.meter] += sum(one.active_ms for one in minutes.readings)
    assert active_ms[MeterKind.REPLAY] > 0
    assert active_ms[MeterKind.NVML] == 0
    assert sealed.acknowledged == sealed.entries()[-1].position

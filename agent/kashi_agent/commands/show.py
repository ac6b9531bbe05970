"""`kashi-agent show`: exactly what would be sent now, or what was sent lately."""

import argparse
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from kashi_agent import VERSION
from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import Commands, add_command, config_of, print_json, print_table
from kashi_agent.describing import describe_report
from kashi_agent.reporter import Reporter
from kashi_agent.sealing import Sealer
from kashi_agent.spool import Entry, Spool
from kashi_agent.wiring import member, real_spool


def add(commands: Commands) -> None:
    """Add the command."""
    words = "原样显示将发送的内容。Print exactly what would be sent"
    parser = add_command(commands, "show", words, run)
    sent = "改看最近 N 份已封存报告。The last N sealed reports instead"
    parser.add_argument("--sent", type=int, default=0, metavar="N", help=sent)


def run(options: argparse.Namespace) -> int:
    """Print reports. Sealed ones are shown as they stand; what is unsealed is sealed for the eye
    and thrown away: its salts and its signature will be others."""
    config = config_of(options)
    known = member(config)
    clock = SystemClock()
    spool = real_spool(config, known.host.host_id)
    spool.look()
    if options.sent:
        wires = _wires(spool, spool.sealed.entries()[-options.sent :])
    else:
        reporter = Reporter(
            spool=spool,
            sealer=Sealer(
                key=known.store.report_key(),
                agent_version=VERSION,
                random_bytes=secrets.token_bytes,
            ),
            host_id=known.host.host_id,
            utc_ms=clock.utc_ms,
            boottime_ms=clock.boottime_ms,
            started=(clock.boot_id(), clock.boottime_ms()),
            interval_ms=config.report_interval_seconds * 1000,
        )
        wires = _waiting(spool, reporter)
    reports = [describe_report(wire) for wire in wires]
    if options.json:
        print_json(reports)
    else:
        _print(reports)
    return 0


def _waiting(spool: Spool, reporter: Reporter) -> Iterator[bytes]:
    yield from _wires(spool, spool.sealed.after(spool.sealed.acknowledged))
    for sealed in reporter.preview():
        yield sealed.wire


def _wires(spool: Spool, entries: Iterable[Entry]) -> Iterator[bytes]:
    return (spool.sealed.read(entry).wire for entry in entries)


def _print(reports: list[dict[str, Any]]) -> None:
    rows = []
    for report in reports:
        header = report["header"]
        for block in report["blocks"]:
            content = block["content"]
            if content is not None and "device" in content:
                report_number = f"{header['epoch']}/{header['sequence']}"
                numbers = map(str, _numbers(content))
                rows.append((report_number, content["device"]["hardware_id"], *numbers))
    columns = (
        *("报告\nreport", "设备\ndevice", "时段\nspan ms", "观测\nobserved", "缺口\ngap"),
        *("占用\nheld", "利用\nutilised ns", "读数\nreadings"),
    )
    word = "report" if len(reports) == 1 else "reports"
    title = f"{len(reports)} 份报告，全部字段见 --json / {len(reports)} {word}; every field: --json"
    print_table(title, columns, rows)


def _numbers(content: dict[str, Any]) -> Iterator[int]:
    """Span, observed, gap, held and utilised time of a device's block, and its readings."""
    readings = content["readings"]
    yield content["end_boottime_ms"] - content["start_boottime_ms"]
    yield sum(reading["observed_ms"] for reading in readings)
    yield sum(gap["span_ms"] for gap in content["gaps"])
    yield sum(reading["held_ms"] for reading in readings)
    yield sum(reading["utilised_ns"] for reading in readings)
    yield len(readings)

"""`kashi-agent export`: what has not been delivered, as a file that the server takes."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from kashi.carry import write_carry_file
from kashi.v1 import carry_pb2, metering_pb2

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import Commands, add_command, config_of, print_json
from kashi_agent.config import AgentConfig
from kashi_agent.errors import FileError, LockedError, cannot_write
from kashi_agent.shipping import one_call
from kashi_agent.spool import Spool
from kashi_agent.wiring import Member, member, real_agent, real_spool

SEALED_AT_ONCE = 64


def add(commands: Commands) -> None:
    """Add the command."""
    words = "write what has not been delivered as a file to carry (导出未送达报告)"
    parser = add_command(commands, "export", words, run)
    parser.add_argument("file", type=Path, metavar="FILE", help="where to; an old one is replaced")


def run(options: argparse.Namespace) -> int:
    """Write the file. While the agent runs, what is sealed; else the rest is sealed first."""
    config, clock = config_of(options), SystemClock()
    known = member(config)
    whole, spool = _sealed_spool(config, known)
    opening = carry_pb2.CarryOpening(
        kind=carry_pb2.CARRY_KIND_REPORTS, made_utc_ms=clock.utc_ms(), made_by=known.host.host_id
    )
    try:
        write_carry_file(options.file, opening, records(spool, known.host.host_id))
    except OSError as error:
        raise FileError(cannot_write(options.file, error)) from error
    finally:
        spool.close()
    count = spool.sealed.unacknowledged
    if options.json:
        print_json({"file": str(options.file), "reports": count, "whole": whole})
        return 0
    reports = "1 report" if count == 1 else f"{count} reports"
    sys.stdout.write(f"{options.file}：已导出 {count} 份报告。{options.file}: {reports}\n")
    if not whole:
        sys.stdout.write(
            "kashi-agent 在运行：尚未封存的内容不在文件中；要全部导出，请先停止它。"
            "kashi-agent runs: what it has not sealed yet is not in the file; stop it first to "
            "have everything.\n"
        )
    return 0


def records(spool: Spool, host_id: str) -> Iterator[carry_pb2.CarryRecord]:
    """Every report without a receipt, as calls that a file holds."""
    entries = list(spool.sealed.after(spool.sealed.acknowledged))
    while entries:
        wires = one_call(spool.sealed.read(entry).wire for entry in entries)
        request = metering_pb2.SubmitRequest(host_id=host_id, reports=wires)
        yield carry_pb2.CarryRecord(reports=request)
        del entries[: len(wires)]


def _sealed_spool(config: AgentConfig, known: Member) -> tuple[bool, Spool]:
    """The spool, and whether everything measured is sealed in it."""
    try:
        agent = real_agent(config, known, SystemClock())
    except LockedError:
        spool = real_spool(config, known.host.host_id)
        spool.look()
        return config.relay != "", spool
    agent.recorder.finish()
    while agent.reporter.seal(SEALED_AT_ONCE, drain=True):
        pass
    agent.spool.sealed.sync()
    return True, agent.spool

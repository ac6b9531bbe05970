"""`kashi-agent export`: what has not been delivered, as a file that the server takes; with `--all`
whatever is kept, for a server that was restored from a backup and lacks what it acknowledged since.

It seals nothing and changes nothing. Only an agent that was told where its chain stands may use a
number: a host set back to a snapshot would else sign another report under one that is used.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from kashi.carry import write_carry_file
from kashi.v1 import carry_pb2, metering_pb2

from kashi_agent.both_languages import halves
from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import Commands, add_command, config_of, print_json
from kashi_agent.config import FILES, AgentConfig
from kashi_agent.errors import AgentError, FileError, cannot_write
from kashi_agent.recorder import SPOOL_REFUSES
from kashi_agent.shipping import one_call
from kashi_agent.spool import Entry, Spool
from kashi_agent.status import STALE_MS, read_status
from kashi_agent.wiring import member, real_spool

_SEALED_BY_FILES = (
    "运行中的 kashi-agent 每个报告间隔封存一次，停止时封存其余。"
    "While it runs, kashi-agent seals every report interval, and the rest when it is stopped.\n"
)
_SEALED_BY_SERVER = (
    "kashi-agent 得知本机报告链在服务器（或本站点中继）上的位置后才会封存，此刻尚未得知；对方长期"
    '无法联系时，请在 agent.toml 中设 relay = "files" 并重启它。'
    "kashi-agent seals it when the server, or the site's relay, has told where this host's reports "
    "stand, and was not told yet; where it stays out of reach, set "
    'relay = "files" in agent.toml and restart it.\n'
)


def add(commands: Commands) -> None:
    """Add the command."""
    words = "把未送达的报告导出为文件。Write what has not been delivered as a file to carry"
    parser = add_command(commands, "export", words, run)
    file = "写到何处，已有的会被替换。Where to; an old one is replaced"
    parser.add_argument("file", type=Path, metavar="FILE", help=file)
    every = (
        "已有回执的也导出：服务器由备份恢复后缺少这些报告。"
        "Also what has receipts: a server restored from a backup lacks it"
    )
    parser.add_argument("--all", action="store_true", dest="acknowledged", help=every)


def run(options: argparse.Namespace) -> int:
    """Write the file, and say whether anything that was measured is not in it."""
    config = config_of(options)
    host_id = member(config).host.host_id
    spool = real_spool(config, host_id)
    spool.look()
    entries = spool.sealed.deliverable(acknowledged=options.acknowledged)
    count = len(entries)
    opening = carry_pb2.CarryOpening(
        kind=carry_pb2.CARRY_KIND_REPORTS, made_utc_ms=SystemClock().utc_ms(), made_by=host_id
    )
    try:
        write_carry_file(options.file, opening, records(spool, host_id, entries))
    except OSError as error:
        raise FileError(cannot_write(options.file, error)) from error
    whole = spool.whole_in_sealed
    if options.json:
        print_json({"file": str(options.file), "reports": count, "whole": whole})
        return 0
    sys.stdout.write(_told(options.file, count))
    if not whole:
        sys.stdout.write(
            "尚未封存的内容不在文件中。What is not sealed yet is not in the file.\n" + _why(config)
        )
    return 0


def _why(config: AgentConfig) -> str:
    """Why something is not sealed, by the last word of the agent that is to seal it."""
    try:
        status = read_status(config.status_path)
    except (AgentError, PermissionError):  # none ran, or its word is not for who asks
        return _SEALED_BY_FILES if config.relay == FILES else _SEALED_BY_SERVER
    if status.unsigned or status.trouble.startswith(SPOOL_REFUSES):
        zh, en = halves(status.trouble)
        return f"kashi-agent 未能封存：{zh}。kashi-agent could not seal it: {en}\n"
    told = status.knows_server and SystemClock().utc_ms() - status.written_utc_ms <= STALE_MS
    return _SEALED_BY_FILES if told or config.relay == FILES else _SEALED_BY_SERVER


def _told(file: Path, count: int) -> str:
    """What the file holds; one without a report is not worth the way."""
    if not count:
        return (
            f"{file}：已导出 0 份报告，没有可携带的内容，不必带往服务器。"
            f"{file}: 0 reports; there is nothing to carry to the server\n"
        )
    reports = "1 report" if count == 1 else f"{count} reports"
    return f"{file}：已导出 {count} 份报告。{file}: {reports}\n"


def records(
    spool: Spool, host_id: str, entries: Sequence[Entry]
) -> Iterator[carry_pb2.CarryRecord]:
    """These reports, as calls that a file holds."""
    rest = list(entries)
    while rest:
        wires = one_call(spool.sealed.read(entry).wire for entry in rest)
        request = metering_pb2.SubmitRequest(host_id=host_id, reports=wires)
        yield carry_pb2.CarryRecord(reports=request)
        del rest[: len(wires)]

"""`kashi-agent status`: how the running agent is."""

import argparse
import time
from dataclasses import asdict
from datetime import UTC, datetime

from kashi_agent.commands.options import (
    add_config,
    add_json,
    config_of,
    print_json,
    print_table,
)
from kashi_agent.status import STALE_MS, AgentStatus, read_status


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("status", help="how the running agent is (状态)")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the status; 1 when the agent does not run or has a trouble."""
    status = read_status(config_of(options).status_path)
    age_ms = time.time_ns() // 1_000_000 - status.written_utc_ms
    stale = age_ms > STALE_MS
    if options.json:
        print_json({**asdict(status), "age_ms": age_ms, "stale": stale})
    else:
        print_table("", ("", ""), _rows(status, age_ms, stale=stale))
    return 1 if stale or status.trouble else 0


def _rows(status: AgentStatus, age_ms: int, *, stale: bool) -> list[tuple[str, str]]:
    old = "  — the agent hangs or is gone" if stale else ""
    return [
        ("host", status.host_id),
        ("operator", status.operator_party_id),
        ("server", status.metering_address + (" (demonstration)" if status.demo else "")),
        ("agent", f"{status.version}, pid {status.pid}, since {_time(status.started_utc_ms)}"),
        ("seen", f"{age_ms // 1000} s ago{old}"),
        ("meter", status.meter_state),
        ("released", _until(status.released_until_utc_ms)),
        ("devices", f"{status.devices}, {status.samples} samples, {status.samples_late} late"),
        ("durable", f"{status.durable_flushes} times, {status.waiting_readings} readings waiting"),
        ("disk", "FULL: what is unsealed is kept coarser" if status.disk_full else "ok"),
        ("sealed", f"epoch {status.sealed_epoch} sequence {status.sealed_sequence}"),
        ("server holds", f"epoch {status.server_epoch} sequence {status.server_sequence}"),
        ("waiting", f"{status.unacknowledged_reports} reports"),
        ("delivered", f"{status.delivered_reports}, {status.quarantined_reports} quarantined"),
        ("last answer", _time(status.last_answer_utc_ms)),
        ("certificate", f"until {_time(status.certificate_not_after_utc_ms)}"),
        ("trouble", status.trouble or "none"),
    ]


def _until(utc_ms: int | None) -> str:
    return "no" if utc_ms is None else f"until {_time(utc_ms)}; kashi-agent release --end"


def _time(utc_ms: int | None) -> str:
    if utc_ms is None:
        return "never"
    return datetime.fromtimestamp(utc_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

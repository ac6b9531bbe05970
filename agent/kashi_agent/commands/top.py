"""`kashi-agent top`: the devices of this host, live."""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kashi_agent.commands.options import Commands, add_command, config_of
from kashi_agent.config import AgentConfig
from kashi_agent.doctor.running import REPLAY
from kashi_agent.errors import AgentError
from kashi_agent.live import LiveDevice, LiveView, read_live
from kashi_agent.state_words import REPLAYED, absence, holder_kind, meter_state
from kashi_agent.status import AgentStatus, read_status

OLD_MS: Final = 20_000
"""A look older than this is no longer live, and so is one older than three cadences. Unread, the
agent writes one every ten seconds."""

_CARD_HOUR_MS: Final = 3_600_000
_COLUMNS: Final[tuple[tuple[str, Literal["left", "right"]], ...]] = (
    ("设备\ndevice", "left"),
    ("利用率\nuse", "right"),
    ("显存GiB\nmemory", "right"),
    ("功率W\npower", "right"),
    ("占用者\nholders", "left"),
    ("观测/利用\n卡时 hours", "right"),
    ("缺口s\ngap", "right"),
)
HOLDERS_SHOWN: Final = 3
NAME_CHARACTERS: Final = 13
"""Of hardware ids and holders: enough to tell them apart; `--json` shows them whole."""


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "top", "实时查看设备。The devices, live", run)
    parser.add_argument(
        "--every",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="每隔几秒看一次，默认 1。Between looks (default 1)",
    )
    parser.add_argument(
        "--count",
        type=_count,
        default=None,
        metavar="N",
        help="看几次后结束；0：直至中断（终端上的默认值，否则为 1）。"
        "Looks, then end; 0: until interrupted (default on a terminal, else 1)",
    )


def run(options: argparse.Namespace) -> int:
    """Show looks until told to stop; 1 when the last one was not live."""
    config = config_of(options)
    endless = sys.stdout.isatty() and not options.json
    count = (0 if endless else 1) if options.count is None else options.count
    looks = _looks(config, count, options.every)
    try:
        last = _print_lines(looks) if options.json else _draw(looks)
    except KeyboardInterrupt:
        return 0
    return 0 if _is_live(last) else 1


def _looks(
    config: AgentConfig, count: int, every_s: float
) -> Iterator[tuple[LiveView, AgentStatus | None]]:
    """One look after another; what the agent says of itself may be missing."""
    for number in itertools.count(1):
        view = read_live(config.live_path)
        try:
            status: AgentStatus | None = read_status(config.status_path)
        except (AgentError, PermissionError):
            status = None
        yield view, status
        if number == count:
            return
        time.sleep(every_s)


def _print_lines(looks: Iterator[tuple[LiveView, AgentStatus | None]]) -> LiveView:
    """One JSON object a line; the last look."""
    for view, status in looks:
        facts = {**asdict(view), "live": _is_live(view), "status": status and asdict(status)}
        sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return view


def _draw(looks: Iterator[tuple[LiveView, AgentStatus | None]]) -> LiveView:
    """Each look in the place of the one before, on a terminal; the last look."""
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        for view, status in looks:
            live.update(_page(view, status), refresh=True)
    if not console.is_terminal:
        console.line()
    return view


def _page(view: LiveView, status: AgentStatus | None) -> Group:
    """Two lines on the host and a row a device."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title, side in _COLUMNS:
        table.add_column(title, justify=side, overflow="fold")
    for device in view.devices:
        table.add_row(*_row(device))
    return Group(Text(_head(view)), Text(_of_agent(status)), table)


def _head(view: LiveView) -> str:
    at = datetime.fromtimestamp(view.written_utc_ms // 1000, UTC).strftime("%H:%M:%S UTC")
    old = "" if _is_live(view) else "  已过时：代理未运行或停滞 OLD: the agent hangs or is gone"
    played = REPLAYED * (view.meter == REPLAY)
    return f"{view.meter}{played}, {len(view.devices)} 台设备 devices, {at}{old}"


def _of_agent(status: AgentStatus | None) -> str:
    if status is None:
        return "状态不可读 status unreadable; sudo -u kashi-agent kashi-agent top"
    trouble = f"; 传送故障 delivery trouble: {status.trouble}" if status.trouble else ""
    return (
        f"计量 meter: {meter_state(status.meter_state)}; "
        f"待送 waiting: {status.unacknowledged_reports}{trouble}"
    )


def _row(device: LiveDevice) -> tuple[str, ...]:
    part = "" if device.share_denominator == 1 else f" {_share(device)}"
    observed = _card_hours(device.observed_ms, device)
    used = _card_hours(device.utilised_ns // 1_000_000, device)
    return (
        f"{device.hardware_id[:NAME_CHARACTERS]}{part}\n{device.model}",
        absence(device.absent) or _scaled(device.utilisation_ppm, 10_000, " %"),
        f"{_scaled(device.memory_used_bytes, 1 << 30)}/{device.memory_bytes >> 30}",
        _scaled(device.power_mw, 1_000),
        absence(device.holders_absent) or "?" if device.holders is None else _named(device.holders),
        f"{observed}\n{used}",
        str(device.gap_ms // 1_000),
    )


def _named(holders: list[str]) -> str:
    """The first few, their names cut; how many there are besides."""
    pairs = (holder.partition(":") for holder in holders[:HOLDERS_SHOWN])
    lines = [f"{holder_kind(kind)} {name[:NAME_CHARACTERS]}" for kind, _, name in pairs]
    more = len(holders) - len(lines)
    return "\n".join([*lines, *([f"+{more}"] if more else [])]) or "–"


def _share(device: LiveDevice) -> str:
    return f"{device.share_numerator}/{device.share_denominator}"


def _scaled(value: int | None, unit: int, suffix: str = "") -> str:
    """A whole number of a unit for the eye; a question mark where it is not known."""
    return "?" if value is None else f"{value // unit}{suffix}"


def _card_hours(span_ms: int, device: LiveDevice) -> str:
    """Card-hours to three places, cut: a partition counts as its part."""
    thousandths = (
        span_ms * 1_000 * device.share_numerator // (_CARD_HOUR_MS * device.share_denominator)
    )
    return f"{thousandths // 1_000}.{thousandths % 1_000:03d}"


def _is_live(view: LiveView) -> bool:
    age_ms = time.time_ns() // 1_000_000 - view.written_utc_ms
    return age_ms <= max(OLD_MS, 3 * view.cadence_ms)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3_600:
        raise argparse.ArgumentTypeError(
            f"{text}：须为 0.1 至 3600 秒。{text}; it must be 0.1 to 3600 seconds"
        )
    return seconds


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} 不是次数。{text!r} is no number of looks")
    return int(text)

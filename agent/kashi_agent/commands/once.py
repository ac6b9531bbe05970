"""`kashi-agent once`: read the accelerators one time and print what was seen; nothing is kept."""

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final

from kashi_agent.commands.options import Commands, add_command, config_of, print_json, print_table
from kashi_agent.errors import MeterError
from kashi_agent.meter_probe import first_look
from kashi_agent.sample import Absent, AbsentReason, Holder, Sample, SampleBatch
from kashi_agent.state_words import absence, holder_kind, meter_halves

_READ: Final = ("utilisation_ppm", "memory_used_bytes", "power_mw", "energy_counter_mj")
_ROWS: Final = {
    "hardware_id": "设备",
    "model": "型号",
    "utilisation_ppm": "利用率",
    "memory_used_bytes": "已用显存",
    "power_mw": "功率",
    "energy_counter_mj": "累计电能",
    "holders": "占用者",
    "absent": "缺失原因",
}
_AT_FIRST: Final = {
    AbsentReason.NOT_READY: "须两次读数，首次尚无 takes two readings",
    AbsentReason.NOT_RECORDED: "此次未读取 not read this time",
}
"""What one reading lacks on a device that is well: a mean, and what is asked in turns or not at all
where the device has a counter."""


def add(commands: Commands) -> None:
    """Add the command."""
    words = "读取一次加速卡。Read the accelerators one time"
    parser = add_command(commands, "once", words, run)
    parser.add_argument(
        "--timeout",
        type=float,
        default=20.0,
        help="等计量进程几秒，默认 20。Seconds to wait for the meter (default 20)",
    )
    theirs = "给计量进程的选项。For the meter"
    parser.add_argument("meter_options", nargs="*", metavar="-- METER OPTIONS", help=theirs)


def run(options: argparse.Namespace) -> int:
    """Print one reading."""
    meter = [*config_of(options).meter_options, *options.meter_options]
    look = first_look(meter, options.timeout, patient=True, waiting=_tell(options.timeout))
    batch = look.batch
    if batch is None:
        raise MeterError(
            f"{options.timeout:.0f} 秒内没有读数；驱动是否已加载，此用户能否打开设备？"
            f"No reading within {options.timeout:.0f} s; is the driver loaded, and may this user "
            f"open its devices? The meter said: {look.said}"
        )
    if options.json:
        print_json([_facts(sample) for sample in batch.samples])
    else:
        _print(batch)
    return 0


def _print(batch: SampleBatch) -> None:
    """A line a value, one device below the other: no terminal is wide enough for all beside."""
    rows: list[tuple[str, str]] = []
    for sample in batch.samples:
        cells = _cells(sample)
        rows += [("", "")] * bool(rows)
        rows += [(f"{_ROWS[name]} {name}", cells[name]) for name in _ROWS if name in cells]
    print_table(batch.meter.kind.name, ("", ""), rows or [("没有设备 no device", "")])


def _tell(timeout_s: float) -> Callable[[str], None]:
    def tell(why: str) -> None:
        zh, en = meter_halves(why)
        sys.stderr.write(
            f"等待读数，至多 {timeout_s:.0f} 秒：{zh}。"
            f"Waiting for a reading, at most {timeout_s:.0f} s: {en}\n"
        )
        sys.stderr.flush()

    return tell


def _cells(sample: Sample) -> dict[str, str]:
    """What a person reads of a device, by row."""
    device, seen = sample.device, sample.seen
    known = {"hardware_id": device.hardware_id, "model": device.model}
    if isinstance(seen, Absent):
        return known | {"absent": _why(seen)}
    return (
        known
        | {name: _shown(getattr(seen, name)) for name in _READ}
        | {"holders": _named(seen.holders)}
    )


def _shown(value: int | Absent) -> str:
    if isinstance(value, Absent):
        return _AT_FIRST.get(value.reason) or _why(value)
    return str(value)


def _why(value: Absent) -> str:
    return absence(value.reason).replace("\n", " ")


def _named(holders: frozenset[Holder] | Absent) -> str:
    if isinstance(holders, Absent):
        return _AT_FIRST.get(holders.reason) or _why(holders)
    lines = sorted(f"{holder_kind(one.kind.name.lower())} {one.name}" for one in holders)
    return "\n".join(lines) or "–"


def _facts(sample: Sample) -> dict[str, Any]:
    """The same for programs."""
    device, seen = sample.device, sample.seen
    facts: dict[str, Any] = {"hardware_id": device.hardware_id, "model": device.model}
    if isinstance(seen, Absent):
        return facts | {"absent": seen.reason.value}
    holders = seen.holders
    return facts | {
        **{name: _value(getattr(seen, name)) for name in _READ},
        "holders": (
            _value(holders)
            if isinstance(holders, Absent)
            else sorted(f"{holder.kind.name}:{holder.name}" for holder in holders)
        ),
    }


def _value(value: int | Absent) -> int | str:
    return f"absent: {value.reason.value}" if isinstance(value, Absent) else value

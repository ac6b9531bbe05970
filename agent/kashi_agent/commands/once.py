"""`kashi-agent once`: read the accelerators one time and print what was seen; nothing is kept."""

import argparse
from typing import Any

from kashi_agent.commands.options import Commands, add_command, config_of, print_json, print_table
from kashi_agent.errors import MeterError
from kashi_agent.meter_probe import first_look
from kashi_agent.sample import Absent, Sample


def add(commands: Commands) -> None:
    """Add the command."""
    words = "read the accelerators one time (读取一次)"
    parser = add_command(commands, "once", words, run)
    parser.add_argument(
        "--timeout", type=float, default=20.0, help="seconds to wait for the meter (default 20)"
    )
    parser.add_argument(
        "meter_options", nargs="*", metavar="-- METER OPTIONS", help="for the meter"
    )


def run(options: argparse.Namespace) -> int:
    """Print one reading."""
    meter = [*config_of(options).meter_options, *options.meter_options]
    look = first_look(meter, options.timeout, patient=True)
    batch = look.batch
    if batch is None:
        raise MeterError(
            f"{options.timeout:.0f} 秒内没有读数；驱动是否已加载，此用户能否打开设备？"
            f"No reading within {options.timeout:.0f} s; is the driver loaded, and may this user "
            f"open its devices? The meter said: {look.said}"
        )
    facts = [_facts(sample) for sample in batch.samples]
    if options.json:
        print_json(facts)
    else:
        rows = [tuple(str(value) for value in fact.values()) for fact in facts]
        print_table(f"{batch.meter.kind.name}", tuple(facts[0]) if facts else ("no device",), rows)
    return 0


def _facts(sample: Sample) -> dict[str, Any]:
    device, seen = sample.device, sample.seen
    facts: dict[str, Any] = {"hardware_id": device.hardware_id, "model": device.model}
    if isinstance(seen, Absent):
        return facts | {"absent": seen.reason.value}
    holders = seen.holders
    return facts | {
        "utilisation_ppm": _value(seen.utilisation_ppm),
        "memory_used_bytes": _value(seen.memory_used_bytes),
        "power_mw": _value(seen.power_mw),
        "energy_counter_mj": _value(seen.energy_counter_mj),
        "holders": (
            _value(holders)
            if isinstance(holders, Absent)
            else sorted(f"{holder.kind.name}:{holder.name}" for holder in holders)
        ),
    }


def _value(value: int | Absent) -> int | str:
    return f"absent: {value.reason.value}" if isinstance(value, Absent) else value

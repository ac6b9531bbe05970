"""`kashi-agent once`: read the accelerators one time and print what was seen; nothing is kept."""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from kashi_agent.commands.options import add_json, print_json, print_table
from kashi_agent.errors import MeterError
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_child import MeterChild
from kashi_agent.meter_link import Hello, Notice, Resume
from kashi_agent.meter_socket import MeterListener
from kashi_agent.sample import Absent, Sample, SampleBatch


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("once", help="read the accelerators one time (读取一次)")
    add_json(parser)
    parser.add_argument(
        "--timeout", type=float, default=20.0, help="seconds to wait for the meter (default 20)"
    )
    parser.add_argument(
        "meter_options", nargs="*", metavar="-- METER OPTIONS", help="for the meter"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one reading."""
    with tempfile.TemporaryDirectory(prefix="kashi-once-") as folder:
        path = Path(folder) / "meter.sock"
        child = MeterChild(path, options.meter_options)
        with MeterListener(path) as listener:
            child.keep(0)
            try:
                batch = _first_batch(listener, options.timeout)
            finally:
                child.stop()
    facts = [_facts(sample) for sample in batch.samples]
    if options.json:
        print_json(facts)
    else:
        rows = [tuple(str(value) for value in fact.values()) for fact in facts]
        print_table(f"{batch.meter.kind.name}", tuple(facts[0]) if facts else ("no device",), rows)
    return 0


def _first_batch(listener: MeterListener, seconds: float) -> SampleBatch:
    deadline = time.monotonic() + seconds
    said = "it never connected"
    while (left := deadline - time.monotonic()) > 0:
        connection = listener.accept(left)
        if connection is None:
            break
        with connection:
            try:
                while (left := deadline - time.monotonic()) > 0:
                    message = connection.receive(left)
                    if isinstance(message, SampleBatch):
                        return message
                    if isinstance(message, Hello):
                        connection.send(Resume())
                    if isinstance(message, Notice):
                        said = f"{message.kind}: {message.detail}"
            except (MeterError, LinkError) as error:
                said = said if ":" in said else str(error)
    raise MeterError(
        f"no reading within {seconds:.0f} s; the meter said: {said}. Is the driver loaded, and may "
        "this user open its devices?"
    )


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

"""`kashi-agent doctor`: what is wrong and what to do."""

import argparse
import sys
from collections.abc import Iterator
from typing import Final

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import Commands, add_command, config_of, print_json
from kashi_agent.doctor.examination import Patient, examine
from kashi_agent.doctor.finding import Finding, Level
from kashi_agent.meter_probe import first_look
from kashi_agent.tls_probe import tls_trouble
from kashi_agent.wiring import empty_call

LOOK_SECONDS: Final = 15.0
_MARKS: Final = {Level.OK: "✓", Level.WARNING: "!", Level.FAILURE: "✗"}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "doctor", "诊断：有何问题、如何处置。What is wrong and what to do", run
    )
    theirs = "给可能启动的计量进程的选项。For the meter it may start"
    parser.add_argument("meter_options", nargs="*", metavar="-- METER OPTIONS", help=theirs)


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 when one is a failure."""
    config = config_of(options)
    meter = [*config.meter_options, *options.meter_options]
    patient = Patient(
        config=config,
        clock=SystemClock(),
        probe=tls_trouble,
        ask=lambda host, store: empty_call(config, host, store),
        look=lambda: first_look(meter, LOOK_SECONDS, patient=False),
    )
    findings = []
    for one in examine(patient):
        findings.append(one)
        if not options.json:
            sys.stdout.writelines(f"{line}\n" for line in _lines(one))
            sys.stdout.flush()
    if options.json:
        print_json([_facts(one) for one in findings])
    return 1 if any(one.level is Level.FAILURE for one in findings) else 0


def _lines(one: Finding) -> Iterator[str]:
    """Chinese, English, and the next step in both."""
    yield f"{_MARKS[one.level]} {one.zh}"
    yield f"  {one.en}"
    if one.step_zh:
        yield f"  → {one.step_zh}"
        yield f"  → {one.step_en}"


def _facts(one: Finding) -> dict[str, object]:
    return {
        "code": one.code,
        "level": str(one.level),
        "found_zh": one.zh,
        "found_en": one.en,
        "step_zh": one.step_zh,
        "step_en": one.step_en,
        "values": dict(one.values),
    }

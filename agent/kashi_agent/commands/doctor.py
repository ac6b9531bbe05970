"""`kashi-agent doctor`: what is wrong and what to do."""

import argparse
from dataclasses import asdict

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import (
    add_config,
    add_json,
    config_of,
    print_json,
    print_table,
)
from kashi_agent.doctor import Level, Patient, examine
from kashi_agent.tls_probe import probe_tls


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("doctor", help="what is wrong and what to do (诊断)")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 when one is a failure."""
    patient = Patient(config=config_of(options), clock=SystemClock(), probe=probe_tls)
    findings = list(examine(patient))
    if options.json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [(str(f.level), f.subject, f.found, f.remedy) for f in findings]
        print_table("", ("", "what", "found", "what to do"), rows)
    return 1 if any(finding.level is Level.FAILURE for finding in findings) else 0

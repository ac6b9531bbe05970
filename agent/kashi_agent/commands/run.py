"""`kashi-agent run`: the daemon."""

import argparse
import logging
import sys

from kashi_agent.commands.options import Commands, add_command, config_of
from kashi_agent.wiring import run_daemon


def add(commands: Commands) -> None:
    """Add the command."""
    words = "measure, keep and report until told to stop (运行)"
    parser = add_command(commands, "run", words, run, json=False)
    parser.add_argument(
        "--with-meter",
        action="store_true",
        help="also start kashi-meter as a child, for development; what follows -- is for it",
    )
    parser.add_argument(
        "meter_options", nargs="*", metavar="-- METER OPTIONS", help="for the child"
    )


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO, format="kashi-agent: %(levelname)s %(message)s", stream=sys.stderr
    )
    run_daemon(
        config_of(options), child_options=options.meter_options if options.with_meter else None
    )
    return 0

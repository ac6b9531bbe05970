"""`kashi-agent run`: the daemon."""

import argparse
import logging
import sys

from kashi_agent.commands.options import add_config, config_of
from kashi_agent.wiring import run_daemon


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("run", help="measure, keep and report until told to stop (运行)")
    add_config(parser)
    parser.add_argument(
        "--with-meter",
        action="store_true",
        help="also start kashi-meter as a child, for development; what follows -- is for it",
    )
    parser.add_argument(
        "meter_options", nargs="*", metavar="-- METER OPTIONS", help="for the child"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO, format="kashi-agent: %(levelname)s %(message)s", stream=sys.stderr
    )
    run_daemon(
        config_of(options), child_options=options.meter_options if options.with_meter else None
    )
    return 0

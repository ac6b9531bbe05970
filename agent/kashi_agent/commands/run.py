"""`kashi-agent run`: the daemon."""

import argparse
import logging
import sys

from kashi_agent.commands.options import Commands, add_command, config_of
from kashi_agent.wiring import run_daemon


def add(commands: Commands) -> None:
    """Add the command."""
    words = "运行：计量、保存、上报。Measure, keep and report until told to stop"
    parser = add_command(commands, "run", words, run, json=False)
    parser.add_argument(
        "--with-meter",
        action="store_true",
        help="同时启动 kashi-meter（开发用），-- 之后的选项归它。"
        "Also start kashi-meter as a child, for development; what follows -- is for it",
    )
    theirs = "给计量进程的选项。For the meter"
    parser.add_argument("meter_options", nargs="*", metavar="-- METER OPTIONS", help=theirs)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO, format="kashi-agent: %(levelname)s %(message)s", stream=sys.stderr
    )
    run_daemon(
        config_of(options), child_options=options.meter_options if options.with_meter else None
    )
    return 0

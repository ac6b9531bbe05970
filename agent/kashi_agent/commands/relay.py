"""`kashi-agent relay …`: one machine of a site that takes its hosts' reports and passes them on."""

import argparse
from pathlib import Path

from kashi_agent.commands.options import Commands, add_command
from kashi_agent.commands.ways_in import add_ways
from kashi_agent.relay.config import CONFIG_PATH


def add(commands: Commands) -> None:
    """Add the commands."""
    relay = commands.add_parser("relay", help="pass on the reports of a site's hosts (中继)")
    verbs = relay.add_subparsers(required=True, metavar="COMMAND")
    add_ways(_verb(verbs, "enrol", "give this relay its identity (登记中继)"))
    _verb(verbs, "run", "take, keep and forward until told to stop (运行)")
    _verb(verbs, "status", "how every host stands (状态)")
    out = _verb(verbs, "export", "write what waits into a dated file (导出)")
    out.add_argument("folder", type=Path, metavar="FOLDER", help="where the file goes")
    back = _verb(verbs, "take", "take files with receipts (导入回执)")
    back.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="written by kashi-server import-reports"
    )


def run(options: argparse.Namespace) -> int:
    """Run one of them."""
    # A relay alone needs a port and a database: an agent does not carry them in its memory.
    from kashi_agent.relay.verbs import VERBS

    return VERBS[options.verb](options)


def _verb(verbs: Commands, name: str, words: str) -> argparse.ArgumentParser:
    parser = add_command(verbs, name, words, run, settings=CONFIG_PATH)
    parser.set_defaults(verb=name)
    return parser

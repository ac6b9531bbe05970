"""`kashi-agent relay …`: one machine of a site that takes its hosts' reports and passes them on."""

import argparse
from pathlib import Path

from kashi_agent.commands.options import add_json
from kashi_agent.commands.ways_in import add_ways


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    relay = commands.add_parser("relay", help="pass on the reports of a site's hosts (中继)")
    verbs = relay.add_subparsers(required=True, metavar="COMMAND")
    enrol = _verb(verbs, "enrol", "give this relay its identity (登记中继)")
    add_ways(enrol)
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


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=words)
    parser.add_argument("--config", type=Path, help="settings file (default /etc/kashi/relay.toml)")
    parser.add_argument("--state", type=Path, help="state folder, instead of the settings'")
    add_json(parser)
    parser.set_defaults(run=run, verb=name)
    return parser

"""`kashi-agent relay …`: one machine of a site that takes its hosts' reports and passes them on."""

import argparse
from pathlib import Path

from kashi_agent.commands.options import RECEIPTS, Commands, add_before, add_command
from kashi_agent.commands.ways_in import add_ways
from kashi_agent.relay.config import CONFIG_PATH


def add(commands: Commands) -> None:
    """Add the commands."""
    words = "中继：转送本站点各主机的报告。Pass on the reports of a site's hosts"
    relay = commands.add_parser("relay", help=words, description=words)
    add_before(relay)
    verbs = relay.add_subparsers(required=True, metavar="COMMAND")
    add_ways(_verb(verbs, "enrol", "登记本中继。Give this relay its identity"))
    _verb(verbs, "run", "运行：接收、保存、转送。Take, keep and forward until told to stop")
    _verb(verbs, "status", "各主机的状态。How every host stands")
    out = _verb(verbs, "export", "把待送内容导出到带日期的文件。Write what waits into a dated file")
    where = "文件放入的目录。Where the file goes"
    out.add_argument("folder", type=Path, metavar="FOLDER", help=where)
    back = _verb(verbs, "take", "导入带回的回执。Take files with receipts")
    back.add_argument("files", nargs="+", type=Path, metavar="FILE", help=RECEIPTS)


def run(options: argparse.Namespace) -> int:
    """Run one of them."""
    # A relay alone needs a port and a database: an agent does not carry them in its memory.
    from kashi_agent.relay.verbs import VERBS

    return VERBS[options.verb](options)


def _verb(verbs: Commands, name: str, words: str) -> argparse.ArgumentParser:
    parser = add_command(verbs, name, words, run, settings=CONFIG_PATH)
    parser.set_defaults(verb=name)
    return parser

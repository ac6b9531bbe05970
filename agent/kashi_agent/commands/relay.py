"""`kashi-agent relay …`: one machine of a site that takes its hosts' reports and passes them on."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import add_json, print_json, print_table
from kashi_agent.commands.ways_in import (
    add_ways,
    agreed,
    check_folder,
    enrol_by,
    known_by,
    renew_by,
    tell_identity,
)
from kashi_agent.enrolment import host_facts
from kashi_agent.errors import AgentError, FileError
from kashi_agent.identity import IdentityStore
from kashi_agent.mounts import MOUNTINFO
from kashi_agent.relay.carrying import export, take
from kashi_agent.relay.config import CONFIG_PATH, RelayConfig, load_relay_config
from kashi_agent.relay.store import HostStanding, RelayStore
from kashi_agent.relay.wiring import run_relay
from kashi_agent.wiring import forget_proxies

_NOTICE = """\
This machine will be enrolled as a relay at {server}.  本机将登记为中继。

Sent once, now: host name, a hash of the machine id, operating system, two public keys, and the
names under which hosts reach it: {names}

It keeps reports of the site's hosts until the server's receipts are here. It can read them and can
alter nothing: hosts sign their reports, the server signs its receipts.
中继可以读取报告，但无法篡改：报告由主机签名，回执由服务器签名。
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    relay = commands.add_parser("relay", help="pass on the reports of a site's hosts (中继)")
    verbs = relay.add_subparsers(required=True, metavar="COMMAND")
    enrol = _verb(verbs, "enrol", "give this relay its identity (登记中继)", _enrol)
    add_json(enrol)
    add_ways(enrol)
    _verb(verbs, "run", "take, keep and forward until told to stop (运行)", _run)
    add_json(_verb(verbs, "status", "how every host stands (状态)", _status))
    out = _verb(verbs, "export", "write what waits into a dated file (导出)", _export)
    add_json(out)
    out.add_argument("folder", type=Path, metavar="FOLDER", help="where the file goes")
    back = _verb(verbs, "take", "take files with receipts (导入回执)", _take)
    add_json(back)
    back.add_argument("files", nargs="+", type=Path, metavar="FILE", help="from import-reports")


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    words: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=words)
    parser.add_argument("--config", type=Path, help=f"settings file (default {CONFIG_PATH})")
    parser.add_argument("--state", type=Path, help="state folder, instead of the settings'")
    parser.set_defaults(run=run)
    return parser


def config_of(options: argparse.Namespace) -> RelayConfig:
    """The settings the command is to use.

    Raises:
        ConfigError: they are wrong.
    """
    config = load_relay_config(options.config or CONFIG_PATH, required=options.config is not None)
    state: Path | None = options.state
    return config if state is None else replace(config, state_folder=state.absolute())


def _enrol(options: argparse.Namespace, mountinfo: Path = MOUNTINFO) -> int:
    config, clock = config_of(options), SystemClock()
    store = IdentityStore(config.identity_folder)
    forget_proxies(os.environ)
    if renew_by(options, store, clock):
        return 0
    if store.enrolled:
        raise AgentError(f"this relay is enrolled already as {store.host().host_id}")
    if not config.names:
        raise AgentError("say in relay.toml under which names hosts reach this relay: names = [..]")
    known = known_by(options)
    check_folder(config.state_folder, known, mountinfo)
    if not options.json:
        server = options.server or options.request
        sys.stdout.write(_NOTICE.format(server=server, names=", ".join(config.names)))
    if not options.yes and not agreed():
        sys.stdout.write("Nothing was sent. 未发送任何信息。\n")
        return 1
    given = enrol_by(
        options, store, host_facts(), known, clock, proxy=config.proxy, relay_names=config.names
    )
    if given is not None:
        tell_identity(options, *given)
    return 0


def _run(options: argparse.Namespace) -> int:
    logging.basicConfig(
        level=logging.INFO, format="kashi-relay: %(levelname)s %(message)s", stream=sys.stderr
    )
    run_relay(config_of(options))
    return 0


def _status(options: argparse.Namespace) -> int:
    standings = _store(config_of(options)).standings()
    if options.json:
        print_json([asdict(standing) for standing in standings])
        return 0
    columns = ("host", "heard", "waiting", "since", "last", "server", "to fetch", "trouble")
    print_table("", columns, [_row(standing) for standing in standings])
    return 0


def _export(options: argparse.Namespace) -> int:
    config = config_of(options)
    identity = IdentityStore(config.identity_folder)
    now = datetime.fromtimestamp(SystemClock().utc_ms() / 1000, UTC)
    try:
        path = export(options.folder, _store(config), identity, now)
    except OSError as error:
        raise FileError(f"{options.folder}: cannot be written: {error.strerror}") from error
    if options.json:
        print_json({"file": None if path is None else str(path)})
    elif path is None:
        sys.stdout.write("Nothing waits; no file was written. 没有待送报告\n")
    else:
        sys.stdout.write(f"{path}: carry it to the server: kashi-server import-reports. 已导出\n")
    return 0


def _take(options: argparse.Namespace) -> int:
    config = config_of(options)
    identity, store = IdentityStore(config.identity_folder), _store(config)
    count, refusals = 0, list[str]()
    for path in options.files:
        taken, refused = take(path, store, identity)
        count += taken
        refusals += refused
    if options.json:
        print_json({"receipts": count, "refusals": refusals})
    else:
        sys.stdout.write(f"{count} receipts; hosts fetch them with their next report. 已导入\n")
        sys.stdout.writelines(f"refused: {refusal}\n" for refusal in refusals)
    return 1 if refusals else 0


def _store(config: RelayConfig) -> RelayStore:
    if not config.store_path.exists():
        raise AgentError(f"{config.store_path} does not exist: no relay has run here")
    return RelayStore(config.store_path)


def _row(standing: HostStanding) -> tuple[str, ...]:
    return (
        standing.host_id,
        _when(standing.heard_utc_ms),
        str(standing.waiting_reports),
        _when(standing.oldest_utc_ms),
        "/".join(map(str, standing.last)),
        f"{'/'.join(map(str, standing.head))} {_when(standing.answered_utc_ms)}",
        str(standing.receipts_to_fetch),
        standing.trouble,
    )


def _when(utc_ms: int | None) -> str:
    if utc_ms is None:
        return "—"
    return datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

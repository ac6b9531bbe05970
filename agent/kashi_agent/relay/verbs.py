"""What the commands of `kashi-agent relay` do."""

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import print_json, print_table, settings_of
from kashi_agent.commands.ways_in import Newcomer, join
from kashi_agent.errors import AgentError, FileError
from kashi_agent.identity import IdentityStore
from kashi_agent.mounts import MOUNTINFO
from kashi_agent.relay.carrying import export, take
from kashi_agent.relay.config import CONFIG_PATH, RelayConfig, load_relay_config
from kashi_agent.relay.rows import HostStanding
from kashi_agent.relay.store import RelayStore
from kashi_agent.relay.wiring import run_relay

_NOTICE = """\
This machine will be enrolled as a relay at {server}.  本机将登记为中继。

Sent once, now: host name, a hash of the machine id, operating system, two public keys, and the
names under which hosts reach it: {names}

It keeps reports of the site's hosts until the server's receipts are here. It can read them and can
alter nothing: hosts sign their reports, the server signs its receipts.
中继可以读取报告，但无法篡改：报告由主机签名，回执由服务器签名。
"""


def config_of(options: argparse.Namespace) -> RelayConfig:
    """The settings the command is to use.

    Raises:
        ConfigError: they are wrong.
    """
    return settings_of(options, load_relay_config, CONFIG_PATH)


def enrol(options: argparse.Namespace, mountinfo: Path = MOUNTINFO) -> int:
    """Give this relay its identity, over the network or by files."""
    config = config_of(options)
    store = IdentityStore(config.identity_folder)
    if not config.names and not store.enrolled and options.response is None:
        raise AgentError("say in relay.toml under which names hosts reach this relay: names = [..]")
    told = {"server": options.server or options.request, "names": ", ".join(config.names)}
    newcomer = Newcomer(
        kind="relay",
        store=store,
        state_folder=config.state_folder,
        notice=lambda _facts: _NOTICE.format(**told),
        proxy=config.proxy,
        relay_names=config.names,
    )
    return join(options, newcomer, mountinfo)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO, format="kashi-relay: %(levelname)s %(message)s", stream=sys.stderr
    )
    run_relay(config_of(options))
    return 0


def status(options: argparse.Namespace) -> int:
    """Print how every host stands."""
    standings = _store(config_of(options)).standings()
    if options.json:
        print_json([asdict(standing) for standing in standings])
        return 0
    columns = (
        *("主机\nhost", "来讯\nheard", "待送\nwaiting", "自\nsince", "末份\nlast"),
        *("服务器\nserver", "待取\nto fetch", "故障\ntrouble"),
    )
    print_table("", columns, [_row(standing) for standing in standings])
    return 0


def export_file(options: argparse.Namespace) -> int:
    """Write what waits into a dated file."""
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


def take_files(options: argparse.Namespace) -> int:
    """Take files with receipts; 1 when something in them was refused."""
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


VERBS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "enrol": enrol,
    "run": run,
    "status": status,
    "export": export_file,
    "take": take_files,
}

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
from kashi_agent.errors import AgentError, FileError, cannot_write
from kashi_agent.identity import IdentityStore
from kashi_agent.mounts import MOUNTINFO
from kashi_agent.relay.carrying import export, take
from kashi_agent.relay.config import CONFIG_PATH, RelayConfig, load_relay_config
from kashi_agent.relay.rows import HostStanding
from kashi_agent.relay.store import RelayStore
from kashi_agent.relay.wiring import run_relay

_NOTICE = """\
本机将在 {server} 登记为中继。
现在发送一次：主机名、机器 ID 的散列、操作系统、两个公钥，以及主机连接它的名称：{names}
中继保存本地各主机的报告，直到取得服务器的回执；可以读取报告，但无法篡改：报告由主机签名，
回执由服务器签名。

This machine will be enrolled as a relay at {server}.

Sent once, now: host name, a hash of the machine id, operating system, two public keys, and the
names under which hosts reach it: {names}

It keeps reports of the site's hosts until the server's receipts are here. It can read them and can
alter nothing: hosts sign their reports, the server signs its receipts.
"""


_NOT_KNOWN: Final = "服务器尚未就其答复 the server has not answered for it yet"


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
        raise AgentError(
            "请在 relay.toml 中写明主机以哪些名称连接本中继：names = [..]。"
            "Say in relay.toml under which names hosts reach this relay: names = [..]"
        )
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
        raise FileError(cannot_write(options.folder, error)) from error
    if options.json:
        print_json({"file": None if path is None else str(path)})
    elif path is None:
        sys.stdout.write("没有待送报告，未写文件。Nothing waits; no file was written\n")
    else:
        sys.stdout.write(
            f"{path} 已导出，请带到服务器：kashi-server import-reports。"
            f"{path}: carry it to the server: kashi-server import-reports\n"
        )
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
        sys.stdout.write(
            f"{count} 份回执；主机送下一份报告时取走。"
            f"{count} receipts; hosts fetch them with their next report\n"
        )
        sys.stdout.writelines(f"拒绝 refused: {refusal}\n" for refusal in refusals)
    return 1 if refusals else 0


def _store(config: RelayConfig) -> RelayStore:
    if not config.store_path.exists():
        path = config.store_path
        raise AgentError(
            f"{path} 不存在：中继未在此运行过；登记后启动：systemctl enable --now kashi-relay。"
            f"{path} does not exist: no relay has run here; once it is enrolled, start it:"
            " systemctl enable --now kashi-relay"
        )
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
        standing.trouble or _NOT_KNOWN * (not standing.known),
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

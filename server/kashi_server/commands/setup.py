"""`init` and `upgrade`: making a server in a directory, and bringing its database up to date."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from kashi_server import VERSION
from kashi_server.bootstrap import utc_clock
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.commands.proving import password_of
from kashi_server.config import FILE, Config, read_config
from kashi_server.errors import ConfigurationError, InvalidValue, Refused
from kashi_server.keystore import DIRECTORY_MODE, KEYS, PUBLIC, ROOTS, has_keys, write_foundation
from kashi_server.services.accounts import AccountKeeping
from kashi_server.services.authority import NONCE_SECRET_BYTES, found
from kashi_server.services.passwords import Passwords
from kashi_server.storage.engine import Engine, is_postgresql, open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.roles import RoleUrls, install_roles, role_urls
from kashi_server.storage.unit_of_work import Work

PASSWORD_BYTES: Final = 16
DEMO_ORGANISATION: Final = "Kashi 演示 (demo)"

_SETTINGS: Final = """\
# Settings of this Kashi server. What each means: kashi_server/config.py.
[server]
organisation = {organisation}
addresses = {addresses}
demo = {demo}

[database]
{database}

[metering]
listen = "{listen}:{ports[0]}"

[enrolment]
listen = "{listen}:{ports[1]}"

[portal]
listen = "{listen}:{ports[2]}"
tls = {portal_tls}

[metrics]
listen = "127.0.0.1:{ports[3]}"
"""


def init(
    organisation: Annotated[
        str | None, typer.Option("--organisation", help="运营单位名称。Who runs this server.")
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(
            "--address",
            help="代理与浏览器所用的域名或 IP，可多次。"
            "DNS name or IP address agents and browsers use; repeat.",
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option(
            "--database", help="数据库地址。Like sqlite:///FILE or postgresql+psycopg://…."
        ),
    ] = "sqlite:///kashi.sqlite",
    officer: Annotated[
        str, typer.Option("--officer", help="首个经办人的账号。Login of the first officer.")
    ] = ("officer"),
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            help="该经办人密码的文件；不给则生成。Holds that officer's password; else one is made.",
        ),
    ] = None,
    listen: Annotated[
        str | None, typer.Option("--listen", help="端口监听的 IP。IP address the ports listen on.")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            help="连续四个端口的首个；0：由系统选择。"
            "First of four ports in a row; 0: the system chooses.",
        ),
    ] = 7443,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            help="演示服务器：回放的负载也计入，并如实标明。"
            "A demonstration: replayed workloads count, and it says so.",
        ),
    ] = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """建立服务器：设置、密钥、数据库、首个经办人；可重复执行。
    Make a server: settings, keys, database, first officer. Repeat it to finish what is left.
    """
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    stood = (directory / FILE).exists() and has_keys(directory)
    if (directory / FILE).exists():
        _refuse_other_kind(read_config(directory), demo=demo)
    else:
        text = _settings(organisation, address, database, listen, port, demo=demo)
        _write_settings(directory, text)
    config = read_config(directory)
    _make_keys(directory, config)
    made = _make_database(config, officer, password_file)
    _report(directory, config, made, stood=stood and made is None)


def upgrade(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """将数据库升级到本版本；请先备份。
    Bring the database to this version of the server. Make a backup first.
    """
    config = read_config(directory)
    engine = open_engine(config.database_url)
    try:
        _bring_up_to_date(engine, config)
    finally:
        engine.dispose()
    print("数据库已是最新版本。The database is up to date.")


def version() -> None:
    """显示版本。Print the version."""
    print(f"kashi-server {VERSION}")


def _refuse_other_kind(config: Config, *, demo: bool) -> None:
    if demo and not config.demo:
        raise Refused(
            "本目录已有正式服务器，演示服务器请建在其他目录。"
            "this server exists and is no demonstration; make the demo elsewhere"
        )


def _settings(
    organisation: str | None,
    addresses: list[str] | None,
    database: str,
    listen: str | None,
    port: int,
    *,
    demo: bool,
) -> str:
    if organisation is None and not demo:
        raise InvalidValue(
            "请注明运营单位：--organisation '深圳市…'。"
            "say who runs this server: --organisation '深圳市…'"
        )
    if not addresses and not demo:
        raise InvalidValue(
            "请注明采集代理连接服务器所用的名称：--address kashi.…。"
            "say under which name agents reach this server: --address kashi.…"
        )
    if port and not 1 <= port <= 65_532:
        raise InvalidValue(
            f"--port {port}：须留出四个连续端口，均小于 65536。"
            f"--port {port}: four ports in a row must fit below 65536"
        )
    # JSON's texts, lists and truth values are TOML's too.
    return _SETTINGS.format(
        organisation=json.dumps(organisation or DEMO_ORGANISATION, ensure_ascii=False),
        addresses=json.dumps(addresses or ["localhost", "127.0.0.1"]),
        demo=json.dumps(demo),
        database="\n".join(
            f"{field} = {json.dumps(url)}" for field, url in _database_urls(database).items()
        ),
        listen=listen or ("127.0.0.1" if demo else "0.0.0.0"),
        ports=[port + offset if port else 0 for offset in range(4)],
        portal_tls=json.dumps(not demo),
    )


def _database_urls(url: str) -> dict[str, str]:
    if not is_postgresql(url):
        return {"url": url}
    urls = role_urls(url, secrets.token_hex(PASSWORD_BYTES), secrets.token_hex(PASSWORD_BYTES))
    return {"url": url, "ingest_url": urls.ingest, "portal_url": urls.portal}


def _write_settings(directory: Path, text: str) -> None:
    path, fresh = directory / FILE, directory / f"{FILE}.new"
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(path)
    try:
        read_config(directory)
    except ConfigurationError:
        # A value from the command line was refused: leave nothing that looks like a server.
        path.unlink()
        raise


def _make_keys(directory: Path, config: Config) -> None:
    if has_keys(directory):
        return
    if (directory / KEYS).exists() or (directory / ROOTS).exists():
        raise Refused(
            f"密钥生成曾中断，请删除 {directory / KEYS} 与 {directory / ROOTS}，"
            "再次运行 init。"
            f"making the keys was cut short: remove {directory / KEYS} and {directory / ROOTS},"
            " then run init again"
        )
    nonce_secret = secrets.token_bytes(NONCE_SECRET_BYTES)
    foundation = found(
        config.organisation, config.addresses, nonce_secret, utc_clock(), demo=config.demo
    )
    write_foundation(directory, foundation)


def _make_database(config: Config, officer: str, password_file: Path | None) -> str | None:
    engine = open_engine(config.database_url)
    try:
        _bring_up_to_date(engine, config)
        accounts = AccountKeeping(Work(engine), Passwords(), utc_clock)
        if any(account.role.sees_everything for account in accounts.all()):
            return None
        password, shown = password_of(password_file)
        accounts.create_first_officer(officer, password)
        return f"首位经办人 First officer: {officer}.{shown}"
    finally:
        engine.dispose()


def _bring_up_to_date(engine: Engine, config: Config) -> None:
    migrate(engine)
    if config.has_roles:
        install_roles(engine, RoleUrls(ingest=config.ingest_url, portal=config.portal_url))


def _report(directory: Path, config: Config, made: str | None, *, stood: bool) -> None:
    if stood:
        print(
            f"{directory} 中的服务器早已建好，设置、密钥与账号均未改动。"
            f"The server in {directory} was there already: its settings, keys and accounts are as"
            " they were."
        )
    zh, en = ("演示服务器", "A demonstration server") if config.demo else ("服务器", "A server")
    print(f"{zh}已就绪，位于 {directory}。{en} is ready in {directory}.")
    if made is not None:
        print(made)
    print(
        f"请将 {directory / ROOTS} 移至保险柜并从本机删除，日常无需。"
        f"Carry {directory / ROOTS} to a safe and remove it here: daily work never needs it."
    )
    root = directory / PUBLIC / "server-root.pem"
    if config.portal_tls:
        print(f"浏览器凭 {root} 信任门户。Browsers trust the portal by {root}.")
    else:
        print(
            "门户不经 TLS，只在本机以 http:// 提供（portal.tls = false）。"
            "The portal is served without TLS, on this machine alone, by http://"
            " (portal.tls = false)."
        )
    print(f"启动 Start it: kashi-server serve --directory {directory}")

"""`python -m deploy.demo [--once]`: the whole way of a card-hour, from accelerator to certificate.

Exit codes: 0 everything verified, 1 something failed and is named, 130 it was interrupted.
"""

import argparse
import fcntl
import json
import secrets
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kashi_server.bootstrap import opened
from kashi_server.services.accounts import Role
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.demo.clerk_way import SECOND, STATEMENT, lay_way, print_way
from deploy.demo.live import live_agent
from deploy.demo.month import enrolled, folder_bytes, ship_month
from deploy.demo.scene import HOSTS, MONTH, PARTIES, agreements_toml, parties_toml
from deploy.demo.sheet import print_sign_ins, verify_all
from deploy.demo.stage import DemoError, Stage, as_officer, kashi_server, serving

ROOT = Path("build/demo")
DAY_MS = 86_400_000
Result = TypeVar("Result")
ROLES = {"provider": Role.PROVIDER, "company": Role.COMPANY}


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="verify, then end")
    once = bool(parser.parse_args().once)
    console = Console(highlight=False)
    # SIGTERM, and SIGINT in the background, end it like Ctrl-C: nothing is left behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with _alone(ROOT.with_suffix(".lock")):
            _demonstrate(console, once=once)
    except DemoError as error:
        console.print(f"The demonstration failed: {error}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; server and agent were stopped. 已中断，服务器与代理均已停止。")
        return 130
    return 0


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of this folder's demonstration: a second one would empty it under the first.

    Raises:
        DemoError: another demonstration works here.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"another demonstration works in {ROOT}; end it with Ctrl-C first, or use another "
                "clone"
            ) from None
        yield


def _demonstrate(console: Console, *, once: bool) -> None:
    stage = Stage(ROOT.resolve())
    shutil.rmtree(stage.root, ignore_errors=True)
    stage.root.mkdir(parents=True)
    console.rule("Kashi 卡时 · 生成的负载，并非实测 · generated workloads, not measured")
    passwords = _step(console, "建服务器 server, keys, database, parties", lambda: _prepare(stage))
    with serving(stage) as ports:
        _ship(stage, console)
        with live_agent(stage, console):
            _step(console, f"结账 close {MONTH}", lambda: kashi_server(stage, "close", MONTH))
            _step(
                console,
                "出具证明 certificates",
                lambda: kashi_server(stage, "certify", MONTH, "--out", str(stage.certificates)),
            )
            verify_all(stage, console)
            console.print(f"证明 certificates: {stage.certificates.relative_to(Path.cwd())}")
            statement = kashi_server(stage, "statements", "--number", STATEMENT)
            lay_way(stage.root, json.loads(statement), passwords)
            print_way(console)
            if not once:
                print_sign_ins(console, passwords, f"http://127.0.0.1:{ports['portal']}")
                _stay(console)


def _step(console: Console, title: str, work: Callable[[], Result]) -> Result:
    began = time.monotonic()
    with console.status(title):
        result = work()
    console.print(f"✓ {title}  {time.monotonic() - began:.1f} s")
    return result


def _prepare(stage: Stage) -> dict[str, str]:
    """Make the server, import the parties, open an account for each; logins and passwords."""
    passwords = {
        login: secrets.token_urlsafe(9)
        for login in ("officer", SECOND, "auditor", *(party.login for party in PARTIES))
    }
    password_file = stage.officer_password
    password_file.touch(mode=0o600)
    password_file.write_text(passwords["officer"] + "\n", encoding="utf-8")
    begin = ("init", "--demo", "--listen", "127.0.0.1", "--port", "0")
    kashi_server(stage, *begin, *as_officer(stage))
    parties = stage.root / "parties.toml"
    parties.write_text(parties_toml(), encoding="utf-8")
    kashi_server(stage, "import", str(parties), *as_officer(stage))
    with opened(stage.server) as server:
        server.accounts.create(SECOND, passwords[SECOND], Role.OFFICER, None, by=("officer",))
        server.accounts.create("auditor", passwords["auditor"], Role.AUDITOR, None)
        for party in PARTIES:
            server.accounts.create(
                party.login, passwords[party.login], ROLES[party.kind], party.party_id
            )
    return passwords


def _ship(stage: Stage, console: Console) -> None:
    """Enrol the hosts, import what was agreed about them, ship their month."""
    stores = {host.name: enrolled(stage, host) for host in HOSTS}
    agreements = stage.root / "agreements.toml"
    host_ids = {name: store.host().host_id for name, store in stores.items()}
    agreements.write_text(agreements_toml(host_ids), encoding="utf-8")
    kashi_server(stage, "import", str(agreements), *as_officer(stage))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("天 days"),
        TimeElapsedColumn(),
    )
    began, reports = time.monotonic(), 0
    with Progress(*columns, console=console) as progress:
        for host in HOSTS:
            label = f"{host.name}  {len(host.devices)} × {host.devices[0].model}"
            task = progress.add_task(label, total=31)
            reports += ship_month(
                stage,
                host,
                stores[host.name],
                lambda played_ms, task=task: progress.update(task, completed=played_ms // DAY_MS),  # type: ignore[misc]  # default binds the loop's task
            )
            progress.update(task, completed=31)
    console.print(
        f"✓ 签名报告经双向 TLS 送达 signed reports over mutual TLS: {reports}"
        f"  {time.monotonic() - began:.1f} s,"
        f" 服务器上 on the server {folder_bytes(stage.server) / 1e6:.0f} MB"
    )


def _stay(console: Console) -> None:
    """Wait until interrupted."""
    console.print("服务器保持运行，Ctrl-C 结束。The server stays up; Ctrl-C ends it.")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(3600):
        pass
    console.print("正在停止服务器与代理。Stopping server and agent.")


if __name__ == "__main__":
    sys.exit(main())

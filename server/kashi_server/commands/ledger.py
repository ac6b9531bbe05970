"""`ledger`: what stands where, what moved, and the proof that all of it holds."""

import json
import sys
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from kashi_server.bootstrap import opened
from kashi_server.commands.integrity import EXIT_DIFFERENT
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import PlainConsole
from kashi_server.domain.interval import SHANGHAI
from kashi_server.domain.ledger import Unit
from kashi_server.domain.money import yuan_text
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.ledger import Ledger

Prefix = Annotated[
    str,
    typer.Argument(
        help="科目前缀，如 pool:。How accounts begin, like pool: or cap_left:PROGRAMME/2026."
    ),
]


def balances(
    prefix: Prefix = "", directory: Directory = DEFAULT_DIRECTORY, *, as_json: AsJson = False
) -> None:
    """显示各科目余额。Show what stands on accounts."""
    with opened(directory) as server, server.work.begin(writes=False) as unit:
        found = unit.ledger.balances(prefix)
    if as_json:
        rows = [
            {"account": one.account.name, "unit": str(one.account.unit), "amount": one.amount}
            for one in found
        ]
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("科目 account")
    table.add_column("余额 balance", justify="right")
    for one in found:
        table.add_row(one.account.name, _shown(one.amount, one.account.unit))
    PlainConsole().print(table)


def movements(directory: Directory = DEFAULT_DIRECTORY, *, as_json: AsJson = False) -> None:
    """按顺序列出全部分录。Show every movement in order."""
    none = True
    with opened(directory) as server, server.work.begin(writes=False) as unit:
        for stored in unit.ledger.movements():
            none = False
            movement = stored.movement
            if movement is None:
                print(f"{stored.movement_id} {stored.key}: {stored.fault}", file=sys.stderr)
                continue
            if as_json:
                print(movement.to_bytes().decode())
                continue
            at = datetime.fromtimestamp(stored.posted_utc_ms / 1000, SHANGHAI)
            print(f"{stored.movement_id} {at:%Y-%m-%d %H:%M:%S} {movement.kind} {movement.key}")
            print(f"    {movement.officer}: {movement.reason}")
            for posting in movement.postings:
                amount = _shown(posting.amount, posting.account.unit)
                print(f"    {amount:>20}  {posting.account.name}")
    if none and not as_json:
        print("台账尚无分录。Nothing has moved on the ledger yet.")


def check(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """从数据行核验台账：借贷平衡、不越限额、与申报及日志一致。
    Prove from the rows: movements sum to zero, no floor was passed, balances, claims and log
    agree.

    退出码 0：一致；1：有不符，并列出。Exit code 0: it holds; 1: something does not, and is named.
    """
    with opened(directory) as server:
        faults = Ledger(server.work, server.clock).check()
        faults += check_claim_books(server.work)
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(EXIT_DIFFERENT)
    print("台账无误 The ledger is sound.")


def _shown(amount: int, unit: Unit) -> str:
    return f"{yuan_text(amount)} 元" if unit is Unit.FEN else f"{amount} 项"

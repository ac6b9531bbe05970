"""`payments`: what companies paid to their providers, and which invoices it was for."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, Officer
from kashi_server.commands.paper_options import (
    CONSOLE,
    MappingFile,
    acting_officer,
    content_of,
    mapping_of,
    paper_files,
)
from kashi_server.commands.plain import PlainConsole
from kashi_server.commands.proving import OfficerPassword
from kashi_server.domain.money import yuan_text
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.services.papers_port import StoredPayment
from kashi_server.services.payments import PaymentKeeping
from kashi_server.services.told import ToldPayment


def import_payments(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="付款文件。XLSX, CSV or TOML files.")
    ],
    officer: Officer,
    mapping: MappingFile = None,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """导入付款及其所付发票，要么全部，要么全不。
    Take payments and what they cover: all of them or none.
    """
    with opened(directory) as server:
        acting = acting_officer(server, officer, password_file, "payments import")
        told: list[ToldPayment] = []
        mistakes: list[Mistake] = []
        known, reader = mapping_of(mapping), paper_files(server)
        for file in files:
            try:
                told += reader.payments(str(file), content_of(file), known).payments
            except MistakesFound as error:
                mistakes += error.mistakes
        if mistakes:
            raise MistakesFound(mistakes)
        taken = PaymentKeeping(server.work, server.clock).take(told, acting)
    if as_json:
        facts = {"added": taken.added, "changed": taken.changed, "unchanged": taken.unchanged}
        print(json.dumps(facts))
        return
    print(
        f"新增 added {taken.added}, 补充对应发票 cover more {taken.changed},"
        f" 未变 stood so already {taken.unchanged}."
    )


def list_payments(directory: Directory = DEFAULT_DIRECTORY, *, as_json: AsJson = False) -> None:
    """列出付款及其所付发票。List payments and what they cover."""
    with opened(directory) as server:
        found = PaymentKeeping(server.work, server.clock).all(CONSOLE)
    if as_json:
        print(json.dumps([_data(one) for one in found], ensure_ascii=False))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("流水号 reference\n日期 paid on", overflow="fold", min_width=12)
    table.add_column("付款方 payer\n收款方 payee", overflow="fold", min_width=18)
    table.add_column("金额 元\namount", justify="right", overflow="fold")
    table.add_column("对应发票 covers", overflow="fold", min_width=20)
    for one in found:
        payment = one.payment
        back = [f"退回 went back: {r.number} {yuan_text(r.amount_fen)}" for r in one.returns]
        covered = [f"{c.number} {yuan_text(c.amount_fen)}" for c in one.covers]
        covers = "\n".join([*covered, *back])
        table.add_row(
            f"{payment.reference}\n{payment.paid_on}",
            f"{payment.payer_id}\n{payment.payee_id}",
            yuan_text(payment.amount_fen),
            covers,
        )
    PlainConsole().print(table)
    print(f"{len(found)} 笔付款 payments.")


def _data(stored: StoredPayment) -> dict[str, object]:
    payment = stored.payment
    return {
        "reference": payment.reference,
        "payer_id": payment.payer_id,
        "payee_id": payment.payee_id,
        "paid_on": payment.paid_on.isoformat(),
        "amount_fen": payment.amount_fen,
        "document": payment.document or None,
        "covers": {one.number: one.amount_fen for one in stored.covers},
        "counted": stored.counted,
    }

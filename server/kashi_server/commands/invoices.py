"""`invoices`: taking them from the tax bureau's files, how they stand, what their lines are for."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import (
    DEFAULT_DIRECTORY,
    AsJson,
    Directory,
    Officer,
    two_officers,
)
from kashi_server.commands.paper_options import (
    CONSOLE,
    MappingFile,
    acting_officer,
    content_of,
    mapping_of,
    paper_files,
)
from kashi_server.commands.plain import PlainConsole
from kashi_server.commands.proving import OfficerPassword, OfficersPasswords, prove_officers
from kashi_server.domain.invoice import LinePart
from kashi_server.domain.invoice_content import said_by
from kashi_server.domain.money import yuan_text
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.services.allocation import PartLeft, left_of
from kashi_server.services.invoice_righting import put_right as righted
from kashi_server.services.invoice_words import STATUS_ZH
from kashi_server.services.invoices import InvoiceHistory, InvoiceKeeping, TakenInvoices
from kashi_server.services.papers_port import StoredInvoice
from kashi_server.services.told import ToldInvoice

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="数电票号码，20 位。Its 20 digits.")]


def keeping(server: Server) -> InvoiceKeeping:
    """Invoices of a server."""
    return InvoiceKeeping(server.work, server.clock, server.invoice_watch)


def import_invoices(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="全量发票查询导出的文件。XLSX or CSV of the tax bureau, or XML.",
        ),
    ],
    officer: Officer,
    mapping: MappingFile = None,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """导入合同双方的发票及其状态，要么全部，要么全不。
    Take invoices between the sides of contracts, and how they stand: all or none.
    """
    with opened(directory) as server:
        acting = acting_officer(server, officer, password_file, "invoices import")
        told: list[ToldInvoice] = []
        mistakes: list[Mistake] = []
        passed_by, known, reader = 0, mapping_of(mapping), paper_files(server)
        for file in files:
            try:
                read = reader.invoices(str(file), content_of(file), known)
            except MistakesFound as error:
                mistakes += error.mistakes
                continue
            told += read.invoices
            passed_by += read.passed_by
        if mistakes:
            raise MistakesFound(mistakes)
        taken = keeping(server).take(told, acting)
    if as_json:
        print(json.dumps(_taken(taken, passed_by), ensure_ascii=False))
        return
    print(
        f"新增 added {taken.added}, 变更 changed {taken.changed}, 未变 stood so already"
        f" {taken.unchanged}, 与本系统合同无关 of others, passed by {passed_by}."
    )
    for note in taken.notes:
        print(f"注意 note: {note}")
    for change in taken.changes:
        claims = ", ".join(claim for claim, _fen in change.claims)
        print(f"发票 {change.number} 现为 {STATUS_ZH[change.after]} is {change.after}: {claims}")


def _taken(taken: TakenInvoices, passed_by: int) -> dict[str, object]:
    return {
        "added": taken.added,
        "changed": taken.changed,
        "unchanged": taken.unchanged,
        "mapped_lines": taken.mapped,
        "passed_by": passed_by,
        "contested": taken.contested,
        "notes": taken.notes,
        "claims_told": [
            {"number": one.number, "status": str(one.after), "claims": dict(one.claims)}
            for one in taken.changes
        ],
    }


def list_invoices(
    contract: Annotated[
        str | None, typer.Option("--contract", help="仅含此合同的行。With lines for this contract.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """列出发票及其状态。List invoices and how they stand."""
    with opened(directory) as server:
        found = keeping(server).all(CONSOLE, contract)
        contested = keeping(server).contested()
    if as_json:
        print(json.dumps([_data(one) for one in found], ensure_ascii=False))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("号码 number\n开票日期 issued", "销方 seller\n购方 buyer"):
        table.add_column(title, overflow="fold", min_width=20)
    table.add_column("价税合计 元\nincl. tax", justify="right", overflow="fold")
    table.add_column("状态\nstatus", overflow="fold")
    for one in found:
        invoice = one.invoice
        table.add_row(
            f"{invoice.number}\n{invoice.issued_on}",
            f"{invoice.seller_id}\n{invoice.buyer_id}",
            yuan_text(invoice.amount.incl_fen),
            f"{STATUS_ZH[one.status]}\n{one.status}",
        )
    PlainConsole().print(table)
    print(f"{len(found)} 张发票 invoices.")
    if contested:
        print("待两名经办人裁定内容 contested, see invoices show and decide:")
        print("\n".join(f"    {number}" for number in contested))


def show_invoice(
    number: Number, directory: Directory = DEFAULT_DIRECTORY, *, as_json: AsJson = False
) -> None:
    """显示发票：各行、合同部分、历史、付款与申报。
    Show one invoice: lines, parts, history, payments and claims.
    """
    with opened(directory) as server:
        history = keeping(server).show(number, CONSOLE)
        with server.work.begin(writes=False) as unit:
            left = left_of(unit, number, CONSOLE)
    if as_json:
        print(json.dumps(_whole(history, left), ensure_ascii=False))
        return
    invoice = history.stored.invoice
    parts = {part.line: f"{part.contract_id} {part.part}" for part in history.stored.parts}
    print(f"{invoice.number}  {invoice.issued_on}  {STATUS_ZH[history.stored.status]}")
    print(f"    销方 seller {invoice.seller_id} {invoice.seller_name}")
    print(f"    购方 buyer  {invoice.buyer_id} {invoice.buyer_name}")
    amount = invoice.amount
    print(
        f"    金额 {yuan_text(amount.ex_tax_fen)} + 税额 tax {yuan_text(amount.tax_fen)}"
        f" = 价税合计 {yuan_text(amount.incl_fen)}，已付 paid {yuan_text(history.paid_fen)}"
    )
    for line in invoice.lines:
        said = parts.get(line.line, "未对应 no part")
        print(f"    {line.line}. {line.name}  {yuan_text(line.amount.incl_fen)}  → {said}")
    _print_versions(history)
    for change in history.statuses:
        both = " 两名经办人决定 decided by two officers:" if change.decided else ""
        print(
            f"    {change.change}. {STATUS_ZH[change.status]}{both} {change.source}"
            f" {change.told_by}"
        )
    for one in left:
        held = ", ".join(f"{claim} {yuan_text(fen)}" for claim, fen in one.held)
        print(f"    {one.contract_id} {one.part}: 余 left {yuan_text(one.left_fen)}  {held}")


def _print_versions(history: InvoiceHistory) -> None:
    """Every content that was told of the number, where there are several."""
    for one in history.versions:
        here = "现行 stands" if one.version == history.stored.version else "不作数 does not stand"
        said = one.invoice
        print(
            f"    第 {one.version} 版 version: {here}，{yuan_text(said.amount.incl_fen)} 元 yuan,"
            f" {said.seller_id} → {said.buyer_id}，{STATUS_ZH[one.status]} {one.status}，"
            f"{one.source} {one.told_by}"
            + (f"，对应蓝字 takes back {said.blue_number}" if said.blue_number else "")
        )
    for decided in history.decisions:
        print(
            f"    裁定 decided: 第 {decided.version} 版 version，{decided.document}，"
            f"{decided.decided_by}：{decided.reason}"
        )


def map_invoice(
    number: Number,
    contract: Annotated[str, typer.Option("--contract", help="合同编号。The contract.")],
    part: Annotated[str, typer.Option("--part", help="合同部分。The part of it.")],
    officer: Officer,
    line: Annotated[
        list[int] | None,
        typer.Option("--line", help="仅此行号；不给即全部。Only these lines; without, all."),
    ] = None,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """指明发票各行对应的合同部分。Say which part of which contract lines of an invoice are for."""
    with opened(directory) as server:
        acting = acting_officer(server, officer, password_file, "invoices map")
        known = keeping(server).show(number, acting).stored.invoice.lines
        wanted = line or [one.line for one in known]
        parts = [LinePart(line=one, contract_id=contract, part=part) for one in wanted]
        now = keeping(server).map_lines(number, parts, acting)
    for one in now:
        print(f"{one.line} → {one.contract_id} {one.part}")


def _data(stored: StoredInvoice) -> dict[str, object]:
    invoice = stored.invoice
    parts = {part.line: part for part in stored.parts}
    return {
        "number": invoice.number,
        "issued_on": invoice.issued_on.isoformat(),
        "seller_id": invoice.seller_id,
        "seller_name": invoice.seller_name,
        "buyer_id": invoice.buyer_id,
        "buyer_name": invoice.buyer_name,
        "ex_tax_fen": invoice.amount.ex_tax_fen,
        "tax_fen": invoice.amount.tax_fen,
        "incl_fen": invoice.amount.incl_fen,
        "status": str(stored.status),
        "blue_number": invoice.blue_number or None,
        "lines": [
            {
                "line": line.line,
                "name": line.name,
                "ex_tax_fen": line.amount.ex_tax_fen,
                "tax_fen": line.amount.tax_fen,
                "contract_id": parts[line.line].contract_id if line.line in parts else None,
                "part": parts[line.line].part if line.line in parts else None,
            }
            for line in invoice.lines
        ],
    }


def _whole(history: InvoiceHistory, left: tuple[PartLeft, ...]) -> dict[str, object]:
    return {
        **_data(history.stored),
        "paid_fen": history.paid_fen,
        "statuses": [
            {
                "change": one.change,
                "status": str(one.status),
                "source": one.source,
                "decided": one.decided,
                "told_by": one.told_by,
                "told_utc_ms": one.told_utc_ms,
            }
            for one in history.statuses
        ],
        "reds": [red.number for red in history.reds],
        "version": history.stored.version,
        "versions": [
            {
                "version": one.version,
                "status": str(one.status),
                "source": one.source,
                "told_by": one.told_by,
                "told_utc_ms": one.told_utc_ms,
                **said_by(one.invoice),
            }
            for one in history.versions
        ],
        "decisions": [asdict(one) for one in history.decisions],
        "parts": [
            {
                "contract_id": one.contract_id,
                "part": one.part,
                "incl_fen": one.amount.incl_fen,
                "left_fen": one.left_fen,
                "claims": dict(one.held),
            }
            for one in left
        ],
    }


def put_right(
    number: Number,
    document: Annotated[
        str, typer.Option("--document", help="证明其有效的依据文件。What shows that it holds good.")
    ],
    officer: Annotated[
        list[str] | None,
        typer.Option(
            "--officer",
            help="作决定的经办人账号，须两名。Login of an officer who decides; name two.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="理由，记入日志。Why; it is recorded.")
    ] = "",
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """更正发票状态：一方单独作废者由两名经办人恢复。
    Let an invoice stand again that one side alone called void, by two officers.

    两名经办人各凭密码办理；因此停下的申报以 claim resume 恢复。
    What stopped because of it is resumed with: claim resume.
    """
    decision = two_officers(officer, reason)
    with opened(directory) as server:
        prove_officers(server, decision, password_file)
        watch = server.invoice_watch
        status = righted(server.work, server.clock, number, decision, document, watch)
    print(f"发票 {number} 现为 {STATUS_ZH[status]} is {status}.")

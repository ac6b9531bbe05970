"""Invoices and payments on the certificate's page, and how they tie out with what was metered.

The tie-out compares as of a printed day, and lowers nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.papers import UNKNOWN
from kashi_server.documents.wording import Pair, column, row, section

Data = Mapping[str, Any]
_STATUS: Final = {
    "normal": "正常 normal",
    "partly_red": "部分红冲 partly red",
    "red": "已红冲 red-flushed",
    "void": "已作废 void",
}
ROWS_MAX: Final = 60
"""Invoices and payments that a page lists; all of them stand in the attached summary."""


def money_sections(summary: Data) -> list[dict[str, Any]]:
    """Invoices, payments, and how they tie out with what was metered."""
    money = summary["stated"]["money"]
    title = Pair("发票与付款勾稽", "Invoices, payments, tie-out")
    if money is None:
        none = Pair(
            "尚未提供发票与付款凭证。", "No invoice and no payment was stated for this contract."
        )
        return [section(title, kind="notes", notes=[none.to_data()])]
    tie = money["tie_out"]
    facts = [
        row("发票与付款截至", "Invoices, payments until", tie["until_day"]),
        row("计量金额", f"Metered until {tie['until_month']}", _yuan(tie["metered_fen"])),
        row("开票净额（含税）", "Invoiced less red, tax incl.", _yuan(tie["invoiced_incl_fen"])),
        row("开票净额（不含税）", "Invoiced less red, ex tax", _yuan(tie["invoiced_ex_tax_fen"])),
        row("已付金额", "Paid", _yuan(tie["paid_fen"])),
        row(
            "开票与计量之差",
            "Invoiced less metered",
            f"{_yuan(tie['invoiced_less_metered_fen'])}（仅供参考 information only）",
        ),
    ]
    if tie["unknown_invoices"]:
        some = str(tie["unknown_invoices"])
        facts.append(
            row("余额未知的发票", "Invoices of unknown rest", f"{some}（未计入 not counted）")
        )
    found = [section(title, kind="facts", pairs=2, rows=facts), _invoices(money["invoices"])]
    return [*found, _payments(money["payments"])] if money["payments"] else found


def _yuan(amount_fen: int) -> str:
    return f"{figures.yuan(amount_fen)} 元"


def _invoices(invoices: Sequence[Data]) -> dict[str, Any]:
    rows = [line for one in invoices for line in _invoice_rows(one)]
    grid = {
        "columns": [
            column("发票号码", "invoice", width=130),
            column("开票日期", "issued", width=65),
            column("状态", "status", width=70),
            column("不含税", "ex tax", figure=True, width=80),
            column("税额", "tax", figure=True, width=70),
            column("价税合计", "incl. tax", figure=True, width=80),
            column("其中本合同", "of this contract", figure=True, width=80),
            column("扣红后余额", "less red", figure=True, width=80),
        ],
        "rows": rows[:ROWS_MAX],
        "total": [],
    }
    return section(
        Pair("发票（元）", "Invoices, in yuan"), kind="figures", grid=grid, remarks=_more(rows)
    )


def _invoice_rows(invoice: Data) -> Iterator[list[str]]:
    """A blue invoice, and below it the red ones that take back of it."""
    left_fen = invoice["left_incl_fen"]
    left = UNKNOWN if left_fen is None else figures.yuan(left_fen)
    status = _STATUS[invoice["status"]]
    yield _invoice_row(invoice, status, left)
    for red in invoice["reds"]:
        yield _invoice_row(red, "红字发票 red", "")


def _invoice_row(one: Data, status: str, left: str) -> list[str]:
    of_contract_fen = one["contract_incl_fen"]
    return [
        one["number"],
        one["issued_on"],
        status,
        *(figures.yuan(one[name]) for name in ("ex_tax_fen", "tax_fen", "incl_fen")),
        "—" if of_contract_fen is None else figures.yuan(of_contract_fen),
        left,
    ]


def _payments(payments: Sequence[Data]) -> dict[str, Any]:
    grid = {
        "columns": [
            column("付款凭证", "payment", width=160),
            column("付款日期", "paid on", width=90),
            column("对应发票", "of invoice", width=160),
            column("金额", "amount", figure=True, width=100),
        ],
        "rows": [
            [one["reference"], one["paid_on"], one["invoice"], figures.yuan(one["covered_fen"])]
            for one in payments[:ROWS_MAX]
        ],
        "total": [],
    }
    share = Pair(
        "付款按发票全额列示；已付金额只计本合同在发票余额中所占份额。",
        "Payments are listed whole; paid counts this contract's share of what an invoice has left.",
    )
    remarks = [share.to_data(), *_more(payments)]
    return section(
        Pair("付款（元）", "Payments, in yuan"), kind="figures", grid=grid, remarks=remarks
    )


def _more(rows: Sequence[object]) -> list[dict[str, str]]:
    if len(rows) <= ROWS_MAX:
        return []
    more = len(rows) - ROWS_MAX
    return [Pair(f"另有 {more} 行，见 summary.json。", f"{more} more in summary.json.").to_data()]

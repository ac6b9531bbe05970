"""What papers say, on the certificate's page: contract, listing, invoices, payments.

What nobody stated is printed as not stated. The tie-out compares and lowers nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.wording import Pair, column, row, section
from kashi_server.domain.interval import SHANGHAI, instant_of

Data = Mapping[str, Any]
NOT_STATED: Final = "未提供 not stated"
_STATUS: Final = {
    "normal": "正常 normal",
    "partly_red": "部分红冲 partly red",
    "red": "已红冲 red-flushed",
    "void": "已作废 void",
}
ROWS_MAX: Final = 60
"""Invoices and payments that a page lists; all of them stand in the attached summary."""


def contract_rows(summary: Data) -> list[dict[str, object]]:
    """Rows of the contract and of the provider's listing."""
    stated = summary["stated"]
    contract, listings = stated["contract"], stated["listings"]
    return [
        row("合同金额与构成", "Contract total, parts", _parts(contract), wide=True),
        row("补充协议", "Amendments", _amendments(contract), wide=True),
        row("供给方入库批次与服务项目", "Listing: batch, item", _listings(listings), wide=True),
        row("项目名称与用途", "Project and purpose", NOT_STATED, wide=True),
    ]


def _parts(contract: Data | None) -> str:
    if contract is None:
        return NOT_STATED
    parts = "；".join(
        f"{part['part']}（{part['item']}）{figures.yuan(part['ex_tax_fen'] + part['tax_fen'])} 元"
        for part in contract["parts"]
    )
    total = figures.yuan(contract["ex_tax_fen"] + contract["tax_fen"])
    return f"含税 incl. tax {total} 元：{parts}"


def _amendments(contract: Data | None) -> str:
    if contract is None:
        return NOT_STATED
    return (
        "；".join(f"{one['number']}（{one['signed_on']}）" for one in contract["amendments"])
        or "无 none"
    )


def _listings(listings: Sequence[Data] | None) -> str:
    if listings is None:
        return NOT_STATED
    return "；".join(
        f"{one['batch']} {one['service_item']}，{_day(one['start_minute'])} 起，{one['document']}"
        for one in listings
    )


def _day(minute: int) -> date:
    return instant_of(minute).astimezone(SHANGHAI).date()


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
        row("计量金额", f"Metered until {tie['until_month']}", _yuan(tie["metered_fen"])),
        row("开票金额（含税）", "Invoiced, tax included", _yuan(tie["invoiced_incl_fen"])),
        row("开票金额（不含税）", "Invoiced, ex tax", _yuan(tie["invoiced_ex_tax_fen"])),
        row("已付金额", "Paid", _yuan(tie["paid_fen"])),
        row(
            "开票与计量之差",
            "Invoiced less metered",
            f"{_yuan(tie['invoiced_less_metered_fen'])}（仅供参考 information only）",
            wide=True,
        ),
    ]
    found = [section(title, kind="facts", pairs=2, rows=facts), _invoices(money["invoices"])]
    return [*found, _payments(money["payments"])] if money["payments"] else found


def _yuan(amount_fen: int) -> str:
    return f"{figures.yuan(amount_fen)} 元"


def _invoices(invoices: Sequence[Data]) -> dict[str, Any]:
    rows = [
        [
            one["number"],
            one["issued_on"],
            _STATUS.get(one["status"], one["status"]),
            figures.yuan(one["ex_tax_fen"]),
            figures.yuan(one["tax_fen"]),
            figures.yuan(one["incl_fen"]),
            figures.yuan(one["contract_incl_fen"]),
        ]
        for one in invoices[:ROWS_MAX]
    ]
    grid = {
        "columns": [
            column("发票号码", "invoice", width=140),
            column("开票日期", "issued", width=70),
            column("状态", "status", width=80),
            column("不含税", "ex tax", figure=True, width=90),
            column("税额", "tax", figure=True, width=80),
            column("价税合计", "incl. tax", figure=True, width=90),
            column("其中本合同", "of this contract", figure=True, width=90),
        ],
        "rows": rows,
        "total": [],
    }
    return section(
        Pair("发票（元）", "Invoices, in yuan"), kind="figures", grid=grid, remarks=_more(invoices)
    )


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
    return section(
        Pair("付款（元）", "Payments, in yuan"), kind="figures", grid=grid, remarks=_more(payments)
    )


def _more(rows: Sequence[Data]) -> list[dict[str, str]]:
    if len(rows) <= ROWS_MAX:
        return []
    more = len(rows) - ROWS_MAX
    return [Pair(f"另有 {more} 行，见 summary.json。", f"{more} more in summary.json.").to_data()]

"""Step 7, fourth part: the papers of money hold among themselves, as of the day that is printed.

What invoices and payments say cannot be recomputed from statements. But without tax and tax are the
sum; red invoices take back, and what is left follows from them; nothing is later than the day; and
the tie-out is what these papers come to.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from kashi_verify.detail import Detail
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_GONE: Final = ("red", "void")
_STATUSES: Final = ("normal", "partly_red", *_GONE)
_SIDES: Final = ("ex_tax_fen", "incl_fen")


def check_money(money: Data, issued_on: date) -> None:
    """Recompute the tie-out from its papers.

    Args:
        money: the `stated.money` of a summary.
        issued_on: the day of issue in Asia/Shanghai: the papers were read by then.

    Raises:
        CheckFailed: something differs; the message names the paper and the figure.
    """
    tie = money["tie_out"]
    until = date.fromisoformat(tie["until_day"])
    if until > issued_on:
        raise CheckFailed(
            f"核对截至 {until}，晚于出具日。The tie-out is of {until}, after the day of issue"
        )
    if tie["until_month"] > str(until)[:7]:
        raise CheckFailed(
            f"核对把 {tie['until_month']} 当作在 {until} 已关账。"
            f"The tie-out counts {tie['until_month']} as closed on {until}"
        )
    if _MONTH.fullmatch(tie["until_month"]) is None:
        raise CheckFailed(f"“{tie['until_month']}”不是月份。'{tie['until_month']}' is not a month")
    for one in money["invoices"]:
        _check_invoice(one, until)
    _check_payments(money, until)
    paid = [_check_paid(one, money["payments"]) for one in money["invoices"]]
    left = [one["left_incl_fen"] for one in money["invoices"]]
    ex_tax = [one["left_ex_tax_fen"] for one in money["invoices"]]
    wanted = {
        "invoiced_ex_tax_fen": sum(fen for fen in ex_tax if fen is not None),
        "invoiced_incl_fen": sum(fen for fen in left if fen is not None),
        "unknown_invoices": left.count(None),
        "paid_fen": sum(fen for fen in paid if fen is not None),
    }
    wanted["invoiced_less_metered_fen"] = wanted["invoiced_incl_fen"] - tie["metered_fen"]
    for name, value in wanted.items():
        if tie[name] != value:
            raise CheckFailed(
                f"核对的 {name} 为 {tie[name]}；单据得 {value}。"
                f"The tie-out's {name} is {tie[name]}; the papers give {value}"
            )


def check_worth(contract: Data | None) -> None:
    """A contract's total is the sum of its parts; None: nobody stated it.

    Raises:
        CheckFailed: it is not.
    """
    if contract is None:
        return
    for name in ("ex_tax_fen", "tax_fen"):
        parts_fen = sum(part[name] for part in contract["parts"])
        if contract[name] != parts_fen:
            raise CheckFailed(
                f"合同的 {name} 为 {contract[name]}；各部分合计 {parts_fen}。"
                f"The contract's {name} is {contract[name]}; its parts come to {parts_fen}"
            )


def money_figures(money: Data) -> Iterator[tuple[str, int]]:
    """The tie-out's amounts that stand on the page, each with its name."""
    for name in (
        "metered_fen",
        "invoiced_incl_fen",
        "invoiced_ex_tax_fen",
        "paid_fen",
        "invoiced_less_metered_fen",
    ):
        yield f"the tie-out's {name}", money["tie_out"][name]


def _check_invoice(invoice: Data, until: date) -> None:
    for one in (invoice, *invoice["reds"]):
        if one["ex_tax_fen"] + one["tax_fen"] != one["incl_fen"]:
            raise CheckFailed(
                f"发票 {one['number']}：不含税金额与税额之和不等于价税合计。"
                f"Invoice {one['number']}: without tax and tax are not the sum"
            )
        _check_day(_named("发票", "invoice", one["number"]), one["issued_on"], until)
    if invoice["status"] not in _STATUSES:
        raise CheckFailed(
            f"发票 {invoice['number']} 没有状态 {invoice['status']}。"
            f"Invoice {invoice['number']} has no such status as {invoice['status']}"
        )
    if any(red["incl_fen"] >= 0 for red in invoice["reds"]):
        raise CheckFailed(
            f"发票 {invoice['number']}：有红字发票没有冲减。"
            f"Invoice {invoice['number']}: a red invoice takes nothing back"
        )
    if any(not red["incl_fen"] <= red["unmapped_incl_fen"] <= 0 for red in invoice["reds"]):
        raise CheckFailed(
            f"发票 {invoice['number']}：红字发票对应的金额多于其本身。"
            f"Invoice {invoice['number']}: more of a red one is mapped than it has"
        )
    wanted = _left(invoice)
    found = tuple(invoice[f"left_{side}"] for side in _SIDES)
    if found != wanted:
        raise CheckFailed(
            f"发票 {invoice['number']}：余额不含税、含税为 {found} 分；发票与红字得 {wanted}。"
            f"Invoice {invoice['number']}: left are {found} fen without and with tax; the invoice "
            f"and its red ones give {wanted}"
        )


def _left(invoice: Data) -> tuple[int | None, int | None]:
    """What is left of the contract's part, without and with tax; None: nobody knows."""
    reds = invoice["reds"]
    if invoice["status"] in _GONE:
        return 0, 0
    if invoice["status"] == "partly_red" and not reds:
        return None, None
    mapped = [red for red in reds if red["contract_incl_fen"] is not None]
    ex_tax, incl = (
        invoice[f"contract_{side}"] + sum(red[f"contract_{side}"] for red in mapped)
        for side in _SIDES
    )
    least = incl + sum(red["unmapped_incl_fen"] for red in reds)
    whole_ex_tax, whole = (invoice[side] + sum(red[side] for red in reds) for side in _SIDES)
    if max(0, whole) < max(0, incl):
        ex_tax, incl = whole_ex_tax, whole
    if max(0, least) < max(0, incl):
        # Which part of the invoice the unmapped red one takes back, nobody knows.
        return None, None
    return (ex_tax, incl) if incl > 0 else (0, 0)


def _check_paid(invoice: Data, payments: Sequence[Data]) -> int | None:
    """What of the payments is the contract's: its share of what is left of the whole."""
    left = invoice["left_incl_fen"]
    whole = invoice["incl_fen"] + sum(red["incl_fen"] for red in invoice["reds"])
    covered = sum(one["covered_fen"] for one in payments if one["invoice"] == invoice["number"])
    wanted = left
    if left:
        wanted = min(covered, whole) * left // whole
    if invoice["contract_paid_fen"] != wanted:
        raise CheckFailed(
            f"发票 {invoice['number']}：称已为合同付款 {invoice['contract_paid_fen']} 分；付款及其"
            f"份额得 {wanted}。"
            f"Invoice {invoice['number']}: {invoice['contract_paid_fen']} fen are said to be paid "
            f"for the contract; payments and its share give {wanted}"
        )
    return None if wanted is None else int(wanted)


def _check_payments(money: Data, until: date) -> None:
    standing = {one["number"] for one in money["invoices"] if one["left_incl_fen"] != 0}
    payments: Sequence[Data] = money["payments"]
    for one in payments:
        _check_day(_named("付款", "payment", one["reference"]), one["paid_on"], until)
        if one["invoice"] not in standing:
            raise CheckFailed(
                f"付款 {one['reference']} 所属的 {one['invoice']} 已无余额。"
                f"Payment {one['reference']} is of {one['invoice']}, of which nothing is left"
            )


def _named(zh: str, en: str, number: object) -> Detail:
    return Detail(f"{zh} {number}", f"{en} {number}")


def _check_day(what: Detail, day: str, until: date) -> None:
    if date.fromisoformat(day) > until:
        raise CheckFailed(
            f"{what.zh} 的日期 {day} 晚于核对日 {until}。"
            f"{what.en} is of {day}, after {until}, the day of the tie-out"
        )

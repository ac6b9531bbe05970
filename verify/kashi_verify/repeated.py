"""Step 7: what a statement repeats of its own lines and of itself is what they say.

1. its number is made of the month and of the contract, or without one of the user;
2. the id of a line is the hash of what it says;
3. its devices are those of its lines, each with their hosts and the share of the last of them;
4. the quantities its contract bills are those of its lines, as far as they name any;
5. its days are those of the month, and its cut-off is the month's end;
6. only a correction makes a later revision; what is booked of an earlier month loses and makes no
   fen; and what a correction added stands among the lines.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Final

from kashi_verify.detail import line_named
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_NOT_SAID: Final = ("line", "line_id")
_ID_DIGITS: Final = 32
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def check_repeated(statement: Data) -> None:
    """Check everything the module says.

    Raises:
        CheckFailed: something is repeated otherwise; the message names it.
    """
    contract, period, lines = statement["contract"], statement["period"], statement["lines"]
    of = statement["user"]["party_id"] if contract is None else contract["contract_id"]
    number = statement["statement"]["number"]
    _same("number", number, f"KS-{period['month']}-{of}")
    for line in lines:
        _check_line_id(number, line)
    _check_devices(statement["devices"], lines)
    if contract is not None:
        bases = sorted({line["basis"] for line in lines if line["basis"] is not None})
        _same("contract.basis", contract["basis"], bases)
        _same("provider", statement["provider"] is None, False)
    first = date.fromisoformat(f"{period['month']}-01")
    count = ((first + timedelta(days=31)).replace(day=1) - first).days
    days = [(first + timedelta(days=number)).isoformat() for number in range(count)]
    _same("days", [day["date"] for day in statement["days"]], days)
    _same("cut_off.event_end", statement["cut_off"]["event_end"], period["end"])
    if "settlement" in statement:
        _check_settlement(statement)
    if "correction" in statement:
        _check_correction(statement)
    else:
        _same("revision", statement["statement"]["revision"], 1)


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise CheckFailed(
            f"结算的 {what} 为 {found}，应为 {wanted}。"
            f"The statement's {what} is {found}, not {wanted}"
        )


def _check_line_id(number: str, line: Data) -> None:
    if "line_id" not in line:  # statements of before have none
        return
    said = {name: value for name, value in line.items() if name not in _NOT_SAID}
    content = {"format": "kashi/v1/line", "statement": number, "says": said}
    spelled = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    wanted = sha256(spelled.encode()).hexdigest()[:_ID_DIGITS]
    if line["line_id"] != wanted:
        name = line_named(line["line"])
        raise CheckFailed(
            f"{name.zh} 的 line_id 应为 {wanted}。The line_id of {name.en} is not {wanted}"
        )


def _check_devices(devices: Sequence[Data], lines: Sequence[Data]) -> None:
    hosts: dict[str, set[str]] = {}
    shares: dict[str, object] = {}
    for line in lines:
        hosts.setdefault(line["hardware_id"], set()).add(line["host_id"])
        shares[line["hardware_id"]] = line["share"]
    _same("devices", [device["hardware_id"] for device in devices], sorted(hosts))
    for device in devices:
        hardware_id = device["hardware_id"]
        _same(f"{hardware_id}: host_ids", device["host_ids"], sorted(hosts[hardware_id]))
        _same(f"{hardware_id}: share", device["share"], shares[hardware_id])


def _check_settlement(statement: Data) -> None:
    settled = statement["settlement"]
    booked_fen = sum(one["amount_fen"] for one in settled["corrections"])
    _same("settlement.corrections_fen", settled["corrections_fen"], booked_fen)
    if statement["statement"]["revision"] == 1:
        # A later revision repeats what the close settled; its difference is booked elsewhere.
        charges_fen = statement["totals"]["amount_fen"]
        _same("settlement.charges_fen", settled["charges_fen"], charges_fen)
    due_fen = settled["charges_fen"] + booked_fen + settled["carried_in_fen"]
    _same("settlement.payable_fen", settled["payable_fen"], max(due_fen, 0))
    _same("settlement.carried_out_fen", settled["carried_out_fen"], min(due_fen, 0))
    months = [one["charge_month"] for one in settled["corrections"]]
    late = [month for month in months if month >= statement["period"]["month"]]
    if settled["carried_in_fen"] > 0 or late or not all(map(_MONTH.fullmatch, months)):
        raise CheckFailed(
            "settlement 转入了应收，或记入了并非更早月份的更正。"
            "The settlement carries in what is due, or books a correction of no earlier month"
        )


def _check_correction(statement: Data) -> None:
    corrected, revision = statement["correction"], statement["statement"]["revision"]
    before = corrected["corrects_revision"]
    _same("correction.corrects_revision", before or 0, revision - 1)
    standing = {line["line_id"] for line in statement["lines"]}
    wrong = sorted(set(corrected["added_lines"]) - standing)
    wrong += sorted(set(corrected["reversed_lines"]) & standing)
    if wrong or not _MONTH.fullmatch(corrected["booked_in"]):
        raise CheckFailed(
            f"correction 所列的行与结算不符：{wrong}。"
            f"The lines the correction names are not those of the statement: {wrong}"
        )
    if corrected["booked_in"] <= statement["period"]["month"]:
        raise CheckFailed(
            f"更正记入 {corrected['booked_in']}，并非更晚的月份。"
            f"The correction is booked in {corrected['booked_in']}, which is no later month"
        )

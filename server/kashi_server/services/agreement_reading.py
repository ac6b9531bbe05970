"""Agreements read back from their entries in the log: the other way of `agreement_entries`.

An entry says every field of an agreement as it stood when it was made; a field that a later version
of the server added is not in it and takes its default.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.interval import Interval, minute_of
from kashi_server.domain.money import parse_decimal
from kashi_server.domain.party import Party
from kashi_server.domain.tariff import Price
from kashi_server.domain.tenure import Tenure
from kashi_server.services.agreement_entries import PRICE_ENTRY

Term = Party | Tenure | Contract | Assignment | Price
"""An agreement that rating reads."""

_CLASSES: Final[Mapping[str, type[Term]]] = {
    "party": Party,
    "tenure": Tenure,
    "contract": Contract,
    "assignment": Assignment,
}


_HINTS: Final = {kind: get_type_hints(kind) for kind in (*_CLASSES.values(), Price)}


def read_term(kind: str, reference: str, entry: bytes) -> Term | None:
    """An agreement from its entry; None: it was dropped, or is none that rating reads."""
    said = json.loads(entry)
    if kind == PRICE_ENTRY:
        return _price(said)
    found = _CLASSES.get(reference.partition("/")[0])
    if found is None or said.get("dropped"):
        return None
    return _of_class(found, said)


def _price(said: Mapping[str, Any]) -> Term:
    per_card_hour = "yuan_per_card_hour" in said
    yuan = said["yuan_per_card_hour"] if per_card_hour else said["yuan"]
    return _of_class(Price, {**said, "yuan": yuan, "interval": [said["start"], said["end"]]})


def _of_class(kind: type[Term], said: Mapping[str, Any]) -> Term:
    hints = _HINTS[kind]
    values = {
        field.name: _value(hints[field.name], said[field.name])
        for field in fields(kind)
        if field.name in said
    }
    return kind(**values)


def _value(hint: Any, said: Any) -> Any:
    if said is None:
        return None
    wanted = next((one for one in get_args(hint) if one is not NoneType), hint)
    if wanted is Interval:
        return _interval(*said)
    if wanted is date:
        return date.fromisoformat(said)
    if wanted is Fraction:
        return parse_decimal(said)
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return wanted(said)
    return said


def _interval(start: str, end: str | None) -> Interval:
    return Interval(_minute(start), None if end is None else _minute(end))


def _minute(instant: str) -> int:
    return minute_of(datetime.fromisoformat(instant))

"""Fields of an import file: what each table holds, and how a value is read or refused."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

from kashi_server.domain.contract import Assignment, Contract, check_token
from kashi_server.domain.contract_terms import (
    ORIGINAL,
    Amendment,
    ContractPart,
    check_item,
    check_text,
)
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.interval import Interval, minute_of
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.money import FEN_PER_YUAN, parse_decimal, parse_yuan
from kashi_server.domain.party import Party, PartyKind, check_credit_code
from kashi_server.domain.positioned import Mistake, Path, Positioned
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_server.domain.taxed import Taxed
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.domain.voiding import Voiding
from kashi_server.errors import InvalidValue

Agreement = (
    Party
    | Tenure
    | Contract
    | Assignment
    | Price
    | Amendment
    | ContractPart
    | RelatedDeclaration
    | ProviderListing
    | Voiding
)
"""Anything that a file imports."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a table; `read` gives its value or raises InvalidValue."""

    read: Callable[[Any], Any]
    required: bool = True


def text(value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(f"{value!r} is not text")
    return value.strip()


def credit_code(value: object) -> str:
    """A 统一社会信用代码."""
    return check_credit_code(text(value))


def token(value: object) -> str:
    """An identifier people chose."""
    return check_token(text(value), "the identifier")


def day(value: object) -> date:
    """A calendar day, written bare: 2026-08-20."""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise InvalidValue(f"{value!r} is not a day; write it bare, like 2026-08-20")
    return value


def minute(value: object) -> int:
    """An instant on a whole minute, with its offset: 2026-10-01T00:00:00+08:00."""
    if not isinstance(value, datetime):
        raise InvalidValue(
            f"{value!r} is not an instant; write it bare, like 2026-10-01T00:00:00+08:00"
        )
    if value.utcoffset() not in (timedelta(0), timedelta(hours=8)):
        raise InvalidValue(f"{value.isoformat()}: give the offset, +08:00 or Z")
    return minute_of(value)


def truth(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidValue(f"{value!r} is neither true nor false")
    return value


def decimal(value: object) -> Fraction:
    """A decimal as text: a bare 12.50 would be a float, which money never is."""
    if not isinstance(value, str):
        raise InvalidValue(f'{value!r}: write the decimal as text, like "12.50"')
    return parse_decimal(value)


def line(value: object) -> str:
    """One short line that people wrote: a number of a paper, a batch's name."""
    return check_text(text(value), "the text")


def item(value: object) -> str:
    """What expense is for, in the words of the rules."""
    return check_item(text(value))


def yuan(value: object) -> int:
    """Yuan as text with at most two places, as fen: "780000.00"."""
    if not isinstance(value, str):
        raise InvalidValue(f'{value!r}: write the amount as text, like "780000.00"')
    return parse_yuan(value)


def count(value: object) -> int:
    """A whole number above zero."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidValue(f"{value!r} is not a whole number above zero")
    return value


def hourly(value: object) -> Basis:
    """What a price by the hour bills; a rent stands in a table of its own."""
    basis = one_of(Basis)(value)
    if basis is Basis.FLAT_RENT:
        raise InvalidValue("a flat rent stands in [[rent]], by the month")
    assert isinstance(basis, Basis)
    return basis


def rent_unit(value: object) -> PriceUnit:
    """Whether a rent is of each device or of the whole contract."""
    units = {"device": PriceUnit.DEVICE_MONTH, "contract": PriceUnit.CONTRACT_MONTH}
    found = units.get(text(value))
    if found is None:
        raise InvalidValue(f"{value!r} is none of {', '.join(units)}")
    return found


def one_of(kind: type[StrEnum]) -> Callable[[Any], Any]:
    """A word of an enumeration."""

    def read(value: object) -> StrEnum:
        try:
            return kind(text(value))
        except ValueError as error:
            words = ", ".join(kind)
            raise InvalidValue(f"{value!r} is none of {words}") from error

    return read


_TERM = {"from": Field(minute), "until": Field(minute, required=False)}

TABLES: Mapping[str, Mapping[str, Field]] = {
    "party": {
        "party_id": Field(credit_code),
        "kind": Field(one_of(PartyKind)),
        "name_zh": Field(text),
        "name_en": Field(text, required=False),
        "district": Field(text, required=False),
        "established_on": Field(day, required=False),
    },
    "tenure": {
        "host_id": Field(text),
        "owner": Field(credit_code),
        "operator": Field(credit_code),
        "kind": Field(one_of(TenureKind)),
        **_TERM,
    },
    "contract": {
        "contract_id": Field(token),
        "provider": Field(credit_code),
        "user": Field(credit_code),
        "signed_on": Field(day),
        "unrelated_declared": Field(truth, required=False),
        **_TERM,
    },
    "amendment": {
        "number": Field(line),
        "contract": Field(token),
        "signed_on": Field(day),
        "document": Field(line),
        "from": Field(minute),
        "until": Field(minute, required=False),
        "open_end": Field(truth, required=False),
    },
    "contract_part": {
        "part": Field(token, required=False),
        "contract": Field(token),
        "item": Field(item),
        "ex_tax_yuan": Field(yuan),
        "tax_yuan": Field(yuan),
        "incl_yuan": Field(yuan, required=False),
        "domestic": Field(truth, required=False),
        "owned": Field(truth, required=False),
        "amendment": Field(line, required=False),
    },
    "declaration": {
        "declared_on": Field(day),
        "contract": Field(token),
        "unrelated": Field(truth),
        "document": Field(line),
    },
    "listing": {
        "listing_id": Field(token),
        "provider": Field(credit_code),
        "batch": Field(line),
        "service_item": Field(line),
        "listed_from": Field(day),
        "listed_until": Field(day, required=False),
        "document": Field(line),
    },
    # Before assignments: what takes a void one's place stands in the same file.
    "void": {
        "assignment": Field(token),
    },
    "assignment": {
        "assignment_id": Field(token),
        "contract": Field(token),
        "hardware_id": Field(text),
        "proposed_by": Field(credit_code),
        "confirmed_by": Field(credit_code, required=False),
        **_TERM,
    },
    "price": {
        "price_id": Field(token),
        "contract": Field(token),
        "model": Field(text),
        "yuan_per_card_hour": Field(decimal),
        "basis": Field(hourly),
        **_TERM,
    },
    "partition_price": {
        "price_id": Field(token),
        "contract": Field(token),
        "model": Field(text),
        "profile": Field(text),
        "yuan_per_partition_hour": Field(decimal),
        "basis": Field(hourly),
        **_TERM,
    },
    "rent": {
        "rent_id": Field(token),
        "contract": Field(token),
        "of": Field(rent_unit),
        "model": Field(text, required=False),
        "yuan_per_month": Field(yuan),
        "devices": Field(count, required=False),
        **_TERM,
    },
}
"""Tables in the order in which they are taken: each may name what stands above it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A table of a file, read: where it stands and what it says."""

    document: Positioned
    path: Path
    agreement: Agreement

    def mistake(self, name: str, message: str) -> Mistake:
        """A mistake in one of its fields."""
        return self.document.mistake((*self.path, name), message)


def read_tables(document: Positioned, mistakes: list[Mistake], broken: set[str]) -> Iterator[Entry]:
    """Every table that can be read; what is wrong goes to `mistakes`, a lost key to `broken`."""
    for name in document.content.keys() - TABLES.keys():
        known = ", ".join(f"[[{table}]]" for table in TABLES)
        mistakes.append(document.mistake((name,), f"there is no such table; known are {known}"))
    for name, fields in TABLES.items():
        tables = document.content.get(name, [])
        if not isinstance(tables, list):
            mistakes.append(document.mistake((name,), f"write it as [[{name}]]"))
            continue
        for index, table in enumerate(tables):
            path: Path = (name, index)
            values = _read(document, path, table, fields, mistakes)
            if values is None:
                broken.update(_key_text(name, table))
                continue
            try:
                yield Entry(document, path, _BUILD[name](values))
            except InvalidValue as error:
                culprit = _CULPRITS[name] if "interval" not in str(error) else "until"
                mistakes.append(document.mistake((*path, culprit), str(error)))
                broken.update(_key_text(name, table))


def _key_text(name: str, table: object) -> Iterator[str]:
    key = table.get(next(iter(TABLES[name]))) if isinstance(table, dict) else None
    if isinstance(key, str):
        yield key


def _read(
    document: Positioned,
    path: Path,
    table: object,
    fields: Mapping[str, Field],
    mistakes: list[Mistake],
) -> dict[str, Any] | None:
    if not isinstance(table, dict):
        mistakes.append(document.mistake(path, "is not a table"))
        return None
    before = len(mistakes)
    for name in table.keys() - fields.keys():
        known = ", ".join(fields)
        mistakes.append(
            document.mistake((*path, name), f"there is no such field; known are {known}")
        )
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                mistakes.append(document.mistake((*path, name), "is missing"))
            continue
        try:
            values[name] = field.read(table[name])
        except InvalidValue as error:
            mistakes.append(document.mistake((*path, name), str(error)))
    return values if len(mistakes) == before else None


def _term(values: Mapping[str, Any]) -> Interval:
    return Interval(values["from"], values.get("until"))


def _party(values: Mapping[str, Any]) -> Party:
    return Party(**values)


def _tenure(values: Mapping[str, Any]) -> Tenure:
    return Tenure(
        host_id=values["host_id"],
        owner_id=values["owner"],
        operator_id=values["operator"],
        kind=values["kind"],
        interval=_term(values),
    )


def _contract(values: Mapping[str, Any]) -> Contract:
    return Contract(
        contract_id=values["contract_id"],
        provider_id=values["provider"],
        user_id=values["user"],
        signed_on=values["signed_on"],
        term=_term(values),
        unrelated_declared=values.get("unrelated_declared"),
    )


def _voiding(values: Mapping[str, Any]) -> Voiding:
    return Voiding(assignment_id=values["assignment"])


def _assignment(values: Mapping[str, Any]) -> Assignment:
    return Assignment(
        assignment_id=values["assignment_id"],
        contract_id=values["contract"],
        hardware_id=values["hardware_id"],
        interval=_term(values),
        proposed_by=values["proposed_by"],
        confirmed_by=values.get("confirmed_by"),
    )


def _price(values: Mapping[str, Any]) -> Price:
    return Price(
        price_id=values["price_id"],
        contract_id=values["contract"],
        model=values["model"],
        yuan=values["yuan_per_card_hour"],
        basis=values["basis"],
        interval=_term(values),
    )


def _amendment(values: Mapping[str, Any]) -> Amendment:
    open_end = values.get("open_end", False)
    if open_end and "until" in values:
        raise InvalidValue("the interval has an end and is open")
    return Amendment(
        contract_id=values["contract"],
        number=values["number"],
        signed_on=values["signed_on"],
        effective=values["from"],
        document=values["document"],
        changes_end=open_end or "until" in values,
        end=values.get("until"),
    )


def _contract_part(values: Mapping[str, Any]) -> ContractPart:
    amount = Taxed(ex_tax_fen=values["ex_tax_yuan"], tax_fen=values["tax_yuan"])
    if "incl_yuan" in values:
        amount.check_incl(values["incl_yuan"])
    return ContractPart(
        contract_id=values["contract"],
        amendment=values.get("amendment", ORIGINAL),
        part=values.get("part", values["item"]),
        item=values["item"],
        ex_tax_fen=amount.ex_tax_fen,
        tax_fen=amount.tax_fen,
        domestic=values.get("domestic"),
        owned=values.get("owned", False),
    )


def _declaration(values: Mapping[str, Any]) -> RelatedDeclaration:
    return RelatedDeclaration(
        contract_id=values["contract"],
        declared_on=values["declared_on"],
        unrelated=values["unrelated"],
        document=values["document"],
    )


def _listing(values: Mapping[str, Any]) -> ProviderListing:
    return ProviderListing(
        listing_id=values["listing_id"],
        provider_id=values["provider"],
        batch=values["batch"],
        service_item=values["service_item"],
        listed_from=values["listed_from"],
        listed_until=values.get("listed_until"),
        document=values["document"],
    )


def _partition_price(values: Mapping[str, Any]) -> Price:
    return Price(
        price_id=values["price_id"],
        contract_id=values["contract"],
        model=values["model"],
        yuan=values["yuan_per_partition_hour"],
        basis=values["basis"],
        interval=_term(values),
        unit=PriceUnit.PARTITION_HOUR,
        profile=values["profile"],
    )


def _rent(values: Mapping[str, Any]) -> Price:
    return Price(
        price_id=values["rent_id"],
        contract_id=values["contract"],
        model=values.get("model", ""),
        yuan=Fraction(values["yuan_per_month"], FEN_PER_YUAN),
        basis=Basis.FLAT_RENT,
        interval=_term(values),
        unit=values["of"],
        devices=values.get("devices"),
    )


_BUILD: Mapping[str, Callable[[Mapping[str, Any]], Agreement]] = {
    "party": _party,
    "tenure": _tenure,
    "contract": _contract,
    "amendment": _amendment,
    "contract_part": _contract_part,
    "declaration": _declaration,
    "listing": _listing,
    "void": _voiding,
    "assignment": _assignment,
    "price": _price,
    "partition_price": _partition_price,
    "rent": _rent,
}

_CULPRITS: Mapping[str, str] = {
    "party": "name_zh",
    "tenure": "host_id",
    "contract": "user",
    "amendment": "number",
    "contract_part": "tax_yuan",
    "declaration": "document",
    "listing": "listed_until",
    "void": "assignment",
    "assignment": "confirmed_by",
    "price": "yuan_per_card_hour",
    "partition_price": "yuan_per_partition_hour",
    "rent": "of",
}
"""The field that a value's own refusal is about, where it is not its interval."""

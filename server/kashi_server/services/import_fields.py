"""Fields of an import file: what each table holds, and the tables of a file read one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kashi_server.domain.party import PartyKind
from kashi_server.domain.positioned import Mistake, Path, Positioned
from kashi_server.domain.tenure import TenureKind
from kashi_server.errors import InvalidValue
from kashi_server.services.import_building import BUILD, CULPRITS, Agreement
from kashi_server.services.import_values import (
    Field,
    count,
    credit_code,
    day,
    decimal,
    hourly,
    item,
    line,
    minute,
    one_of,
    rent_unit,
    text,
    token,
    truth,
    yuan,
)

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
    "project": {
        "stated_on": Field(day),
        "contract": Field(token),
        "project": Field(line),
        "purpose": Field(line),
        "site": Field(line, required=False),
        "contact": Field(line, required=False),
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
        mistakes.append(
            document.mistake(
                (name,), f"没有此表，可用：{known}。there is no such table; known are {known}"
            )
        )
    for name, fields in TABLES.items():
        tables = document.content.get(name, [])
        if not isinstance(tables, list):
            mistakes.append(document.mistake((name,), f"须写作 [[{name}]]。write it as [[{name}]]"))
            continue
        for index, table in enumerate(tables):
            path: Path = (name, index)
            values = _read(document, path, table, fields, mistakes)
            if values is None:
                broken.update(_key_text(name, table))
                continue
            try:
                yield Entry(document, path, BUILD[name](values))
            except InvalidValue as error:
                culprit = CULPRITS[name] if "interval" not in str(error) else "until"
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
        mistakes.append(document.mistake(path, "须为表。is not a table"))
        return None
    before = len(mistakes)
    for name in table.keys() - fields.keys():
        known = ", ".join(fields)
        mistakes.append(
            document.mistake(
                (*path, name),
                f"没有此字段，可用字段：{known}。there is no such field; known are {known}",
            )
        )
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                mistakes.append(document.mistake((*path, name), "缺少此字段。is missing"))
            continue
        try:
            values[name] = field.read(table[name])
        except InvalidValue as error:
            mistakes.append(document.mistake((*path, name), str(error)))
    return values if len(mistakes) == before else None

"""What an office publishes of a batch: which columns, in which order, under which headings.

The four tables are 受理清单 *intake*, 形式审查表 *form_check*, 公示 *publicity* and 资金安排
*funding*. Which columns each has is the office's to say, in a TOML file;
`office_tables/columns.toml` of the server holds where it says nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.money import yuan_text
from kashi_server.domain.positioned import Mistake, MistakesFound, Positioned, parse_positioned
from kashi_server.errors import ConfigurationError
from kashi_server.services.claim_reading import ShownClaim
from kashi_server.services.export_rows import Cell, Export
from kashi_server.services.rulebook import PROGRAMMES

DEFAULT_COLUMNS: Final = PROGRAMMES.parent / "office_tables" / "columns.toml"
TABLES: Final = ("intake", "form_check", "publicity", "funding")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A claim with the names of those it is about; `place` counts from 1."""

    place: int
    shown: ShownClaim
    company: str
    payee: str
    provider: str
    district: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what it holds and how it is headed."""

    field: str
    heading: str


def read_columns(file: Path) -> Mapping[str, tuple[Column, ...]]:
    """The columns of every table, as an office wrote them.

    Raises:
        MistakesFound: every mistake with its line and field.
        ConfigurationError: the file cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error
    document = parse_positioned(text, str(file))
    mistakes: list[Mistake] = []
    found = {name: tuple(_columns(document, name, mistakes)) for name in document.content}
    if mistakes:
        raise MistakesFound(mistakes)
    return found


def _columns(document: Positioned, name: str, mistakes: list[Mistake]) -> Iterable[Column]:
    table = document.content[name]
    if name not in TABLES:
        message = (
            f"没有表“{name}”，可用：{', '.join(TABLES)}。"
            f"there is no table '{name}'; there are {', '.join(TABLES)}"
        )
        mistakes.append(document.mistake((name,), message))
        return
    rows = table.get("column") if isinstance(table, dict) else None
    if not isinstance(rows, list) or not rows:
        mistakes.append(
            document.mistake(
                (name,), f"其列须写作 [[{name}.column]]。write its columns as [[{name}.column]]"
            )
        )
        return
    headings: list[object] = []
    for place, row in enumerate(rows):
        path = (name, "column", place)
        field, heading = row.get("field"), row.get("heading")
        if row.keys() - {"field", "heading"}:
            mistakes.append(
                document.mistake(
                    path,
                    "每列须有 field 与 heading，且没有其他字段。a column has a field and a heading",
                )
            )
        elif field not in FIELDS:
            message = (
                f"没有字段 {field!r}，可用：{', '.join(FIELDS)}。"
                f"there is no field {field!r}; there are {', '.join(FIELDS)}"
            )
            mistakes.append(document.mistake((*path, "field"), message))
        elif not isinstance(heading, str) or not heading.strip():
            mistakes.append(document.mistake((*path, "heading"), "须为文本。must be text"))
        elif heading in headings:
            mistakes.append(document.mistake((*path, "heading"), "重复出现。is there twice"))
        else:
            headings.append(heading)
            yield Column(str(field), heading)


def office_table(name: str, columns: Iterable[Column], rows: Iterable[ClaimRow]) -> Export:
    """A table of a batch's claims: those that the table is about."""
    chosen = tuple(columns)
    kept = (row for row in rows if _BELONGS[name](row))
    numbered = (
        ClaimRow(
            place=place,
            shown=row.shown,
            company=row.company,
            payee=row.payee,
            provider=row.provider,
            district=row.district,
        )
        for place, row in enumerate(kept, 1)
    )
    return Export(
        name,
        tuple(one.heading for one in chosen),
        (tuple(FIELDS[one.field](row) for one in chosen) for row in numbered),
    )


def _state(row: ClaimRow) -> ClaimState:
    return row.shown.stored.claim.state


_BELONGS: Final[Mapping[str, Callable[[ClaimRow], bool]]] = {
    # Whatever was ever handed in; whatever a form check saw; what is or was made public; money.
    "intake": lambda row: row.shown.stored.claim.applied_on is not None,
    "form_check": lambda row: any(one.step == Step.CHECK for one in row.shown.events),
    "publicity": lambda row: (
        row.shown.stored.claim.publicised_on is not None
        and row.shown.stored.claim.amounts.approved_fen > 0
    ),
    "funding": lambda row: row.shown.stored.claim.amounts.awarded_fen > 0,
}


def _yuan(fen: int | None) -> str | None:
    return None if fen is None else yuan_text(fen)


def _amount(name: str) -> Callable[[ClaimRow], Cell]:
    return lambda row: yuan_text(getattr(row.shown.stored.claim.amounts, name))


def _latest(row: ClaimRow, step: Step, name: str) -> Cell:
    found = [one for one in row.shown.events if one.step == step]
    return str(getattr(found[-1], name)) if found else None


def _evaluated(row: ClaimRow, name: str) -> Cell:
    found = row.shown.evaluations
    value = getattr(found[-1], name) if found else None
    return None if value is None else str(value)


def _day(value: object) -> Cell:
    return None if value is None else str(value)


def _voucher(row: ClaimRow, name: str) -> Cell:
    voucher = row.shown.stored.claim.voucher
    return None if voucher is None else _day(getattr(voucher, name))


FIELDS: Final[Mapping[str, Callable[[ClaimRow], Cell]]] = {
    "place": lambda row: row.place,
    "claim_id": lambda row: row.shown.stored.claim.claim_id,
    "batch_id": lambda row: row.shown.stored.claim.batch_id,
    "programme_id": lambda row: row.shown.stored.batch.programme_id,
    "programme": lambda row: row.shown.stored.rules.name_zh,
    "company": lambda row: row.company,
    "company_id": lambda row: row.shown.stored.claim.company_id,
    "district": lambda row: row.district,
    "payee": lambda row: row.payee,
    "payee_id": lambda row: row.shown.stored.claim.payee_id,
    "provider": lambda row: row.provider,
    "project": lambda row: row.shown.stored.content.declared.project,
    "purpose": lambda row: row.shown.stored.content.declared.purpose,
    "service_item": lambda row: row.shown.stored.content.declared.service_item,
    "contracts": lambda row: "; ".join(row.shown.stored.content.contract_ids),
    "statements": lambda row: "; ".join(one.number for one in row.shown.stored.content.statements),
    "certificates": lambda row: "; ".join(row.shown.certificates),
    "invoices": lambda row: "; ".join(
        sorted({one.number for one in row.shown.stored.content.invoices})
    ),
    "applied_on": lambda row: _day(row.shown.stored.claim.applied_on),
    "state": lambda row: _state(row).value,
    "corrections": lambda row: row.shown.stored.claim.corrections,
    "checked_by": lambda row: _latest(row, Step.CHECK, "actor"),
    "returned_reason": lambda row: _latest(row, Step.RETURN, "reason"),
    "form_finding": lambda row: _latest(row, Step.REVIEW, "reason"),
    "rejected_reason": lambda row: _latest(row, Step.REJECT, "reason"),
    "evaluation": lambda row: _evaluated(row, "status"),
    "computed_yuan": lambda row: _yuan(row.shown.stored.claim.computed_fen),
    "approved_yuan": _amount("approved_fen"),
    "approved_reason": lambda row: _latest(row, Step.APPROVE, "reason"),
    "approved_document": lambda row: _latest(row, Step.APPROVE, "document"),
    "publicised_on": lambda row: _day(row.shown.stored.claim.publicised_on),
    "publicity_days": lambda row: row.shown.stored.claim.review.publicity_days,
    "voucher_number": lambda row: _voucher(row, "number"),
    "valid_from": lambda row: _voucher(row, "valid_from"),
    "valid_until": lambda row: _voucher(row, "valid_until"),
    "used_yuan": lambda row: _yuan(
        None if row.shown.stored.claim.voucher is None else row.shown.stored.claim.voucher.used_fen
    ),
    "balance_yuan": lambda row: _yuan(row.shown.stored.claim.balance_fen),
    "certified_yuan": _amount("certified_fen"),
    "paid_yuan": _amount("disbursed_fen"),
    "payment_document": lambda row: _latest(row, Step.PAY, "document"),
    "released_yuan": _amount("released_fen"),
    "recovered_yuan": _amount("recovered_fen"),
}
"""Every field that a column can hold."""

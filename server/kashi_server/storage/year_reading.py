"""What the calendar year's statements came to, by company: sums over their rated lines."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Row,
    Select,
    Subquery,
    Table,
    and_,
    cast,
    exists,
    func,
    literal_column,
    select,
)

from kashi_server.domain.attestation import SITE_PREFIX
from kashi_server.domain.device import Vendor
from kashi_server.domain.interval import Month
from kashi_server.domain.rating import EVIDENCE_LEVEL
from kashi_server.domain.replay import eligible_lines
from kashi_server.domain.year_to_date import Sort, YearToDate
from kashi_server.services.closing import STATEMENT_ENTRY
from kashi_server.services.expense_port import StatementHead
from kashi_server.storage.schema import Text
from kashi_server.storage.tables.expense import rated_lines, statements
from kashi_server.storage.tables.facts import devices
from kashi_server.storage.tables.log import log_entries


def earlier_in_year(
    connection: Connection, month: Month, log_size: int | None = None
) -> Mapping[str, YearToDate]:
    """What the months before this one of its calendar year came to, by user.

    `log_size`: only by the revisions that stand among the log's first entries; None: by all.
    """
    return _by_user(connection, _latest(f"{month.year:04d}-01", str(month), log_size))


def rest_of_year(
    connection: Connection, month: Month, without: Collection[str], log_size: int | None = None
) -> Mapping[str, YearToDate]:
    """What the statements of this month's calendar year come to, by user, but for some of them.

    `without`: the numbers left out; `log_size` as in `earlier_in_year`.
    """
    first, after = f"{month.year:04d}-01", f"{month.year + 1:04d}-01"
    return _by_user(connection, _latest(first, after, log_size, without))


def _by_user(connection: Connection, latest: Subquery) -> Mapping[str, YearToDate]:
    eligible: dict[str, list[tuple[Sort, int]]] = {}
    for row in connection.execute(_eligible(latest)):
        eligible.setdefault(row.user_id, []).append((_sort(row), int(row.amount_fen)))
    for row in connection.execute(_partly_stated(latest)):
        found = eligible_lines(json.loads(bytes(row.content)))
        eligible.setdefault(row.user_id, []).extend(found)
    return {
        row.user_id: YearToDate(
            eligible=tuple(eligible.get(row.user_id, ())), estimate_fen=int(row.estimate_fen)
        )
        for row in connection.execute(_estimates(latest))
    }


def _latest(
    first: str, before: str, log_size: int | None, without: Collection[str] = ()
) -> Subquery:
    """The latest revision of each statement of the months from one to before another."""
    revision = func.max(statements.c.revision).label("revision")
    # With its user, with whom the keys of statements and lines begin.
    query = select(statements.c.user_id, statements.c.number, revision).where(
        statements.c.month >= first, statements.c.month < before
    )
    if without:
        query = query.where(statements.c.number.not_in(without))
    if log_size is not None:
        reference = statements.c.number + "/" + cast(statements.c.revision, Text)
        known = select(log_entries.c.log_index).where(
            log_entries.c.kind == STATEMENT_ENTRY,
            log_entries.c.reference == reference,
            log_entries.c.log_index < log_size,
        )
        query = query.where(known.exists())
    return query.group_by(statements.c.user_id, statements.c.number).subquery()


def _estimates(latest: Subquery) -> Select[Any]:
    estimate_fen = func.sum(func.coalesce(statements.c.estimate_fen, 0)).label("estimate_fen")
    return (
        select(statements.c.user_id, estimate_fen)
        .join(
            latest,
            and_(
                statements.c.user_id == latest.c.user_id,
                statements.c.number == latest.c.number,
                statements.c.revision == latest.c.revision,
            ),
        )
        .group_by(statements.c.user_id)
    )


def _eligible(latest: Subquery) -> Select[Any]:
    """A device that nobody describes any more keeps its amount; its origin is not known then."""
    return (
        select(
            rated_lines.c.user_id,
            devices.c.vendor,
            _level().label("evidence_level"),
            func.sum(
                rated_lines.c.amount_fen + func.coalesce(rated_lines.c.counted_gap_fen, 0)
            ).label("amount_fen"),
        )
        .join(
            latest,
            and_(
                rated_lines.c.user_id == latest.c.user_id,
                rated_lines.c.number == latest.c.number,
                rated_lines.c.revision == latest.c.revision,
            ),
        )
        .outerjoin(
            devices,
            and_(
                devices.c.host_id == rated_lines.c.host_id,
                devices.c.hardware_id == rated_lines.c.hardware_id,
            ),
        )
        .where(rated_lines.c.eligible, ~_has_stated_lines(rated_lines))
        .group_by(rated_lines.c.user_id, devices.c.vendor, _level())
    )


def _partly_stated(latest: Subquery) -> Select[Any]:
    """Statements that rest on what providers stated, in part: few, and read whole, for a row of a
    line does not tell the vendor of what no agent described."""
    return (
        select(statements.c.user_id, statements.c.content)
        .join(
            latest,
            and_(
                statements.c.user_id == latest.c.user_id,
                statements.c.number == latest.c.number,
                statements.c.revision == latest.c.revision,
            ),
        )
        .where(_has_stated_lines(statements))
        .order_by(statements.c.number)
    )


def _level() -> ColumnElement[str]:
    """Of a line on a host: what is noted; what was rated before levels were is an agent's."""
    return func.coalesce(rated_lines.c.evidence_level, literal_column(f"'{EVIDENCE_LEVEL}'"))


def _has_stated_lines(outer: Table) -> Exists:
    """A line of the statement stands on a site, not on a host."""
    stated = rated_lines.alias("stated")
    return exists(
        select(stated.c.line).where(
            stated.c.user_id == outer.c.user_id,
            stated.c.number == outer.c.number,
            stated.c.revision == outer.c.revision,
            stated.c.host_id.like(f"{SITE_PREFIX}%"),
        )
    )


def _sort(row: Row[Any]) -> Sort:
    domestic = None if row.vendor is None else Vendor(row.vendor).domestic
    return Sort(row.evidence_level, domestic)


def latest_statements(connection: Connection, first: Month, last: Month) -> list[StatementHead]:
    """The latest revision of every statement of some months, by user and number."""
    revision = func.max(statements.c.revision).label("revision")
    of = (statements.c.user_id, statements.c.number, statements.c.contract_id)
    query = (
        select(*of, revision)
        .where(statements.c.month >= str(first), statements.c.month <= str(last))
        .group_by(*of)
        .order_by(statements.c.user_id, statements.c.number)
    )
    return [
        StatementHead(
            user_id=row.user_id,
            number=row.number,
            revision=row.revision,
            contract_id=row.contract_id,
        )
        for row in connection.execute(query)
    ]

"""Parties, contracts, assignments, prices, rules and statements in the database."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from kashi_server.domain.assignment_act import ActKind
from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.money import parse_decimal, price_text
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.silence import Silence
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.domain.year_to_date import YearToDate
from kashi_server.services.expense_port import Close, StatementHead, StoredStatement
from kashi_server.storage import statement_reading
from kashi_server.storage.expense_rows import line_values, statement_values, stored_statement
from kashi_server.storage.rules_reading import rules_of
from kashi_server.storage.tables.assignments import assignment_acts
from kashi_server.storage.tables.corrections import correction_runs
from kashi_server.storage.tables.expense import (
    assignments,
    closes,
    contracts,
    parties,
    prices,
    rated_lines,
    rules_versions,
    silences,
    statements,
    tenures,
)
from kashi_server.storage.year_reading import (
    earlier_in_year,
    latest_statements,
    rest_of_year,
)

_ANSWERED = (ActKind.DECLINED.value, ActKind.WITHDRAWN.value)

_AGREEMENTS_LOCK = 0x6B617368695F0003
"""Any number, known to nobody else: `kashi_` and this family's migration."""


class ExpenseRepository:
    """Speaks through one connection; see `services.expense_port`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self) -> None:
        """Keep others from changing agreements or closing until the unit ends."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(select(func.pg_advisory_xact_lock(_AGREEMENTS_LOCK)))
        # On SQLite a unit of work that writes is the only one.

    # Agreements

    def parties(self, party_ids: Collection[str] | None = None) -> Sequence[Party]:
        """All parties, or some of them, by id."""
        query = select(parties).order_by(parties.c.party_id)
        if party_ids is not None:
            query = query.where(parties.c.party_id.in_(sorted(set(party_ids))))
        return [_party(row) for row in self._connection.execute(query)]

    def tenures(self) -> Sequence[Tenure]:
        """All tenures, by host and start."""
        query = select(tenures).order_by(tenures.c.host_id, tenures.c.start_minute)
        return [_tenure(row) for row in self._connection.execute(query)]

    def contracts(self, contract_ids: Collection[str] | None = None) -> Sequence[Contract]:
        """All contracts, or some of them, by id."""
        query = select(contracts).order_by(contracts.c.contract_id)
        if contract_ids is not None:
            query = query.where(contracts.c.contract_id.in_(sorted(set(contract_ids))))
        return [_contract(row) for row in self._connection.execute(query)]

    def assignments(self) -> Sequence[Assignment]:
        """All assignments, by id."""
        query = select(assignments).order_by(assignments.c.assignment_id)
        return [_assignment(row) for row in self._connection.execute(query)]

    def drop_assignment(self, assignment_id: str) -> None:
        """Take an assignment out of the book, whoever confirmed it."""
        gone = delete(assignments).where(assignments.c.assignment_id == assignment_id)
        self._connection.execute(gone)

    def answered_proposals(self) -> Collection[str]:
        """Assignments that were declined or withdrawn: what is kept of them proposes nothing."""
        acts, later = assignment_acts, assignment_acts.alias("later")
        after = exists().where(
            later.c.assignment_id == acts.c.assignment_id, later.c.number > acts.c.number
        )
        query = select(acts.c.assignment_id).where(acts.c.kind.in_(_ANSWERED), ~after)
        return list(self._connection.execute(query).scalars())

    def prices(self) -> Sequence[Price]:
        """All prices, by id."""
        query = select(prices).order_by(prices.c.price_id)
        return [_price(row) for row in self._connection.execute(query)]

    def put_party(self, party: Party) -> None:
        """Add a party, or change its name and district."""
        founded = party.established_on
        self._put(
            parties,
            {"party_id": party.party_id},
            {
                "kind": party.kind.value,
                "name_zh": party.name_zh,
                "name_en": party.name_en,
                "district": party.district,
                "established_on": None if founded is None else founded.isoformat(),
            },
        )

    def put_tenure(self, tenure: Tenure) -> None:
        """Add a tenure, or set the end of the one with this start."""
        self._put(
            tenures,
            {"host_id": tenure.host_id, "start_minute": tenure.interval.start},
            {
                "end_minute": tenure.interval.end,
                "owner_id": tenure.owner_id,
                "operator_id": tenure.operator_id,
                "kind": tenure.kind.value,
            },
        )

    def put_contract(self, contract: Contract) -> None:
        """Add a contract, or set its end and declaration."""
        self._put(
            contracts,
            {"contract_id": contract.contract_id},
            {
                "provider_id": contract.provider_id,
                "user_id": contract.user_id,
                "signed_on": contract.signed_on.isoformat(),
                **_minutes(contract.term),
                "unrelated_declared": contract.unrelated_declared,
            },
        )

    def put_assignment(self, assignment: Assignment, utc_ms: int) -> None:
        """Add an assignment, or set its end and confirmation, at `utc_ms`."""
        key = {"assignment_id": assignment.assignment_id}
        query = select(assignments).where(assignments.c.assignment_id == assignment.assignment_id)
        known = self._connection.execute(query).one_or_none()
        confirmed_utc_ms = None if known is None else known.confirmed_utc_ms
        if assignment.confirmed and confirmed_utc_ms is None:
            confirmed_utc_ms = utc_ms
        values = {
            "contract_id": assignment.contract_id,
            "hardware_id": assignment.hardware_id,
            **_minutes(assignment.interval),
            "proposed_by": assignment.proposed_by,
            "proposed_utc_ms": utc_ms if known is None else known.proposed_utc_ms,
            "confirmed_by": assignment.confirmed_by,
            "confirmed_utc_ms": confirmed_utc_ms,
        }
        self._put(assignments, key, values)

    def put_price(self, price: Price) -> None:
        """Add a price, or replace it."""
        self._put(
            prices,
            {"price_id": price.price_id},
            {
                "contract_id": price.contract_id,
                "model": price.model,
                "yuan": price_text(price.yuan),
                "basis": price.basis.value,
                "unit": price.unit.value,
                "profile": price.profile,
                "devices": price.devices,
                **_minutes(price.interval),
            },
        )

    def _put(self, table: Table, key: Mapping[str, object], values: Mapping[str, object]) -> None:
        here = and_(*(table.c[name] == value for name, value in key.items()))
        changed = self._connection.execute(update(table).where(here).values(**values))
        if changed.rowcount == 0:
            self._connection.execute(insert(table).values({**key, **values}))

    # Rules

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """All rules versions, or a programme's, by start."""
        query = select(rules_versions.c.content).order_by(
            rules_versions.c.programme_id, rules_versions.c.start_minute
        )
        if programme_id is not None:
            query = query.where(rules_versions.c.programme_id == programme_id)
        found = self._connection.execute(query).scalars()
        return [rules_of(bytes(content)) for content in found]

    def add_rules(self, version: RulesVersion, utc_ms: int) -> None:
        """Add a rules version; it never changes."""
        self._connection.execute(
            insert(rules_versions).values(
                programme_id=version.programme_id,
                version=version.version,
                **_minutes(version.in_force),
                content=version.to_bytes(),
                sha256=bytes.fromhex(version.sha256),
                added_utc_ms=utc_ms,
            )
        )

    # Closing

    def close_of(self, month: Month) -> Close | None:
        """How a month was closed; None: it is open."""
        query = select(closes).where(closes.c.month == str(month))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _close(row)

    def last_close(self) -> Close | None:
        """The latest closed month."""
        query = select(closes).order_by(closes.c.event_end_minute.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _close(row)

    def add_close(self, close: Close, made: Sequence[Statement]) -> None:
        """Close a month: its cut-offs, its statements and their lines."""
        self._connection.execute(
            insert(closes).values(
                month=str(close.month),
                event_end_minute=close.cut_off.event_end,
                checkpoint_size=close.cut_off.checkpoint_size,
                checkpoint_root=close.cut_off.checkpoint_root,
                closed_utc_ms=close.closed_utc_ms,
            )
        )
        if made:
            values = [statement_values(statement) for statement in made]
            self._connection.execute(insert(statements), values)
        lines = [values for statement in made for values in line_values(statement)]
        if lines:
            self._connection.execute(insert(rated_lines), lines)

    def add_silences(
        self, month: Month, found: Iterable[Silence], run_id: str | None = None
    ) -> None:
        """Store the gaps the server writes: at the close, or by a correction in their place."""
        values = [
            {
                "month": str(month),
                "hardware_id": silence.hardware_id,
                "host_id": silence.host_id,
                "start_minute": silence.start,
                "end_minute": silence.end,
                "span_ms": silence.span_ms,
                "run_id": run_id,
            }
            for silence in found
        ]
        if values:
            self._connection.execute(insert(silences), values)

    def silences(self, month: Month) -> Sequence[Silence]:
        """The gaps the server wrote for a month last, by device and start."""
        latest = (
            select(correction_runs.c.run_id)
            .where(correction_runs.c.month == str(month))
            .order_by(correction_runs.c.ordinal.desc())
            .limit(1)
        )
        run_id = self._connection.execute(latest).scalar_one_or_none()
        query = (
            select(silences)
            .where(silences.c.month == str(month), silences.c.run_id.is_not_distinct_from(run_id))
            .order_by(silences.c.hardware_id, silences.c.start_minute)
        )
        return [
            Silence(
                hardware_id=row.hardware_id,
                host_id=row.host_id,
                start=row.start_minute,
                end=row.end_minute,
                span_ms=row.span_ms,
            )
            for row in self._connection.execute(query)
        ]

    # Statements

    def statements(
        self,
        *,
        month: Month | None = None,
        party_id: str | None = None,
    ) -> Sequence[StoredStatement]:
        """Statements by number and revision; `party_id` keeps those it uses or provides."""
        query = select(statements).order_by(statements.c.number, statements.c.revision)
        if month is not None:
            query = query.where(statements.c.month == str(month))
        if party_id is not None:
            query = query.where(
                or_(statements.c.user_id == party_id, statements.c.provider_id == party_id)
            )
        return [stored_statement(row) for row in self._connection.execute(query)]

    def each_statement(self) -> Iterator[StoredStatement]:
        """All statements by number and revision, one in memory at a time."""
        keys = select(statements.c.number, statements.c.revision).order_by(
            statements.c.number, statements.c.revision
        )
        for key in self._connection.execute(keys).all():
            stored = self.statement(key.number, key.revision)
            if stored is not None:
                yield stored

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """A revision of a statement, or its latest."""
        query = select(statements).where(statements.c.number == number)
        if revision is not None:
            query = query.where(statements.c.revision == revision)
        query = query.order_by(statements.c.revision.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else stored_statement(row)

    def statement_of(self, contract_id: str, month: Month) -> StoredStatement | None:
        """The latest revision of a contract's statement of a month."""
        return statement_reading.of_contract(self._connection, contract_id, month)

    def billing(self, hardware_id: str, minute: int) -> Sequence[StoredStatement]:
        """Every revision, of a minute's month, that has a line of a device in that minute."""
        return statement_reading.billing(self._connection, hardware_id, minute)

    def earlier_in_year(
        self, month: Month, log_size: int | None = None
    ) -> Mapping[str, YearToDate]:
        """What the calendar year's months before this one came to, by user; as the log's first
        entries have it, where their number is given."""
        return earlier_in_year(self._connection, month, log_size)

    def rest_of_year(
        self, month: Month, without: Collection[str], log_size: int | None = None
    ) -> Mapping[str, YearToDate]:
        """What the statements of a month's calendar year come to, by user, but for some of them;
        as the log's first entries have it, where their number is given."""
        return rest_of_year(self._connection, month, without, log_size)

    def latest_statements(self, first: Month, last: Month) -> Sequence[StatementHead]:
        """Latest revisions of the statements of some months, by user and number."""
        return latest_statements(self._connection, first, last)


def _minutes(interval: Interval) -> dict[str, int | None]:
    return {"start_minute": interval.start, "end_minute": interval.end}


def _interval(row: Row[Any]) -> Interval:
    return Interval(row.start_minute, row.end_minute)


def _party(row: Row[Any]) -> Party:
    founded = row.established_on
    return Party(
        party_id=row.party_id,
        kind=PartyKind(row.kind),
        name_zh=row.name_zh,
        name_en=row.name_en,
        district=row.district,
        established_on=None if founded is None else date.fromisoformat(founded),
    )


def _tenure(row: Row[Any]) -> Tenure:
    return Tenure(
        host_id=row.host_id,
        owner_id=row.owner_id,
        operator_id=row.operator_id,
        kind=TenureKind(row.kind),
        interval=_interval(row),
    )


def _contract(row: Row[Any]) -> Contract:
    return Contract(
        contract_id=row.contract_id,
        provider_id=row.provider_id,
        user_id=row.user_id,
        signed_on=date.fromisoformat(row.signed_on),
        term=_interval(row),
        unrelated_declared=row.unrelated_declared,
    )


def _assignment(row: Row[Any]) -> Assignment:
    return Assignment(
        assignment_id=row.assignment_id,
        contract_id=row.contract_id,
        hardware_id=row.hardware_id,
        interval=_interval(row),
        proposed_by=row.proposed_by,
        confirmed_by=row.confirmed_by,
    )


def _price(row: Row[Any]) -> Price:
    return Price(
        price_id=row.price_id,
        contract_id=row.contract_id,
        model=row.model,
        yuan=parse_decimal(row.yuan),
        basis=Basis(row.basis),
        interval=_interval(row),
        unit=PriceUnit(row.unit),
        profile=row.profile,
        devices=row.devices,
    )


def _close(row: Row[Any]) -> Close:
    return Close(
        month=Month.parse(row.month),
        cut_off=CutOff(
            event_end=row.event_end_minute,
            checkpoint_size=row.checkpoint_size,
            checkpoint_root=bytes(row.checkpoint_root),
        ),
        closed_utc_ms=row.closed_utc_ms,
    )

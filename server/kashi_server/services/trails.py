"""Explaining money: one certificate from its amount down to a minute of a device, and back up.

Downward: certificate → statement → rules → line → price, assignment → device-hour → minute →
report with its receipt and its place in the log. Upward: the same steps from a device and a minute,
with every certificate that is of the statement and every claim that takes the line.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kashi_server.domain.certificate import CertificateNumber
from kashi_server.domain.interval import Interval, Month, minute_of
from kashi_server.domain.money import yuan_text
from kashi_server.domain.trail import Trail, TrailStep
from kashi_server.errors import NotFound, StorageError
from kashi_server.services.certificates import LOG_ISSUED
from kashi_server.services.closing import STATEMENT_ENTRY
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.trail_minute import Place, minute_steps
from kashi_server.services.trail_port import ClaimedLine, ExplainingUnit, ExplainingWork
from kashi_server.services.trail_steps import (
    assignment_steps,
    certificate_step,
    line_step,
    price_step,
    rules_step,
    statement_step,
)

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of a certificate is asked for; None: all of it.

    `minute` is a UTC minute since 1970.
    """

    line: int | None = None
    hardware_id: str | None = None
    minute: int | None = None

    def takes(self, line: Data) -> bool:
        """Whether a line is part of what is asked."""
        if self.line is not None and line["line"] != self.line:
            return False
        if self.hardware_id is not None and line["hardware_id"] != self.hardware_id:
            return False
        return self.minute is None or self.minute in span_of(line)

    @property
    def everything(self) -> bool:
        """Nothing narrower than the certificate is asked."""
        return self.line is None and self.hardware_id is None and self.minute is None


class Explaining:
    """Walks the trails; reads only."""

    def __init__(self, work: ExplainingWork) -> None:
        self._work = work

    def certificate(self, number: str, wanted: Wanted) -> Trail:
        """Down from a certificate.

        Raises:
            NotFound: there is no such certificate, or nothing in it is what is asked.
        """
        canonical = str(CertificateNumber.parse(number))
        with self._work.begin(writes=False) as unit:
            found = unit.certificates.certificate(canonical)
            if found is None:
                raise NotFound(f"there is no certificate {canonical}")
            steps = [certificate_step(found, unit.log.index_of(LOG_ISSUED, found.number))]
            below: list[TrailStep] = []
            for statement_number, revision in unit.certificates.certified(found.number):
                below += _statement_down(unit, statement_number, revision, wanted)
            if not any(step.kind == "line" for step in below):
                raise NotFound(
                    f"certificate {canonical} has no line of what is asked: see it whole with"
                    f" kashi-server explain {canonical}"
                )
        return Trail((*steps, *below))

    def minute(self, hardware_id: str, minute: int) -> Trail:
        """Up from one minute of one device.

        Raises:
            NotFound: no statement has a line of it.
        """
        with self._work.begin(writes=False) as unit:
            steps: list[TrailStep] = []
            for stored, data, line in _lines_at(unit, hardware_id, minute):
                place = Place(hardware_id=hardware_id, host_id=line["host_id"], minute=minute)
                steps += reversed([*minute_steps(unit, place)])
                steps += reversed([*_line_down(unit, data, line)])
                steps += _statement_up(unit, stored, data, line)
        if not steps:
            raise NotFound(
                f"no statement has a line of {hardware_id} in this minute: the month is open, or"
                " the device was not in service"
            )
        return Trail(tuple(steps))


def span_of(line: Data) -> Interval:
    """A line's UTC minutes."""
    start, end = (minute_of(datetime.fromisoformat(line[edge])) for edge in ("start", "end"))
    return Interval(start, end)


def _statement_down(
    unit: ExplainingUnit, number: str, revision: int, wanted: Wanted
) -> Iterator[TrailStep]:
    stored = unit.expense.statement(number, revision)
    if stored is None:
        raise StorageError(f"statement {number} revision {revision} is not stored; run: fsck")
    data = json.loads(stored.content)
    lines = [line for line in data["lines"] if wanted.takes(line)]
    if not lines:
        return
    yield _stated(unit, stored, data)
    rules = rules_step(data)
    if rules is not None:
        yield rules
    for line in lines:
        yield from [line_step(data, line)] if wanted.everything else _line_down(unit, data, line)
        if wanted.minute is not None:
            place = Place(
                hardware_id=line["hardware_id"], host_id=line["host_id"], minute=wanted.minute
            )
            yield from minute_steps(unit, place)


def _stated(unit: ExplainingUnit, stored: StoredStatement, data: Data) -> TrailStep:
    index = unit.log.index_of(STATEMENT_ENTRY, f"{stored.number}/{stored.revision}")
    return statement_step(stored, data, index)


def _line_down(unit: ExplainingUnit, data: Data, line: Data) -> Iterator[TrailStep]:
    """A line, its price, and the assignments that lease its device."""
    yield line_step(data, line)
    for price in unit.expense.prices():
        if price.price_id == line["price_id"]:
            yield price_step(price)
    parents = {one["hardware_id"]: one["parent_hardware_id"] for one in data["devices"]}
    devices = {line["hardware_id"], parents.get(line["hardware_id"]) or line["hardware_id"]}
    contract = data["contract"]
    if contract is not None:
        of_contract = (
            one for one in unit.expense.assignments() if one.contract_id == contract["contract_id"]
        )
        yield from assignment_steps(of_contract, devices, line, span_of(line))


def _lines_at(
    unit: ExplainingUnit, hardware_id: str, minute: int
) -> Iterator[tuple[StoredStatement, Data, Data]]:
    """The lines of the latest revisions that hold a minute of a device."""
    latest: dict[str, StoredStatement] = {}
    for stored in unit.expense.statements(month=Month.of(minute)):
        if stored.number not in latest or latest[stored.number].revision < stored.revision:
            latest[stored.number] = stored
    wanted = Wanted(hardware_id=hardware_id, minute=minute)
    for stored in latest.values():
        data = json.loads(stored.content)
        yield from ((stored, data, line) for line in data["lines"] if wanted.takes(line))


def _statement_up(
    unit: ExplainingUnit, stored: StoredStatement, data: Data, line: Data
) -> Iterator[TrailStep]:
    """From a line's statement to its certificates and the claims that take the line."""
    rules = rules_step(data)
    if rules is not None:
        yield rules
    yield _stated(unit, stored, data)
    for one in unit.certificates.certifying(stored.number, stored.revision):
        yield certificate_step(one, unit.log.index_of(LOG_ISSUED, one.number))
    claims = unit.certificates.claims_of_line(stored.number, stored.revision, line["line"])
    yield from map(_claim_step, claims)


def _claim_step(claim: ClaimedLine) -> TrailStep:
    computed = claim.computed_fen
    return TrailStep(
        kind="claim",
        zh="申领",
        en="claim",
        facts={
            "claim_id": claim.claim_id,
            "batch_id": claim.batch_id,
            "programme_id": claim.programme_id,
            "state": claim.state,
            "computed_yuan": None if computed is None else yuan_text(computed),
            "approved_yuan": yuan_text(claim.approved_fen),
        },
        follows="within a programme a line is claimed once",
        source="docs/claims.md",
    )

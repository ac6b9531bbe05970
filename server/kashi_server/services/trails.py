"""Explaining money: one certificate from its amount down to a minute of a device, and back up.

Downward: certificate → statement → rules → line → price, assignment → device-hour → minute →
report with its receipt and its place in the log; each as the statement's cut-off knew it. Upward:
the same steps from a device and a minute, with every certificate that is of the statement, every
claim that takes the line and every payment on it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from kashi_server.domain.certificate import CertificateNumber
from kashi_server.domain.interval import Interval, minute_of
from kashi_server.domain.trail import Trail, TrailStep
from kashi_server.errors import NotFound, StorageError
from kashi_server.services.certificate_making import LOG_ISSUED
from kashi_server.services.closing import STATEMENT_ENTRY
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.trail_claims import claim_steps
from kashi_server.services.trail_minute import Place, minute_steps
from kashi_server.services.trail_port import ExplainingUnit, ExplainingWork
from kashi_server.services.trail_steps import (
    assignment_step,
    certificate_step,
    line_step,
    price_step,
    rules_step,
    statement_step,
)
from kashi_server.services.trail_then import CutOff

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
                raise NotFound(
                    f"没有使用证明 {canonical}，请核对编号。there is no certificate {canonical}"
                )
            steps = [certificate_step(found, unit.log.index_of(LOG_ISSUED, found.number))]
            below: list[TrailStep] = []
            for statement_number, revision in unit.certificates.certified(found.number):
                below += _statement_down(unit, statement_number, revision, wanted)
            if not any(step.kind == "line" for step in below):
                raise NotFound(
                    f"使用证明 {canonical} 没有所查的计费行，请以 kashi-server explain "
                    f"{canonical} 查看全部。"
                    f"certificate {canonical} has no line of what is asked: see it whole with"
                    f" kashi-server explain {canonical}"
                )
        return Trail((*steps, *below))

    def minute(self, hardware_id: str, minute: int) -> Trail:
        """Up from one minute of one device, to every certificate and claim that rests on it.

        The latest revision of each statement first; those before it after, for what was issued and
        paid on them.

        Raises:
            NotFound: no statement has a line of it.
        """
        with self._work.begin(writes=False) as unit:
            steps: list[TrailStep] = []
            for stored, data, line in _lines_at(unit, hardware_id, minute):
                cut_off = _cut_off(unit, data)
                place = Place(line=line, minute=minute)
                steps += reversed([*minute_steps(unit, place, cut_off)])
                steps += reversed([*_line_down(data, line, cut_off)])
                steps += _statement_up(unit, stored, data, line)
        if not steps:
            raise NotFound(
                f"没有结算单含有 {hardware_id} 在此分钟的计费行：该月尚未关账，"
                "或设备当时未服务。"
                f"no statement has a line of {hardware_id} in this minute: the month is open, or"
                " the device was not in service"
            )
        return Trail(tuple(steps))


def span_of(line: Data) -> Interval:
    """A line's UTC minutes."""
    start, end = (minute_of(datetime.fromisoformat(line[edge])) for edge in ("start", "end"))
    return Interval(start, end)


def _cut_off(unit: ExplainingUnit, data: Data) -> CutOff:
    return CutOff(unit, data["cut_off"]["checkpoint_size"])


def _statement_down(
    unit: ExplainingUnit, number: str, revision: int, wanted: Wanted
) -> Iterator[TrailStep]:
    stored = unit.expense.statement(number, revision)
    if stored is None:
        raise StorageError(
            f"结算单 {number} 第 {revision} 版未保存，请运行 kashi-server fsck。"
            f"statement {number} revision {revision} is not stored; run: fsck"
        )
    data = json.loads(stored.content)
    lines = [line for line in data["lines"] if wanted.takes(line)]
    if not lines:
        return
    yield _stated(unit, stored, data)
    rules = rules_step(data)
    if rules is not None:
        yield rules
    cut_off = _cut_off(unit, data)
    for line in lines:
        yield from [line_step(data, line)] if wanted.everything else _line_down(data, line, cut_off)
        if wanted.minute is not None:
            yield from minute_steps(unit, Place(line=line, minute=wanted.minute), cut_off)


def _stated(unit: ExplainingUnit, stored: StoredStatement, data: Data) -> TrailStep:
    index = unit.log.index_of(STATEMENT_ENTRY, f"{stored.number}/{stored.revision}")
    return statement_step(stored, data, index)


def _line_down(data: Data, line: Data, cut_off: CutOff) -> Iterator[TrailStep]:
    """A line, its price, and the assignments that lease its device, as of the cut-off."""
    yield line_step(data, line)
    price = None if line["price_id"] is None else cut_off.price(line["price_id"])
    if price is not None:
        yield price_step(price, line)
    parents = {one["hardware_id"]: one["parent_hardware_id"] for one in data["devices"]}
    devices = {line["hardware_id"]: Fraction(line["share"] or 1)}
    if parents.get(line["hardware_id"]):
        devices[parents[line["hardware_id"]]] = Fraction(1)
    contract = data["contract"]
    if contract is not None:
        known = cut_off.assignments(contract["contract_id"], devices, span_of(line))
        yield from map(assignment_step, known)


def _lines_at(
    unit: ExplainingUnit, hardware_id: str, minute: int
) -> Iterator[tuple[StoredStatement, Data, Data]]:
    """The lines that hold a minute of a device: by statement, the latest revision first."""
    found = unit.expense.billing(hardware_id, minute)
    wanted = Wanted(hardware_id=hardware_id, minute=minute)
    for stored in sorted(found, key=lambda one: (one.number, -one.revision)):
        data = json.loads(stored.content)
        yield from ((stored, data, line) for line in data["lines"] if wanted.takes(line))


def _statement_up(
    unit: ExplainingUnit, stored: StoredStatement, data: Data, line: Data
) -> Iterator[TrailStep]:
    """From a line's statement to its certificates, the claims that take the line, the payments."""
    rules = rules_step(data)
    if rules is not None:
        yield rules
    yield _stated(unit, stored, data)
    for one in unit.certificates.certifying(stored.number, stored.revision):
        yield certificate_step(one, unit.log.index_of(LOG_ISSUED, one.number))
    yield from claim_steps(unit, stored.number, stored.revision, line["line"])

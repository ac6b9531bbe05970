"""What goes into a certificate before it has a number: its files, and what stands behind them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate_parts import CertificateParts, MonthParts
from kashi_server.domain.interval import MINUTE_MS, SHANGHAI, Month, instant_of
from kashi_server.domain.summary import summary_of
from kashi_server.errors import NotFound, Refused, StorageError
from kashi_server.services.certificate_reading import reading_of, together
from kashi_server.services.certificates_port import CertificatesUnit
from kashi_server.services.csv_text import csv_bytes
from kashi_server.services.evidence import EvidenceGathering, Gathered
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.export_rows import lines_export


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A certificate but for its head.

    Attributes:
        number: of the statement, or of what several are together.
        revision: of the statement; of several it grows with each revision of each.
        statements: in the order of their months.
        gathered: the evidence of one month; None for several, whose own certificates carry it.
    """

    number: str
    revision: int
    statements: tuple[StoredStatement, ...]
    parts: CertificateParts
    gathered: Gathered | None

    @property
    def last(self) -> StoredStatement:
        """The statement of the last month."""
        return self.statements[-1]

    @property
    def first_month(self) -> Month | None:
        """Of several months the first."""
        return self.statements[0].month if len(self.statements) > 1 else None


class Preparing:
    """Prepares certificates; reads only. What papers say it reads until today."""

    def __init__(self, gathering: EvidenceGathering, clock: Callable[[], int]) -> None:
        self._gathering = gathering
        self._clock = clock

    def month(self, unit: CertificatesUnit, statement: StoredStatement) -> Prepared:
        """The certificate of one statement."""
        gathered = self._gathering.gather(unit, statement)
        part = _month_parts(unit, statement, gathered.evidence.to_bytes())
        return Prepared(
            number=statement.number,
            revision=statement.revision,
            statements=(statement,),
            parts=self._parts(unit, (statement,), (part,), reading_of(gathered)),
            gathered=gathered,
        )

    def period(self, unit: CertificatesUnit, statements: Sequence[StoredStatement]) -> Prepared:
        """The certificate of a contract's months that follow each other.

        Each month's evidence is the one its own certificate carries, so that one bundle proves
        both.

        Raises:
            NotFound: a month was not certified by itself.
            Refused: the months are not of one user, or one is left out.
        """
        if len({one.user_id for one in statements}) != 1:
            raise Refused("各月不属于同一使用方。the months are not of one user")
        ordered = tuple(sorted(statements, key=lambda one: one.month))
        found: list[MonthParts] = []
        readings: list[Mapping[str, Any] | None] = []
        for statement in ordered:
            own = unit.certificates.certificate_of(statement.number, statement.revision)
            evidence = None if own is None else unit.certificates.file(own.number, "evidence")
            if own is None or evidence is None:
                raise NotFound(
                    f"结算单 {statement.number} 第 {statement.revision} 版尚无单独的使用证"
                    f"明，请运行 kashi-server certify {statement.month}。"
                    f"statement {statement.number} revision {statement.revision} is not certified"
                    f" by itself; run: kashi-server certify {statement.month}"
                )
            summary = unit.certificates.file(own.number, "summary")
            readings.append(None if summary is None else json.loads(summary)["reading"])
            found.append(_month_parts(unit, statement, evidence))
        return Prepared(
            number=_together(ordered),
            revision=1 + sum(one.revision - 1 for one in ordered),
            statements=ordered,
            parts=self._parts(unit, ordered, tuple(found), together(readings)),
            gathered=None,
        )

    def _parts(
        self,
        unit: CertificatesUnit,
        statements: Sequence[StoredStatement],
        months: tuple[MonthParts, ...],
        reading: Mapping[str, object] | None,
    ) -> CertificateParts:
        last = statements[-1]
        today = instant_of(self._clock() // MINUTE_MS).astimezone(SHANGHAI).date()
        stated = unit.certificates.stated(last.contract_id, last.provider_id, today)
        summary = summary_of(
            [json.loads(one.content) for one in statements],
            [sha256(one.content).hexdigest() for one in statements],
            stated=stated,
            reading=reading,
        )
        return CertificateParts(
            months=months,
            summary=canonical_bytes(summary),
            lines=csv_bytes(lines_export(statements), digits_bare=True),
        )


def _month_parts(unit: CertificatesUnit, statement: StoredStatement, evidence: bytes) -> MonthParts:
    rules, changed = rules_of(unit, statement)
    return MonthParts(
        month=statement.month,
        statement=statement.content,
        evidence=evidence,
        rules=rules,
        changed_rules=changed,
    )


def _together(statements: Sequence[StoredStatement]) -> str:
    """What several statements are called together: `KS-2026-01..2026-12-HT-1`."""
    first, last = statements[0], statements[-1]
    of = last.number.removeprefix(f"KS-{last.month}-")
    return f"KS-{first.month}..{last.month}-{of}"


def rules_of(
    unit: CertificatesUnit, statement: StoredStatement
) -> tuple[bytes | None, tuple[bytes, ...]]:
    """The canonical bytes of the rules that the statement names, and of those only its lines name
    or that began within its month: a version that no line names may have ended another.

    Raises:
        StorageError: one of them is not stored.
    """
    content = json.loads(statement.content)
    programme = content["programme"]
    own = None if programme is None else programme["sha256"]
    # Lines and statement are of one programme: without its rules no line names any.
    versions = () if programme is None else unit.expense.rules(programme["programme_id"])
    month = statement.month.interval()
    begun = {version.sha256 for version in versions if version.in_force.start in month}
    named = {line["rules_sha256"] for line in content["lines"]}
    changed = (named | begun) - {own, None}
    stored = {version.sha256: version for version in versions}
    missing = sorted(one for one in {own, *changed} if one is not None and one not in stored)
    if missing:
        raise StorageError(
            f"结算单 {statement.number} 所依规则 {', '.join(missing)} 未保存。"
            f"the rules {', '.join(missing)} that statement {statement.number} names are not stored"
        )
    rules = None if own is None else stored[own].to_bytes()
    return rules, tuple(stored[one].to_bytes() for one in sorted(changed))

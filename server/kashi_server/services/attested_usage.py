"""What a provider stated of a month and the company countersigned, by day: beside what was metered.

It is what the attestations say (level E1). What of it a statement bills is told by the statement:
minutes that agents observed, or that are counted otherwise, are held there at 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from kashi_server.domain.attestation import AttestationState, StatedRecord
from kashi_server.domain.interval import HOUR_MS, SHANGHAI, Interval, Month, days_of, instant_of
from kashi_server.services.evidence_port import StoredAttestation


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedUsage:
    """Card-hours by day of Asia/Shanghai, exact; days without any are left out."""

    by_day: Mapping[date, Fraction] = field(default_factory=dict)

    @property
    def card_hours(self) -> Fraction:
        """Of all days."""
        return sum(self.by_day.values(), Fraction(0))


def attested_usage(
    stored: Iterable[StoredAttestation], party_id: str, month: Month
) -> AttestedUsage:
    """The countersigned records of a party, on either side, in a month."""
    card_ms: dict[date, int] = defaultdict(int)
    for one in stored:
        sides = (one.attestation.user_id, one.attestation.provider_id)
        if one.state is AttestationState.COUNTERSIGNED and party_id in sides:
            for record in one.attestation.records:
                for day, stated_ms in _by_day(record, month.interval()):
                    card_ms[day] += stated_ms * record.cards
    return AttestedUsage(
        by_day={day: Fraction(found, HOUR_MS) for day, found in sorted(card_ms.items()) if found}
    )


def _by_day(record: StatedRecord, within: Interval) -> Iterator[tuple[date, int]]:
    common = record.minutes.overlap(within)
    for day in days_of(common) if common is not None else ():
        local = instant_of(day.start).astimezone(SHANGHAI).date()
        yield local, record.within_ms(*day.bounded())

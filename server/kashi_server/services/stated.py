"""What a host stated of how it reads, as its people may see it: facts as they stand, and doubts."""

from collections.abc import Iterable
from dataclasses import dataclass

from kashi_server.domain.doubt import Doubt
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.plausibility import doubts
from kashi_server.domain.stated_fact import StatedFact, standing
from kashi_server.services.sight import Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """Of one host in some window: the latest fact of each name, and what follows from all."""

    facts: tuple[StatedFact, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @classmethod
    def of(cls, facts: Iterable[StatedFact]) -> "Stated":
        """From every fact of the window."""
        told = list(facts)
        return cls(facts=tuple(standing(told)), doubts=doubts(told))


NOTHING_STATED = Stated()


def stated_within(sight: Sight, host_id: str, facts: Iterable[StatedFact]) -> Stated:
    """The same, cut to the minutes in which a party sees the host itself."""
    if sight.party_id is None:
        return Stated.of(facts)
    seen = sight.hosts.get(host_id, ())
    return Stated.of(
        fact for fact in facts if any(fact.utc_ms // MINUTE_MS in span for span in seen)
    )

"""One open minute of one device: what its pieces add up to until the minute is over.

A piece is a stretch inside one minute over which one observation held. Everything is an integer
sum, so the order and the number of pieces do not matter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from kashi_agent.energy import Energy
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import SUMS, HolderKey, HolderTime, Reading
from kashi_agent.sample import Absent, Observation, known
from kashi_agent.shares import NOBODY, Part, Together, parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """An observation as the integrator uses it: None is unknown, `held_by` nobody without holders.

    `past` is the utilisation of the time before it: milliseconds and parts per million, in order.
    """

    utilisation_ppm: int | None
    energy_counter_mj: int | None
    power_mw: int | None
    memory_used_bytes: int | None
    held_by: Together | None
    past: tuple[tuple[int, int | None], ...] = ()

    @classmethod
    def of(cls, seen: Observation, naming: HolderNaming) -> "Facts":
        """The facts of an observation, holders in the order of their keys."""
        return cls(
            utilisation_ppm=known(seen.utilisation_ppm),
            energy_counter_mj=known(seen.energy_counter_mj),
            power_mw=known(seen.power_mw),
            memory_used_bytes=known(seen.memory_used_bytes),
            held_by=_together(seen, naming),
            past=tuple((use.span_ms, known(use.utilisation_ppm)) for use in seen.past),
        )

    def until(self, end: int, after: "Facts | None") -> Iterator[tuple[int, "Facts"]]:
        """What held up to `end`, where the sample `after` was taken: instants and facts, in order.

        These facts hold on, but for the utilisation of what `after` remembers of the time.
        """
        past = () if after is None else after.past
        at = end - sum(span_ms for span_ms, _ in past)
        yield at, self
        for span_ms, utilisation_ppm in past:
            at += span_ms
            yield at, replace(self, utilisation_ppm=utilisation_ppm)
        yield end, self


def _together(seen: Observation, naming: HolderNaming) -> Together | None:
    """The holders, weighed by the work the driver tells of each; alike where it tells of none."""
    if isinstance(seen.holders, Absent):
        return None
    if len(seen.holders) < 2:  # nearly always, and there is nothing to divide
        alone = tuple(map(naming.key, seen.holders))
        return Together(alone, (1,)) if alone else NOBODY
    told = () if isinstance(seen.work, Absent) else seen.work
    work = {one.holder: one.sm_ppm for one in told if one.holder in seen.holders}
    alike = not any(work.values())
    weighed = sorted(
        ((naming.key(holder), 1 if alike else work.get(holder, 0)) for holder in seen.holders),
        key=lambda pair: pair[0].key,
    )
    return Together(tuple(key for key, _ in weighed), tuple(weight for _, weight in weighed))


@dataclass(slots=True, kw_only=True)
class OpenMinute:
    """The sums of a minute that is not over; `start` and `end` are the first and last observed."""

    start_boottime_ms: int
    end_boottime_ms: int
    observed_ms: int = 0
    held_known_ms: int = 0
    held_ms: int = 0
    utilisation_known_ms: int = 0
    active_ms: int = 0
    utilised_ns: int = 0
    unattributed_ms: int = 0
    energy_known_ms: int = 0
    energy_mj: int = 0
    energy_integrated: bool = False
    memory_used_bytes_max: int | None = None
    held_ms_by_group: dict[Together, int] = field(default_factory=dict)

    def add(
        self, start_boottime_ms: int, end_boottime_ms: int, facts: Facts, energy: Energy
    ) -> None:
        """Add a piece that begins no earlier than the last one ended."""
        span_ms = end_boottime_ms - start_boottime_ms
        self.end_boottime_ms = end_boottime_ms
        self.observed_ms += span_ms
        self._add_holders(span_ms, facts)
        self._add_utilisation(span_ms, facts)
        energy_mj = energy.take(end_boottime_ms)
        if energy_mj is not None:
            self.energy_known_ms += span_ms
            self.energy_mj += energy_mj
            self.energy_integrated |= energy.integrated
        memory, highest = facts.memory_used_bytes, self.memory_used_bytes_max
        if memory is not None and (highest is None or memory > highest):
            self.memory_used_bytes_max = memory

    def _add_holders(self, span_ms: int, facts: Facts) -> None:
        group = facts.held_by
        if group is None:
            return
        self.held_known_ms += span_ms
        if group.holders:
            self.held_ms += span_ms
            self.held_ms_by_group[group] = self.held_ms_by_group.get(group, 0) + span_ms

    def _add_utilisation(self, span_ms: int, facts: Facts) -> None:
        utilisation = facts.utilisation_ppm
        if utilisation is None:
            return
        self.utilisation_known_ms += span_ms
        if utilisation:
            self.active_ms += span_ms
            self.utilised_ns += utilisation * span_ms
            # Holders unknown is not "nobody": only an empty set makes activity unattributed.
            if facts.held_by is not None and not facts.held_by.holders:
                self.unattributed_ms += span_ms

    def reading(self, places: "HolderPlaces") -> Reading:
        """The reading of what was added so far."""
        return Reading(
            start_boottime_ms=self.start_boottime_ms,
            span_ms=self.end_boottime_ms - self.start_boottime_ms,
            energy_integrated=self.energy_integrated,
            memory_used_bytes_max=self.memory_used_bytes_max,
            **{name: getattr(self, name) for name in SUMS},
            holder_times=places.times(parts(self.held_ms_by_group)),
        )


class HolderPlaces:
    """The list of holders of a stretch, each once; readings refer to it by place.

    At most as many as the contract allows: the time of one too many still counts as held, only
    who held it is not told apart any further.
    """

    def __init__(self, holders: tuple[HolderKey, ...], count_max: int) -> None:
        """Begin with holders already listed."""
        self._count_max = count_max
        self._places = {holder.key: place for place, holder in enumerate(holders)}
        self.listed = list(holders)

    def times(self, parts: Iterable[Part]) -> tuple[HolderTime, ...]:
        """Held times with their places, new holders listed."""
        times = []
        for part in parts:
            place = self._place(part.holder)
            if place is not None:
                times.append(HolderTime(place, part.held_ms, part.share_ms))
        return tuple(times)

    def _place(self, holder: HolderKey) -> int | None:
        place = self._places.get(holder.key)
        if place is None and len(self.listed) < self._count_max:
            place = self._places[holder.key] = len(self.listed)
            self.listed.append(holder)
        return place

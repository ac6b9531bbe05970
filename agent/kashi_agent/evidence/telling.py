"""When facts are told: at the meter's start, to a new agent, when they change, and once a day."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from kashi_agent.evidence.fact import Fact
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import DeviceEvent, SampleBatch

COLLECT_EVERY_MS: Final = 600_000
REPEAT_EVERY_MS: Final = 86_400_000
"""Whoever looks at two days sees every fact that stands."""


Collect = Callable[[SampleBatch], Iterable[Fact]]


@dataclass(slots=True, kw_only=True)
class Telling:
    """Adds facts to batches. `standing` are collected anew every ten minutes and told where they
    are news; `passing` see every batch, and what they give is told as it comes."""

    standing: tuple[Collect, ...] = ()
    passing: tuple[Collect, ...] = ()
    _told: dict[tuple[str, str], str] = field(default_factory=dict)
    _devices: frozenset[str] = frozenset()
    _collect_ms: int = 0
    _repeat_ms: int = 0
    _anew: bool = True

    def begin(self) -> None:
        """Tell everything with the next batch. May be called in another thread."""
        self._anew = True

    def added(self, batch: SampleBatch) -> SampleBatch:
        """The batch with what there is to tell."""
        facts = [fact for collect in self.passing for fact in collect(batch)]
        facts += self._news(batch)
        events = (_event(fact, batch.boottime_ms) for fact in facts)
        return replace(batch, events=(*batch.events, *events)) if facts else batch

    def _news(self, batch: SampleBatch) -> Iterator[Fact]:
        at_ms = batch.boottime_ms
        devices = frozenset(sample.device.hardware_id for sample in batch.samples)
        if self._anew or at_ms >= self._repeat_ms:
            self._anew, self._told, self._repeat_ms = False, {}, at_ms + REPEAT_EVERY_MS
        elif at_ms < self._collect_ms and devices == self._devices:
            return
        self._collect_ms, self._devices = at_ms + COLLECT_EVERY_MS, devices
        for collect in self.standing:
            for fact in collect(batch):
                key = (fact.hardware_id, fact.name)
                if self._told.get(key) != fact.detail:
                    self._told[key] = fact.detail
                    yield fact


def _event(fact: Fact, boottime_ms: int) -> DeviceEvent:
    return DeviceEvent(
        hardware_id=fact.hardware_id,
        boottime_ms=boottime_ms,
        kind=DeviceEventKind.FACT,
        detail=fact.detail,
    )

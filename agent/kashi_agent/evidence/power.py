"""Energy held against power: over six hours, what a device counted, what its power adds up to, how
busy it said it was, and what it may draw at most.

Power is read every ten seconds and holds until it is read again; where a sample is missing for
longer, and in a new process of the meter, the time begins anew: with one hour, then twice as long
each time, so that one that is often begun anew tells of it too. Nothing here replaces the energy
that is metered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from kashi_agent.evidence.fact import Fact
from kashi_agent.sample import Absent, Observation, SampleBatch

WINDOW_MS: Final = 21_600_000
FIRST_WINDOW_MS: Final = 3_600_000
POWER_EVERY_MS: Final = 10_000

Power = Callable[[str], int | Absent]
"""By hardware id: milliwatts."""


@dataclass(slots=True, kw_only=True)
class _Window:
    """One device from `start_ms` to `end_ms`; sums are None from where one part of them is not
    known: microjoules, and parts per million times milliseconds."""

    start_ms: int
    end_ms: int
    whole_ms: int
    first: Observation
    last: Observation
    power_due_ms: int
    power_mw: int | Absent
    integrated_uj: int | None = 0
    utilised: int | None = 0

    def grow(self, at_ms: int, seen: Observation) -> None:
        """What was last seen held until now."""
        span_ms = at_ms - self.end_ms
        self.integrated_uj = _plus(self.integrated_uj, self.power_mw, span_ms)
        self.utilised = _plus(self.utilised, self.last.utilisation_ppm, span_ms)
        self.end_ms, self.last = at_ms, seen

    @property
    def counted_mj(self) -> int | None:
        """By the device's own counter."""
        first, last = self.first.energy_counter_mj, self.last.energy_counter_mj
        return last - first if isinstance(first, int) and isinstance(last, int) else None

    def text(self, limit_mw: int | Absent) -> str:
        """The sums, and the limit as it is now; what is not known is left out."""
        span_ms = self.end_ms - self.start_ms
        integrated_uj, utilised = self.integrated_uj, self.utilised
        sums = {
            "span_ms": span_ms,
            "counted_mj": self.counted_mj,
            "integrated_mj": None if integrated_uj is None else integrated_uj // 1_000,
            "utilised_ppm": None if utilised is None else utilised // span_ms,
            "limit_mw": None if isinstance(limit_mw, Absent) else limit_mw,
        }
        return " ".join(f"{name}:{value}" for name, value in sums.items() if value is not None)


@dataclass(slots=True, kw_only=True)
class PowerCheck:
    """Watches every whole device that answers: what it draws, and what it may draw."""

    power: Power
    limit: Power
    window_ms: int = WINDOW_MS
    _windows: dict[str, _Window] = field(default_factory=dict)

    def observe(self, batch: SampleBatch) -> Iterator[Fact]:
        """Take a batch; a fact for each device whose time is over."""
        at_ms = batch.boottime_ms
        before, self._windows = self._windows, {}
        for sample in batch.samples:
            hardware_id, seen = sample.device.hardware_id, sample.seen
            if isinstance(seen, Absent) or sample.device.parent_hardware_id:
                continue
            window = before.get(hardware_id)
            if window is None or at_ms - window.end_ms > batch.meter.gap_limit_ms:
                window = self._begun(hardware_id, seen, at_ms, FIRST_WINDOW_MS)
            window.grow(at_ms, seen)
            if (window.counted_mj or 0) < 0:  # the counter began anew with its driver
                window = self._begun(hardware_id, seen, at_ms, FIRST_WINDOW_MS)
            elif at_ms - window.start_ms >= window.whole_ms:
                text = window.text(self.limit(hardware_id))
                yield Fact(name="energy", value=text, hardware_id=hardware_id)
                window = self._begun(hardware_id, seen, at_ms, 2 * window.whole_ms)
            elif at_ms >= window.power_due_ms:
                window.power_mw = self.power(hardware_id)
                window.power_due_ms = at_ms + POWER_EVERY_MS
            self._windows[hardware_id] = window

    def _begun(self, hardware_id: str, seen: Observation, at_ms: int, whole_ms: int) -> _Window:
        return _Window(
            start_ms=at_ms,
            end_ms=at_ms,
            whole_ms=min(whole_ms, self.window_ms),
            first=seen,
            last=seen,
            power_due_ms=at_ms + POWER_EVERY_MS,
            power_mw=self.power(hardware_id),
        )


def _plus(total: int | None, value: int | Absent, span_ms: int) -> int | None:
    return None if total is None or isinstance(value, Absent) else total + value * span_ms

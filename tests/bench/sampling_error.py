"""What sampling costs: utilised card-hours of a bursty day against ground truth of 10 ms.

One card, one day, in ticks of 10 ms: jobs of minutes to hours with steps of half a second to a few
seconds, kernels and pauses between them, and quiet stretches. The driver's gauge is modelled as its
documents say: the share of the last sample period (1/6 s or 1 s) in which a kernel ran, in whole
percent. Our figures are what the real integrator makes of it; a scrape is what `avg_over_time` of
the same gauge every 15 s would have said. Everything is drawn from one seed.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from statistics import stdev
from typing import Final

from kashi_agent.integrator import Integrator
from kashi_agent.meters.nvml_buffers import Entry
from kashi_agent.meters.nvml_past import recalled
from kashi_agent.meters.values import PPM_PER_PERCENT
from kashi_agent.naming import SALT_BYTES, HolderNaming
from kashi_agent.reading import Segment
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Meter,
    MeterKind,
    Observation,
    PastUse,
    Sample,
    SampleBatch,
    Vendor,
)

TICK_MS: Final = 10
DAY_MS: Final = 86_400_000
SCRAPE_MS: Final = 15_000
PERIODS_MS: Final = (170, 1_000)
"""The driver's sample period, in whole ticks: about 1/6 s, and 1 s."""
DAYS: Final = 30
"""A month of one card: what errs by chance is to be told from what errs always."""
PPM: Final = 1_000_000
SECONDS_OF_A_DAY: Final = range(0, DAY_MS + 1, 1_000)
BUFFERED: Final = 8
"""Of the driver's samples, as many as a look later than a second would still find new."""

Use = tuple[int, int, tuple[PastUse, ...]]
"""Instant, utilisation, and the utilisation of the time before it."""

_UNKNOWN: Final = Absent(AbsentReason.NOT_SUPPORTED)
_DEVICE: Final = Device(
    vendor=Vendor.NVIDIA, hardware_id="GPU-1", model="bench", meter=MeterKind.NVML
)


class Day:
    """A day of a card: `busy_until` sums the ticks in which a kernel ran."""

    def __init__(self, random: Random) -> None:
        self._busy = array("I", [0])
        while len(self._busy) <= DAY_MS // TICK_MS:
            self._job(random)

    def busy_ms(self, start_ms: int, end_ms: int) -> int:
        """Milliseconds in which a kernel ran, exact to a tick."""
        ticks = self._busy
        return (ticks[end_ms // TICK_MS] - ticks[start_ms // TICK_MS]) * TICK_MS

    def percent(self, at_ms: int, period_ms: int) -> int:
        """The driver's gauge at an instant: of its last whole sample period, in whole percent."""
        end_ms = at_ms // period_ms * period_ms
        start_ms = end_ms - period_ms
        return 0 if start_ms < 0 else round(100 * self.busy_ms(start_ms, end_ms) / period_ms)

    def _job(self, random: Random) -> None:
        """A job: steps of one length, each with kernels and a pause; then nothing for a while."""
        step_ms = random.uniform(300, 4_000)
        share = random.uniform(0.2, 0.98)
        for _ in range(int(random.uniform(60_000, 5_400_000) / step_ms)):
            length = random.gauss(step_ms, step_ms / 10)
            self._run(length * share, length * (1 - share))
        self._run(0, random.expovariate(1 / 600_000))

    def _run(self, busy_ms: float, idle_ms: float) -> None:
        last = self._busy[-1]
        busy = max(0, round(busy_ms / TICK_MS))
        self._busy.extend(range(last + 1, last + busy + 1))
        self._busy.extend([last + busy] * max(0, round(idle_ms / TICK_MS)))


def measure(days: int = DAYS) -> dict[str, int | float]:
    """Errors in percent of the utilised card-hours: of all days together, which is what stays of a
    bias, how a single day's scatter, and the worst day's."""
    figures: dict[str, int | float] = {"days": days}
    made = [Day(Random(f"burst {number}")) for number in range(days)]
    truths = [day.busy_ms(0, DAY_MS) for day in made]
    figures["true_card_hours_a_day"] = round(sum(truths) / days / 3_600_000, 2)
    for period_ms in PERIODS_MS:
        ours = [sampled_ms(day, period_ms) for day in made]
        scraped = [scraped_ms(day, period_ms) for day in made]
        key = f"period_{period_ms}ms"
        figures |= _errors(f"{key}.kashi_1hz", ours, truths)
        figures |= _errors(f"{key}.scrape_15s", scraped, truths)
    buffered = [buffered_ms(day, PERIODS_MS[0]) for day in made]
    return figures | _errors("sample_buffer.kashi", buffered, truths)


def sampled_ms(day: Day, period_ms: int) -> float:
    """What the integrator makes of the gauge, read once a second."""
    return _integrated(
        (at, day.percent(at, period_ms) * PPM_PER_PERCENT, ()) for at in SECONDS_OF_A_DAY
    )


def buffered_ms(day: Day, period_ms: int) -> float:
    """What it makes of the driver's own samples, read once a second: as the meter reads them."""
    return _integrated(_recalled(day, period_ms))


def _recalled(day: Day, period_ms: int) -> Iterator[Use]:
    cursor = 0
    for at in SECONDS_OF_A_DAY:
        ends = range(max(1, at // period_ms - BUFFERED), at // period_ms + 1)
        entries = [
            Entry(end * period_ms * 1_000, day.percent(end * period_ms, period_ms)) for end in ends
        ]
        told = recalled(entries, cursor)
        if told is None:
            yield at, 0, ()
        else:
            cursor = told.cursor
            assert isinstance(told.utilisation_ppm, int)
            yield at, told.utilisation_ppm, told.past


def scraped_ms(day: Day, period_ms: int) -> float:
    """`avg_over_time` of the gauge, scraped every 15 s, times the day."""
    seen = [day.percent(at, period_ms) for at in range(SCRAPE_MS, DAY_MS + 1, SCRAPE_MS)]
    return sum(seen) / len(seen) / 100 * DAY_MS


def _integrated(uses: Iterable[Use]) -> float:
    integrator = Integrator(
        boot_id=bytes(16),
        segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
        start_boottime_ms=0,
        naming=HolderNaming(bytes(SALT_BYTES)),
    )
    meter = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
    for at, utilisation_ppm, past in uses:
        seen = Observation(
            utilisation_ppm=utilisation_ppm,
            energy_counter_mj=_UNKNOWN,
            power_mw=_UNKNOWN,
            memory_used_bytes=_UNKNOWN,
            holders=frozenset(),
            past=past,
        )
        sample = Sample(device=_DEVICE, seen=seen)
        integrator.observe(SampleBatch(boottime_ms=at, meter=meter, samples=(sample,)))
    (minutes,) = integrator.cut(integrator.finish(DAY_MS))
    return sum(reading.utilised_ns for reading in minutes.readings) / PPM


def _errors(key: str, measured: Sequence[float], truths: Sequence[int]) -> dict[str, float]:
    errors = [100 * (ours / true - 1) for ours, true in zip(measured, truths, strict=True)]
    whole = 100 * (sum(measured) / sum(truths) - 1)
    return {
        f"{key}_error_percent": round(max(map(abs, errors)), 4),
        f"{key}_spread_percent": round(stdev(errors), 4),
        f"{key}_month_error_percent": round(whole, 4),
    }

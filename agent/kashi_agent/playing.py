"""A trace played through metering on a clock that is moved on, stretch by stretch.

What the demonstration and the tests do instead of waiting: the same metering, spool, sealing and
shipping as on any host, only the clock and the meter are other ones.
"""

from collections.abc import Iterator

from kashi_agent.clock import ManualClock
from kashi_agent.metering import Metering
from kashi_agent.meters.replay import Replay
from kashi_agent.naming import HolderNaming
from kashi_agent.stretch import Stretch
from kashi_agent.trace import Trace


def replay_clock(trace: Trace, boot_id: bytes) -> ManualClock:
    """A clock that stands at the trace's start, right after a boot."""
    return ManualClock(boottime=0, monotonic=0, utc=trace.head.start_utc_ms, boot=boot_id)


def played(
    trace: Trace, clock: ManualClock, naming: HolderNaming, *, step_ms: int
) -> Iterator[Stretch]:
    """Play a whole trace from where the clock stands, `step_ms` of it at a time.

    Yields what there is to seal after every step; the clock has moved on to the step's end.

    Raises:
        TraceError: an entry that is reached is not in its form.
    """
    metering = Metering(clock, naming)
    replay = Replay(trace, clock.boottime_ms())
    while clock.boottime < replay.end_boottime_ms:
        clock.advance(min(step_ms, replay.end_boottime_ms - clock.boottime))
        metering.tick()
        replay.feed(clock.boottime, metering)
        while (stretch := metering.cut()) is not None:
            yield stretch
    while (stretch := metering.finish()) is not None:
        yield stretch

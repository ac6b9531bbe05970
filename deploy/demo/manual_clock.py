"""A host's clocks that somebody moves by hand: a month takes seconds, a night's sleep none."""

from dataclasses import dataclass, field

from kashi_agent.clock import ClockSync, Discipline


@dataclass(slots=True, kw_only=True)
class ManualClock:
    """Clocks that move only when they are told to: for the demonstration and the tests."""

    boottime: int = 0
    utc: int = 0
    monotonic: int = 0
    boot: bytes = field(default=bytes(range(16)))
    state: Discipline = field(default=Discipline(sync=ClockSync.SYNCHRONISED, error_us_max=1_000))

    def boottime_ms(self) -> int:
        """CLOCK_BOOTTIME."""
        return self.boottime

    def monotonic_ms(self) -> int:
        """CLOCK_MONOTONIC."""
        return self.monotonic

    def utc_ms(self) -> int:
        """The wall clock."""
        return self.utc

    def boot_id(self) -> bytes:
        """The boot id."""
        return self.boot

    def discipline(self) -> Discipline:
        """The state that was set."""
        return self.state

    def advance(self, span_ms: int) -> None:
        """Let time pass."""
        if span_ms < 0:
            raise ValueError(f"time does not run back by {span_ms} ms")
        self.boottime += span_ms
        self.monotonic += span_ms
        self.utc += span_ms

    def suspend(self, span_ms: int) -> None:
        """Let the machine sleep: CLOCK_MONOTONIC stands still."""
        self.advance(span_ms)
        self.monotonic -= span_ms

    def step(self, delta_ms: int) -> None:
        """Set the wall clock."""
        self.utc += delta_ms

    def reboot(self, boot: bytes, *, away_ms: int) -> None:
        """Boot anew, `away_ms` of wall time later."""
        self.boottime = self.monotonic = 0
        self.boot = boot
        self.utc += away_ms

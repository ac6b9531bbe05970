"""What becomes of a report: the sequence rules, pure.

A report whose signature, chain link and form hold consumes its sequence, whatever the verdict.
`judge` decides from the chain's tail as it is held, the host's standing and the report alone, so
the same facts give the same verdict in whatever way they are batched or repeated.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Protocol

from kashi import limits
from kashi.chain import NO_HEAD, Head, Place

from kashi_server.domain.form import Sums
from kashi_server.domain.report import (
    NO_COUNTERS,
    Counters,
    DeviceDescription,
    MeterKind,
    ReportFacts,
)

DAY_MS: Final = 86_400_000

SETTLED: Final = ("vendor", "parent_hardware_id", "share_numerator", "share_denominator", "model")
"""What the first counted report of a device settles about it. All but the model for good."""


class Verdict(IntEnum):
    """What became of a report; the numbers are the contract's."""

    ACCEPTED = 1
    DUPLICATE = 2
    GAP = 3
    FORK = 4
    QUARANTINED = 5
    REJECTED = 6


class QuarantineReason(IntEnum):
    """Why a stored report does not count; the numbers are the contract's."""

    HOST_HELD = 1
    REPLAY_METER = 2
    BEFORE_ENROLMENT = 3
    OVERLAP = 4
    BEYOND_SKEW = 5
    COUNTERS = 6
    EPOCH_LIMIT = 7
    DESCRIPTION = 8
    CADENCE = 9


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason; `detail` is for a person, empty when accepted."""

    verdict: Verdict
    reason: QuarantineReason | None = None
    detail: str = ""

    @property
    def stores(self) -> bool:
        """The report is kept and consumes its sequence."""
        return self.verdict in (Verdict.ACCEPTED, Verdict.QUARANTINED)


ACCEPTED: Final = Judgement(Verdict.ACCEPTED)


class Standing(Protocol):
    """What the rules must know of the host that sends."""

    @property
    def host_id(self) -> str:
        """Its identity."""

    @property
    def enrolled_utc_ms(self) -> int:
        """When it was enrolled."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a host's chain, as the next report must follow it.

    Attributes:
        counted_until_utc_ms: end of the latest label that is counted.
        slots: which device stands behind a slot.
        epochs_opened_utc_ms: when epochs above 1 were opened, as far as the limit looks back.
    """

    head: Head = NO_HEAD
    boot_id: bytes = b""
    segment_number: int = 0
    anchor_utc_ms: int = 0
    end_boottime_ms: int = 0
    counted_until_utc_ms: int = 0
    counters: dict[int, Counters] | None = None
    slots: dict[int, str] | None = None
    epochs_opened_utc_ms: tuple[int, ...] = ()


def judge_link(place: Place, report: ReportFacts, tail: Tail) -> Judgement | None:
    """What the chain alone says of a report that does not follow it; None when it does.

    `Place.BEHIND` is not decided here: it takes the stored report at that place (`judge_behind`).
    """
    head = tail.head
    if place is Place.AHEAD:
        return Judgement(
            Verdict.GAP,
            detail=f"epoch {report.epoch} sequence {report.sequence} is ahead; the server holds"
            f" epoch {head.epoch} sequence {head.sequence}: send from there",
        )
    if place is Place.BROKEN:
        return Judgement(
            Verdict.REJECTED,
            detail=f"sequence {report.sequence} names another report before it than the server"
            f" holds at epoch {head.epoch} sequence {head.sequence}; open epoch {head.epoch + 1}",
        )
    fault = _axis_fault(place, report, tail)
    return Judgement(Verdict.REJECTED, detail=fault) if fault else None


def judge_behind(report: ReportFacts, stored_sha256: bytes | None, head: Head) -> Judgement:
    """A report whose place is taken: the same again, a fork, or of an epoch that has ended."""
    if stored_sha256 is None:
        return Judgement(
            Verdict.REJECTED,
            detail=f"epoch {report.epoch} ended before sequence {report.sequence}; the server is at"
            f" epoch {head.epoch}",
        )
    if stored_sha256 == report.sha256:
        return Judgement(Verdict.DUPLICATE, detail="already stored")
    return Judgement(
        Verdict.FORK,
        detail=f"epoch {report.epoch} sequence {report.sequence} is taken by another report;"
        " the host is held until two officers release it",
    )


def judge_content(
    report: ReportFacts,
    sums: Sums,
    tail: Tail,
    standing: Standing,
    *,
    held: bool,
    demo: bool,
    now_utc_ms: int,
) -> Judgement:
    """Whether a report that follows its chain counts; overlap is left to `judge_overlap`.

    The first reason that applies is the one receipted, in this order: held host, replay meter,
    before enrolment, beyond skew, too many epochs, cadence, counters.
    """
    if held:
        return _quarantined(QuarantineReason.HOST_HELD, "the host is held")
    if not demo:
        if report.replayed:
            return _quarantined(
                QuarantineReason.REPLAY_METER, "a replay meter does not count on this server"
            )
        if report.start_utc_ms + limits.FUTURE_SKEW_MS_MAX < standing.enrolled_utc_ms:
            return _quarantined(
                QuarantineReason.BEFORE_ENROLMENT, "it speaks of time before the host was enrolled"
            )
    if report.end_utc_ms > now_utc_ms + limits.FUTURE_SKEW_MS_MAX:
        ahead = report.end_utc_ms - now_utc_ms
        return _quarantined(
            QuarantineReason.BEYOND_SKEW, f"it ends {ahead} ms after the server's clock"
        )
    if report.opening is not None:
        recent = [at for at in tail.epochs_opened_utc_ms if at > now_utc_ms - DAY_MS]
        if len(recent) >= limits.EPOCHS_PER_DAY_MAX:
            return _quarantined(
                QuarantineReason.EPOCH_LIMIT,
                f"{len(recent)} epochs were opened within 24 hours before this one",
            )
    fault = _cadence_fault(report)
    if fault:
        return _quarantined(QuarantineReason.CADENCE, fault)
    fault = _counters_fault(report, sums, tail)
    return _quarantined(QuarantineReason.COUNTERS, fault) if fault else ACCEPTED


def judge_overlap(hardware_id: str) -> Judgement:
    """A report whose label covers time of a device that is already counted."""
    return _quarantined(
        QuarantineReason.OVERLAP, f"time of device {hardware_id} is already counted"
    )


def judge_description(known: DeviceDescription, said: DeviceDescription) -> Judgement | None:
    """A report that describes a device otherwise than what counts of it; None when it does not.

    Model and share price every minute of a device, so the first report of it that counts settles
    them: a later one could otherwise raise the price of time that is long reported.
    """
    for name in SETTLED:
        if getattr(known, name) != getattr(said, name):
            # What stands is not told: it may be another party's host that said it.
            return _quarantined(
                QuarantineReason.DESCRIPTION,
                f"{name} of device {said.hardware_id} is not what already counts of it",
            )
    return None


def follow(tail: Tail, report: ReportFacts, judgement: Judgement, now_utc_ms: int) -> Tail:
    """The tail after a report that was stored."""
    counted_until = tail.counted_until_utc_ms
    if judgement.verdict is Verdict.ACCEPTED:
        counted_until = max(counted_until, report.end_utc_ms)
    opened = tail.epochs_opened_utc_ms
    if report.opening is not None:
        opened = (*(at for at in opened if at > now_utc_ms - DAY_MS), now_utc_ms)
    slots = dict(tail.slots or {})
    for span in report.devices:
        slots[span.slot] = span.device.hardware_id
    return Tail(
        head=Head(report.epoch, report.sequence, report.sha256),
        boot_id=report.boot_id,
        segment_number=report.segment_number,
        anchor_utc_ms=report.anchor_utc_ms,
        end_boottime_ms=report.end_boottime_ms,
        counted_until_utc_ms=counted_until,
        counters=report.counters,
        slots=slots,
        epochs_opened_utc_ms=opened,
    )


def counted(tail: Tail, until_utc_ms: int) -> Tail:
    """The tail after a quarantined report was restored."""
    return replace(tail, counted_until_utc_ms=max(tail.counted_until_utc_ms, until_utc_ms))


def _axis_fault(place: Place, report: ReportFacts, tail: Tail) -> str:
    """Why a report cannot follow the tail on the axis of its boot; empty when it can."""
    if report.boot_id != tail.boot_id or place is Place.OPENS_EPOCH:
        return ""
    if report.segment_number < tail.segment_number:
        return f"segment {report.segment_number} follows {tail.segment_number}"
    if report.segment_number > tail.segment_number:
        if report.start_boottime_ms < tail.end_boottime_ms:
            return (
                f"segment {report.segment_number} begins at boottime {report.start_boottime_ms},"
                f" before {tail.end_boottime_ms}, which is already reported"
            )
        return ""
    if report.anchor_utc_ms != tail.anchor_utc_ms:
        return f"segment {report.segment_number} changed its anchor"
    if report.start_boottime_ms != tail.end_boottime_ms:
        return (
            f"it starts at boottime {report.start_boottime_ms}; the report before ended at"
            f" {tail.end_boottime_ms}"
        )
    return ""


def _cadence_fault(report: ReportFacts) -> str:
    """Why a meter's looks lie too far apart to count; empty when they do not.

    The gap limit follows from the cadence: a slow meter's word counts for time in which nobody
    looked.
    """
    for kind, cadence_ms in report.meters:
        replayed = kind == MeterKind.REPLAY
        most_ms = limits.CADENCE_MS_MAX if replayed else limits.LIVE_CADENCE_MS_MAX
        if not 0 < cadence_ms <= most_ms:
            return f"a meter's cadence of {cadence_ms} ms is not from 1 to {most_ms}"
    return ""


def _counters_fault(report: ReportFacts, sums: Sums, tail: Tail) -> str:
    """Why the running totals do not follow; empty when they do.

    A new epoch states its totals anew: what was lost cannot be added up.
    """
    for slot in sums.by_slot:
        if slot not in report.counters:
            return f"slot {slot} has a block and no counters"
    if report.opening is not None:
        return ""
    before = tail.counters or {}
    slots = tail.slots or {}
    for span in report.devices:
        known = slots.get(span.slot, span.device.hardware_id)
        if known != span.device.hardware_id:
            return f"slot {span.slot} was {known} and is now {span.device.hardware_id}"
    for slot, counters in before.items():
        if slot not in report.counters:
            return f"the counters of slot {slot} are missing (they stood at {counters})"
    for slot, counters in report.counters.items():
        stood = before.get(slot, NO_COUNTERS)
        added = sums.by_slot.get(slot, NO_COUNTERS)
        expected = (
            stood[0] + added[0],
            stood[1] + added[1],
            stood[2] + added[2],
            stood[3] + added[3],
            stood[4] + added[4],
            stood[5] + added[5],
        )
        if counters != expected:
            return f"the counters of slot {slot} say {counters}; they follow to {expected}"
    return ""


def _quarantined(reason: QuarantineReason, detail: str) -> Judgement:
    return Judgement(Verdict.QUARANTINED, reason, detail)

"""The lowest steps of a trail: a device-hour, one minute of it, the readings and their reports.

A reading is read back from the stored bytes of its report, never from the projection it became; if
both do not say the same, the trail says so. What counts is what counted at the statement's cut-off;
a report that came or was restored later stands below it, marked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Any, Final

from kashi.v1 import metering_pb2

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS
from kashi_server.domain.minute_text import utc_ms_text
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.tariff import Basis
from kashi_server.domain.trail import Fact, TrailStep
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES, DeviceHour, Quantities
from kashi_server.services.facts_port import StoredReport
from kashi_server.services.opening import read_bytes
from kashi_server.services.projection import hours_of
from kashi_server.services.trail_port import ExplainingUnit
from kashi_server.services.trail_then import CutOff

READING_RULE: Final = "docs/metering.md: a reading belongs to the UTC minute in which it starts"
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One device on one host in one UTC minute, of a rated line."""

    line: Data
    minute: int

    @property
    def hardware_id(self) -> str:
        """The device."""
        return str(self.line["hardware_id"])

    @property
    def host_id(self) -> str:
        """The host that reported it; of a stated line its site."""
        return str(self.line["host_id"])

    @property
    def hour(self) -> int:
        """The UTC hour since 1970."""
        return self.minute // MINUTES_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A counted report with readings of the hour, and whether it counted at the cut-off."""

    report: StoredReport
    hour: DeviceHour
    then: bool


def minute_steps(unit: ExplainingUnit, place: Place, cut_off: CutOff) -> Iterator[TrailStep]:
    """Device-hour, minute, and each report that tells of it with its receipt and log place."""
    told = [*_telling(unit, place, cut_off)]
    known = [one for one in told if one.then]
    held = _held(unit, place)
    yield _hour_step(place, known)
    yield _minute_step(place, held, told)
    for one in told:
        if one.hour.minute(place.minute) != Quantities():
            yield _report_step(unit, place, one)


def _held(unit: ExplainingUnit, place: Place) -> Quantities:
    """The minute as the tables of today have it."""
    for one in unit.facts.device_hours([place.hardware_id], place.minute, place.minute + 1):
        if one.host_id == place.host_id and one.hour == place.hour:
            return one.minute(place.minute)
    return Quantities()


def _telling(unit: ExplainingUnit, place: Place, cut_off: CutOff) -> Iterator[_Told]:
    """Counted reports with a reading of the hour, and what each says of it."""
    start_utc_ms = place.hour * HOUR_MS
    # A reading is labelled by the minute in which it starts: its report may begin before.
    for report in unit.facts.counted_within(place.host_id, start_utc_ms, start_utc_ms + HOUR_MS):
        for hour in hours_of([read_bytes(report.wire)]).values():
            if (hour.hardware_id, hour.hour) == (place.hardware_id, place.hour):
                yield _Told(report=report, hour=hour, then=cut_off.counted(report))


def _sum(told: Sequence[_Told], minute: int | None = None) -> Quantities:
    found = (one.hour.total() if minute is None else one.hour.minute(minute) for one in told)
    return sum(found, Quantities())


def _hour_step(place: Place, known: Sequence[_Told]) -> TrailStep:
    total = _sum(known)
    return TrailStep(
        kind="device_hour",
        zh="设备小时",
        en="device-hour",
        facts={
            "hardware_id": place.hardware_id,
            "host_id": place.host_id,
            "hour": shanghai_text(place.hour * MINUTES_PER_HOUR),
            **{name: getattr(total, name) for name in QUANTITY_NAMES},
        },
        follows="the line's observed time = sum of its device's minutes in [start, end)",
        follows_zh="计费行的已观测时间 = 该设备在 [起, 止) 内各分钟之和",
        source="docs/metering.md",
    )


def _minute_step(place: Place, held: Quantities, told: Sequence[_Told]) -> TrailStep:
    then = _sum([one for one in told if one.then], place.minute)
    later = held.observed_ms - then.observed_ms
    return TrailStep(
        kind="minute",
        zh="分钟",
        en="minute",
        facts={
            "minute": shanghai_text(place.minute),
            **{name: getattr(then, name) for name in QUANTITY_NAMES},
            "gap_ms": max(0, MINUTE_MS - then.observed_ms),
            "reports": sum(1 for one in told if one.hour.minute(place.minute) != Quantities()),
            "reports_agree": held == _sum(told, place.minute),
            "changed_since": f"observed_ms {then.observed_ms} → {held.observed_ms}"
            if later
            else None,
            "earns_yuan": _earns(place.line, then),
        },
        follows="observed + gap = 60000 ms; what nobody observed stays a gap;"
        " what it earns is uncut: the fen is cut once, for the whole line",
        follows_zh="已观测 + 缺口 = 60000 毫秒；无人观测者仍为缺口；所得未截断：仅整行截断一次",
        source=READING_RULE,
    )


def _earns(line: Data, told: Quantities) -> Fact:
    """What the minute adds to its line; None where the line bills no minute by itself."""
    price, share = line["price_yuan_per_card_hour"], line["share"]
    if line["basis"] != Basis.LEASED_OBSERVED or price is None or share is None:
        return None
    if not line["billed_ms"]:
        return "0"
    return decimal_text(Fraction(share) * Fraction(price) * told.observed_ms / HOUR_MS)


def _report_step(unit: ExplainingUnit, place: Place, told: _Told) -> TrailStep:
    report, quantities = told.report, told.hour.minute(place.minute)
    payload = metering_pb2.Receipt.FromString(report.receipt).payload
    said = metering_pb2.ReceiptPayload.FromString(payload)
    index = unit.log.index_of_report(report.host_id, report.epoch, report.sequence)
    return TrailStep(
        kind="report",
        zh="主机报告与回执",
        en="report and receipt",
        facts={
            "host_id": report.host_id,
            "epoch": report.epoch,
            "sequence": report.sequence,
            "start": utc_ms_text(report.start_utc_ms),
            "end": utc_ms_text(report.end_utc_ms),
            "sha256": report.sha256.hex(),
            **{f"reading_{name}": getattr(quantities, name) for name in QUANTITY_NAMES},
            "received_at": utc_ms_text(report.received_utc_ms),
            "after_cut_off": None if told.then else True,
            "receipt_verdict": metering_pb2.Verdict.Name(said.verdict),
            "receipt_names_it": said.report_sha256 == report.sha256,
            "receipt_sha256": sha256(report.receipt).hexdigest(),
            "log_index": index,
        },
        follows=(
            f"signed by the host, chained, receipted; in the bundle: reports/{place.host_id}.bin"
        ),
        follows_zh=f"由主机签名并成链，附回执；证据包中 reports/{place.host_id}.bin",
        source="docs/certificate.md §5, §6",
    )

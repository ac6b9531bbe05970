"""Where the stored projections of a host are not what its stored reports add up to."""

from collections.abc import Generator
from contextlib import closing
from typing import Final, Protocol

from kashi_server.domain.interval import instant_of
from kashi_server.domain.summed_time import DAYS, HOURS
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES, DeviceHour
from kashi_server.errors import StorageError
from kashi_server.services.facts_port import StoredProjection, StoredReport
from kashi_server.services.opening import read_bytes
from kashi_server.services.projection import HourKey, Hours, add_report

OBSERVED: Final = QUANTITY_NAMES.index("observed_ms")


class ProjectedFacts(Protocol):
    """What is asked of the facts."""

    def stream(self, host_id: str) -> Generator[StoredReport, None, None]:
        """All stored reports of a host in the order of their chain; to be closed."""

    def projection(self, host_id: str) -> StoredProjection:
        """The projections of a host as they are stored."""


def projection_difference(
    facts: ProjectedFacts, host_id: str, expected: StoredProjection
) -> str | None:
    """The first place where the stored projections differ from what they must be."""
    try:
        stored = facts.projection(host_id)
    except StorageError as damaged:
        return str(damaged)
    if stored.held.head != expected.held.head:
        has_head, last = stored.held.head, expected.held.head
        return (
            f"所记链头为第 {has_head.epoch} 纪元第 {has_head.sequence} 号，与末份报告"
            f"（第 {last.epoch} 纪元第 {last.sequence} 号）不符。"
            f"the head is {has_head}; the last report is {last}"
        )
    if stored.held.counted_until_utc_ms != expected.held.counted_until_utc_ms:
        return (
            f"所记计入截止时刻为 {stored.held.counted_until_utc_ms}，按报告应为"
            f" {expected.held.counted_until_utc_ms}。"
            f"counted until {stored.held.counted_until_utc_ms}; the reports say"
            f" {expected.held.counted_until_utc_ms}"
        )
    marked = sorted(stored.counted ^ expected.counted)
    if marked:
        epoch, sequence = marked[0]
        return (
            f"第 {epoch} 纪元第 {sequence} 号报告：是否计入标记有误。"
            f"epoch {epoch} sequence {sequence}: counted or not is marked wrongly"
        )
    for what_zh, what, has, must in (
        ("缺口", "gap", stored.gaps, expected.gaps),
        ("所述事实", "stated fact", stored.facts, expected.facts),
    ):
        if has != must:
            place = min(key for key in has.keys() | must.keys() if has.get(key) != must.get(key))
            (epoch, sequence), ordinal = place
            return (
                f"第 {epoch} 纪元第 {sequence} 号报告的{what_zh} {ordinal} 不符。"
                f"{what} {ordinal} of epoch {epoch} sequence {sequence} differs"
            )
    if stored.first_utc_ms != expected.first_utc_ms:
        return (
            f"设备起始时刻为 {stored.first_utc_ms}，应为 {expected.first_utc_ms}。"
            f"devices begin at {stored.first_utc_ms}; they must be {expected.first_utc_ms}"
        )
    for hardware_id, described in sorted(stored.described.items()):
        if described[0] not in expected.described[hardware_id]:
            return (
                f"设备 {hardware_id} 的描述与任何计入的报告都不同：{described[0]}。"
                f"device {hardware_id} is described as no counted report does: {described[0]}"
            )
    waiting = _waiting(facts, host_id, stored)
    return _hours_difference(stored, waiting, expected.hours) or _days_difference(stored)


def _waiting(facts: ProjectedFacts, host_id: str, stored: StoredProjection) -> Hours:
    """What counts and is not written to device-hours yet."""
    hours: Hours = {}
    with closing(facts.stream(host_id)) as stream:
        for report in stream:
            place = (report.epoch, report.sequence)
            if place > stored.held.projected and place in stored.counted:
                add_report(hours, read_bytes(report.wire))
    return hours


def _hours_difference(stored: StoredProjection, waiting: Hours, expected: Hours) -> str | None:
    for key in sorted(stored.hours.keys() | waiting.keys() | expected.keys()):
        hardware_id, number = key
        empty = DeviceHour(hardware_id=hardware_id, host_id="", hour=number)
        written, more = stored.hours.get(key, empty), waiting.get(key, empty)
        rebuilt = expected.get(key, empty)
        for name, has, adds, must in zip(
            QUANTITY_NAMES, written.columns, more.columns, rebuilt.columns, strict=True
        ):
            for place in range(MINUTES_PER_HOUR):
                if has[place] + adds[place] != must[place]:
                    instant = instant_of(number * MINUTES_PER_HOUR + place).isoformat()
                    return (
                        f"设备 {hardware_id} 分钟 {instant}：{name} 为"
                        f" {has[place] + adds[place]}，报告合计为 {must[place]}。"
                        f"device {hardware_id} minute {instant}: {name} is"
                        f" {has[place] + adds[place]}, the reports add up to {must[place]}"
                    )
        if key in stored.totals and stored.totals[key] != tuple(map(sum, written.columns)):
            return (
                f"设备 {hardware_id} 小时 {number}：合计不是各分钟之和。"
                f"device {hardware_id} hour {number}: the totals are not the minutes' sums"
            )
        # Not noted is no difference: closing then reads the minutes.
        if stored.peaks_ms.get(key) not in (None, max(written.columns[OBSERVED])):
            return (
                f"设备 {hardware_id} 小时 {number}：所记最满的一分钟有误。"
                f"device {hardware_id} hour {number}: the fullest minute is noted as another"
            )
    return None


def _days_difference(stored: StoredProjection) -> str | None:
    """The first day that is not the sum of the hours that are written."""
    hours: dict[tuple[str, int], list[HourKey]] = {}
    for hardware_id, number in stored.hours:
        day = DAYS.of(HOURS.start(number))
        hours.setdefault((hardware_id, day), []).append((hardware_id, number))
    for key in sorted(hours.keys() | stored.days.keys()):
        sums, peak_ms = stored.days.get(key, ((), None))
        of_day = hours.get(key, [])
        if sums != tuple(map(sum, zip(*(stored.totals[one] for one in of_day), strict=True))):
            return (
                f"设备 {key[0]} 第 {key[1]} 日：合计不是其各小时之和。"
                f"device {key[0]} day {key[1]}: the sums are not those of its hours"
            )
        if peak_ms not in (None, max(max(stored.hours[one].columns[OBSERVED]) for one in of_day)):
            return (
                f"设备 {key[0]} 第 {key[1]} 日：所记最满的一分钟有误。"
                f"device {key[0]} day {key[1]}: the fullest minute is noted as another"
            )
    return None

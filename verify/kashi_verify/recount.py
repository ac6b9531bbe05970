"""Step 13: the minutes of the revealed blocks add up to every line and day, exactly.

A reading belongs to the UTC minute in which it starts: (anchor + block start + offset) / 60 000,
rounded down. Only counted reports count. Beside it, each device's running totals in the signed
headers must grow by what its blocks say, so no block between two neighbours can be left out. What a
provider states is billed for no minute that any host observed of the same device.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kashi_verify import reports, wire
from kashi_verify.arithmetic import span_ms
from kashi_verify.bundle import Bundle
from kashi_verify.day_sums import Counted, check_days, day_of
from kashi_verify.detail import Detail, report_named
from kashi_verify.devices import RevealedDevices
from kashi_verify.findings import CheckFailed, Findings
from kashi_verify.receipts import Receipted
from kashi_verify.spelling import measured_device, stated_device

Data = Mapping[str, Any]
_MINUTE_MS: Final = 60_000
_DEVICE_BLOCK: Final = 1
# Field numbers of a reading and the names of a statement's quantities.
_QUANTITIES: Final = (
    (3, "observed_ms"),
    (4, "held_known_ms"),
    (5, "held_ms"),
    (6, "utilisation_known_ms"),
    (7, "active_ms"),
    (8, "utilised_ns"),
    (9, "unattributed_ms"),
)
_UTILISED_NS: Final = 8
_HELD: Final = 2
_UTILISED: Final = 5
# Places among the quantities above of what a header's counters total (their fields 2, 4, 5, 6).
_COUNTED: Final = ((2, 0), (4, 2), (5, 4), (6, 5))


class Recount:
    """Adds up readings line by line."""

    def __init__(self, lines: Sequence[Data]) -> None:
        self.sums = [[0] * len(_QUANTITIES) for _ in lines]
        self.measured = [False] * len(lines)
        """Lines that bill what a provider stated, and a host observed their device meanwhile."""
        self.days: list[dict[int, Counted]] = [{} for _ in lines]
        self._spans: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        self._stated: dict[str, list[tuple[int, int, int]]] = {}
        for place, line in enumerate(lines):
            start_ms, end_ms = span_ms(line)
            span = (start_ms // _MINUTE_MS, end_ms // _MINUTE_MS, place)
            self._spans.setdefault((line["hardware_id"], line["host_id"]), []).append(span)
            if "stated" in line and line["billed_ms"]:
                self._stated.setdefault(stated_device(line), []).append(span)
        for spans in (*self._spans.values(), *self._stated.values()):
            spans.sort()

    def add(self, host_id: str, anchor_ms: int, block: wire.Message) -> list[int]:
        """Add a device block; returns what the whole block totals."""
        hardware_id = device_of(block)
        start_ms = anchor_ms + wire.integer(block, 3)
        spans = self._spans.get((hardware_id, host_id), [])
        stated = self._stated_of(hardware_id)
        totals = [0] * len(_QUANTITIES)
        for content in wire.repeated(block, 5):
            reading = wire.read_message(content)
            found = [_quantity(reading, number) for number, _ in _QUANTITIES]
            minute = (start_ms + wire.integer32(reading, 1)) // _MINUTE_MS
            place, beside = _line_of(spans, minute), _line_of(stated, minute)
            if beside is not None and found[0]:
                self.measured[beside] = True
            for index, value in enumerate(found):
                totals[index] += value
                if place is not None:
                    self.sums[place][index] += value
            if place is not None:
                self._add_to_day(place, minute, found)
        return totals

    def _stated_of(self, hardware_id: str) -> list[tuple[int, int, int]]:
        names = measured_device(hardware_id)
        return sorted(span for name in names for span in self._stated.get(name, ()))

    def _add_to_day(self, place: int, minute: int, found: Sequence[int]) -> None:
        day = self.days[place].setdefault(day_of(minute * _MINUTE_MS), Counted())
        day.observed_ms += found[0]
        day.held_ms += found[_HELD]
        day.utilised_ns += found[_UTILISED]

    def covers(
        self, host_id: str, start_utc_ms: int, end_utc_ms: int, hardware_id: str | None = None
    ) -> bool:
        """Whether a line, of this device if one is named, speaks of this time on the host."""
        start, end = start_utc_ms // _MINUTE_MS, -(-end_utc_ms // _MINUTE_MS)
        return any(
            low < end and start < high
            for (device, on_host), spans in self._spans.items()
            if on_host == host_id and hardware_id in (None, device)
            for low, high, _ in spans
        )


def device_of(block: wire.Message) -> str:
    """The hardware id a device block speaks of."""
    return wire.text(wire.inner(block, 2), 2)


def _quantity(reading: wire.Message, number: int) -> int:
    # All but the nanoseconds of utilisation are 32 bits wide.
    read = wire.integer if number == _UTILISED_NS else wire.integer32
    return read(reading, number)


def _line_of(spans: Sequence[tuple[int, int, int]], minute: int) -> int | None:
    at = bisect_right(spans, minute, key=lambda span: span[0]) - 1
    if at < 0 or minute >= spans[at][1]:
        return None
    return spans[at][2]


def check_recount(
    bundle: Bundle,
    evidence: Data,
    statement: Data,
    said: Receipted,
    findings: Findings,
) -> None:
    """Add every counted report up and compare with the lines.

    Raises:
        CheckFailed: a line's or a day's quantity differs, a device's totals do not follow, or a
            device is another than the statement says.
    """
    lines, demo = statement["lines"], statement["statement"]["demo"]
    recount = Recount(lines)
    devices = RevealedDevices(statement["devices"], lines, findings, demo=demo)
    for host in evidence["hosts"]:
        _HostRecount(host["host_id"], recount, devices, said.counted, findings).run(bundle)
    devices.check_spans()
    for line, sums, measured in zip(lines, recount.sums, recount.measured, strict=True):
        if "stated" in line:
            # A provider stated this line and both sides signed: no host reported it.
            place = line["line"]
            what = f"第 {place} 行。Line {place}: {line['hardware_id']}, {line['evidence_level']}"
            findings.flag("stated_by_provider", what)
            if measured or any(sums):
                raise CheckFailed(
                    f"第 {line['line']} 行是声明的，而报告讲述了它的时间。"
                    f"Line {line['line']} is stated, and reports tell of its time"
                )
            continue
        for (_, name), found in zip(_QUANTITIES, sums, strict=True):
            stated = line["quantities"][name]
            if found != stated:
                raise CheckFailed(
                    f"第 {line['line']} 行：{name} 为 {stated}；所签报告合计为 {found}。"
                    f"Line {line['line']}: {name} is {stated}; the signed reports add up to {found}"
                )
    of_days = zip(lines, recount.days, strict=True)
    check_days(statement, [None if "stated" in line else days for line, days in of_days])


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a report stands: epoch, sequence, and the labels it spans in UTC milliseconds."""

    epoch: int
    sequence: int
    start_utc_ms: int
    end_utc_ms: int


class _HostRecount:
    """Goes through one host's reports in order."""

    def __init__(
        self,
        host_id: str,
        recount: Recount,
        devices: RevealedDevices,
        counted: frozenset[tuple[str, int, int]],
        findings: Findings,
    ) -> None:
        self._host_id = host_id
        self._recount = recount
        self._devices = devices
        self._slots: dict[int, str] = {}
        self._counted = counted
        self._findings = findings

    def run(self, bundle: Bundle) -> None:
        """Add every report; watch the totals of neighbours and what is missing between others."""
        before: _Place | None = None
        totals_before: dict[int, wire.Message] = {}
        for message in bundle.messages(f"reports/{self._host_id}.bin"):
            parsed = reports.parse(message)
            anchor_ms = wire.signed(wire.inner(parsed.header, 3), 2)
            place = _Place(
                wire.integer(parsed.header, 4),
                wire.integer(parsed.header, 5),
                anchor_ms + wire.integer(parsed.header, 7),
                anchor_ms + wire.integer(parsed.header, 8),
            )
            totals = _counters(parsed.header)
            follows = before is not None and (before.epoch, before.sequence + 1) == (
                place.epoch,
                place.sequence,
            )
            if before is not None and not follows:
                self._flag_missing(before, place)
            self._add(parsed, anchor_ms, place, (totals_before, totals) if follows else None)
            before, totals_before = place, totals

    def _add(
        self,
        parsed: reports.Parsed,
        anchor_ms: int,
        place: _Place,
        totals: tuple[dict[int, wire.Message], dict[int, wire.Message]] | None,
    ) -> None:
        counts = (self._host_id, place.epoch, place.sequence) in self._counted
        target = self._recount if counts else Recount(())
        name = report_named(self._host_id, place.epoch, place.sequence)
        shown: set[int] = set()
        for block in parsed.blocks:
            content = wire.octets(block, 3)
            if not content or wire.integer32(block, 1) != _DEVICE_BLOCK:
                continue
            device = wire.read_message(content)
            added = target.add(self._host_id, anchor_ms, device)
            slot = wire.integer32(device, 1)
            shown.add(slot)
            self._slots[slot] = device_of(device)
            if counts:
                boot_id = wire.octets(parsed.header, 2)
                self._devices.add(self._host_id, boot_id, anchor_ms, device)
            if totals is not None:
                _check_growth(name, slot, totals, added)
        if totals is not None and counts:
            self._flag_withheld(name, place, totals, shown)

    def _flag_withheld(
        self,
        name: Detail,
        place: _Place,
        totals: tuple[dict[int, wire.Message], dict[int, wire.Message]],
        shown: set[int],
    ) -> None:
        """A device's totals grow and its block is not shown, though a line speaks of its time."""
        earlier, later = totals
        for slot, hardware_id in self._slots.items():
            if slot in shown or not _grew(earlier.get(slot), later.get(slot)):
                continue
            span = (place.start_utc_ms, place.end_utc_ms)
            if self._recount.covers(self._host_id, *span, hardware_id):
                self._findings.flag(
                    "block_withheld",
                    f"{name.zh}：其中设备 {hardware_id} 的内容未出示；该段时间在此为缺口。"
                    f"{name.en}: what it says of device {hardware_id} is not shown; that time is "
                    "a gap here",
                )

    def _flag_missing(self, before: _Place, place: _Place) -> None:
        """Reports between two others are not here: worth a word where a line covers their time."""
        if self._recount.covers(self._host_id, before.end_utc_ms, place.start_utc_ms):
            host = self._host_id
            first = f"{before.epoch}-{before.sequence}"
            last = f"{place.epoch}-{place.sequence}"
            self._findings.flag(
                "reports_missing",
                f"主机 {host}：报告 {first} 与 {last} 之间没有出示；该段时间为缺口。Host {host}: "
                f"nothing is shown between reports {first} and {last}; that time is a gap",
            )


def _counters(header: wire.Message) -> dict[int, wire.Message]:
    found = [wire.read_message(content) for content in wire.repeated(header, 12)]
    return {wire.integer32(counters, 1): counters for counters in found}


def _grew(earlier: wire.Message | None, later: wire.Message | None) -> bool:
    """Something was observed between two reports."""
    return wire.integer(later or {}, 2) > wire.integer(earlier or {}, 2)


def _check_growth(
    name: Detail,
    slot: int,
    totals: tuple[dict[int, wire.Message], dict[int, wire.Message]],
    added: Sequence[int],
) -> None:
    earlier, later = (held.get(slot) for held in totals)
    if later is None:
        raise CheckFailed(f"{name.zh}：槽位 {slot} 没有累计。{name.en}: slot {slot} has no totals")
    for number, index in _COUNTED:
        grown = wire.integer(later, number) - (wire.integer(earlier, number) if earlier else 0)
        if grown != added[index]:
            what = _QUANTITIES[index][1]
            raise CheckFailed(
                f"{name.zh}：槽位 {slot} 的 {what} 增加 {grown}；其区块为 {added[index]}。"
                f"{name.en}: {what} of slot {slot} grew by {grown}; its block says {added[index]}"
            )

"""Gap time that a rule counts, in columns of its own: never part of what was observed.

`gap_policy` of the rules in force over a line says what counts: *none* (also where it is unknown)
nothing; *continuity* what lies inside gaps across which driver epoch and holders stayed the same;
*officer* that, and what officers accepted of parties' explanations. Whatever is counted twice over
is counted once, continuity first; so continuity + officer <= gap, in every line.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from kashi_server.domain.device import GapReason, ReportedGap
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.gap_explanation import GapExplanation
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.line_gap import GapCounted, LineGap
from kashi_server.domain.rating import RatedLine, Rating
from kashi_server.domain.rules import RulesVersion

POLICY: Final = "gap_policy"
BROKEN: Final = frozenset(
    {
        *(GapReason.DEVICE_LOST, GapReason.SUSPENDED, GapReason.RELEASED),
        *(GapReason.BETWEEN_BOOTS, GapReason.SILENT),
    }
)
"""Gaps across which nothing went on: the device, the machine or its boot was not there, or it was
left alone to be reset or partitioned anew; and those of which no report says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapBook:
    """What is known of gaps: what hosts reported, and what officers accepted.

    `explained` are accepted explanations only.
    """

    times: Mapping[str, DeviceTime]
    gaps: Sequence[ReportedGap]
    explained: Sequence[GapExplanation] = ()


def continuous(gap: ReportedGap) -> bool:
    """The reports speak for use across it: the same driver epoch and the same holders, both known;
    what is unknown speaks for nothing."""
    return gap.same_driver is True and gap.same_holders is True and gap.reason not in BROKEN


def with_gaps(rating: Rating, rules: Iterable[RulesVersion], book: GapBook) -> Rating:
    """The rating with what is known of each line's gaps, and what the rules count of them."""
    lines = tuple(line.counted(policy) for line, policy in _with_policies(rating, rules, book))
    return replace(rating, lines=lines)


def counted_stretches(
    rating: Rating, rules: Iterable[RulesVersion], book: GapBook
) -> Iterator[tuple[RatedLine, Interval]]:
    """The whole minutes that hold what the rules count of lines' gaps, each with its line."""
    for line, policy in _with_policies(rating, rules, book):
        for stretch in line.stretches(policy):
            yield line.rated, stretch


def _with_policies(
    rating: Rating, rules: Iterable[RulesVersion], book: GapBook
) -> Iterator[tuple["_Line", str]]:
    policies = {version.sha256: _policy(version) for version in rules}
    by_place: dict[tuple[str, str], list[ReportedGap]] = {}
    for gap in book.gaps:
        by_place.setdefault((gap.hardware_id, gap.host_id), []).append(gap)
    explained: dict[tuple[str, str], list[GapExplanation]] = {}
    for one in book.explained:
        explained.setdefault((one.hardware_id, one.host_id), []).append(one)
    runs = _runs(rating.lines)
    for place, line in enumerate(rating.lines):
        known = _Line(
            line,
            runs[place],
            by_place.get((line.hardware_id, line.standing.host_id), ()),
            explained.get((line.hardware_id, line.standing.host_id), ()),
            book.times.get(line.hardware_id),
        )
        yield known, policies.get(line.standing.rules_sha256 or "", "none")


def counts_on_officers(rules: Iterable[RulesVersion], interval: Interval) -> bool:
    """A version of rules that holds in an interval counts gaps on officers' word."""
    return any(
        version.in_force.overlap(interval) is not None and _policy(version) == "officer"
        for version in rules
    )


def _policy(version: RulesVersion) -> str:
    value = version.parameter(POLICY).value
    return value if isinstance(value, str) else "none"


def _runs(lines: Sequence[RatedLine]) -> dict[int, Interval]:
    """For each line, by its place: the stretch around it with the same device, host and contract.

    What is known across a gap concerns whoever had the device on both sides of it, and a gap that
    reaches beyond the run is nobody's alone.
    """
    ordered = sorted(range(len(lines)), key=lambda at: (lines[at].hardware_id, lines[at].start))
    groups: list[list[int]] = []
    for at in ordered:
        before = lines[groups[-1][-1]] if groups else None
        if before is not None and _continues(before, lines[at]):
            groups[-1].append(at)
        else:
            groups.append([at])
    return {
        at: Interval(lines[group[0]].start, lines[group[-1]].end)
        for group in groups
        for at in group
    }


def _continues(before: RatedLine, after: RatedLine) -> bool:
    def held(line: RatedLine) -> tuple[object, ...]:
        at = line.standing
        return line.hardware_id, at.host_id, at.contract_id, at.party_id, line.stated is None

    return held(before) == held(after) and before.end == after.start


@dataclass(frozen=True, slots=True)
class _Kind:
    """What gaps of a line are alike in."""

    reason: GapReason
    same_driver: bool | None
    same_holders: bool | None
    counted_as: GapCounted | None
    explanations: tuple[str, ...]

    @property
    def silent(self) -> bool:
        """Nothing is known of them, and nobody explained them."""
        return self.same_driver is None and self.same_holders is None and not self.explanations

    def summed(self, found: Sequence[tuple[int, int | None]]) -> LineGap:
        """Gaps of this kind, from their spans and energies."""
        known = [energy_mj for _span_ms, energy_mj in found if energy_mj is not None]
        return LineGap(
            reason=self.reason.name.lower(),
            count=len(found),
            span_ms=sum(span_ms for span_ms, _energy_mj in found),
            same_driver=self.same_driver,
            same_holders=self.same_holders,
            energy_mj=sum(known) if len(known) == len(found) else None,
            counted_as=self.counted_as,
            explanations=self.explanations,
        )


class _Line:
    """One line with what is known of its gaps."""

    def __init__(
        self,
        line: RatedLine,
        run: Interval,
        gaps: Sequence[ReportedGap],
        explained: Sequence[GapExplanation],
        time: DeviceTime | None,
    ) -> None:
        self._line = line
        start, end = run.bounded()
        self._run_ms = (start * MINUTE_MS, end * MINUTE_MS)
        self._gaps = [gap for gap in gaps if self._within_ms(gap, line.start, line.end)]
        self._explained = explained
        self._time = time

    def counted(self, policy: str) -> RatedLine:
        """The line with its columns and its gaps."""
        line = self._line
        if line.stated is not None or self._time is None or not line.quantities.gap_ms:
            return line
        continuity_ms = officer_ms = 0
        for start, end, explained in self._pieces():
            gap_ms = (end - start) * MINUTE_MS - self._time.between(start, end).observed_ms
            sure_ms = sum(
                self._within_ms(gap, start, end) for gap in self._gaps if self._whole(gap)
            )
            sure_ms = min(gap_ms, sure_ms) if policy in ("continuity", "officer") else 0
            continuity_ms += sure_ms
            officer_ms += gap_ms - sure_ms if explained and policy == "officer" else 0
        quantities = replace(line.quantities, continuity_ms=continuity_ms, officer_ms=officer_ms)
        return replace(line, quantities=quantities, gaps=tuple(self._told(policy)))

    @property
    def rated(self) -> RatedLine:
        """The line itself."""
        return self._line

    def stretches(self, policy: str) -> Iterator[Interval]:
        """The whole minutes of the line that hold what a policy counts of its gaps."""
        if self._line.stated is not None or not self._line.quantities.gap_ms:
            return
        span = Interval(self._line.start, self._line.end)
        counted: list[Interval] = []
        if policy in ("continuity", "officer"):
            whole = (gap for gap in self._gaps if self._whole(gap))
            counted += (
                Interval(gap.start_utc_ms // MINUTE_MS, -(-gap.end_utc_ms // MINUTE_MS))
                for gap in whole
            )
        if policy == "officer":
            counted += (one.interval for one in self._explained)
        for one in counted:
            common = one.overlap(span)
            if common is not None:
                yield common

    def _pieces(self) -> Iterator[tuple[int, int, bool]]:
        line = self._line
        points = {line.start, line.end}
        for one in self._explained:
            points.update(
                point for point in one.interval.bounded() if line.start < point < line.end
            )
        for start, end in pairwise(sorted(points)):
            yield start, end, any(start in one.interval for one in self._explained)

    def _within_ms(self, gap: ReportedGap, start: int, end: int) -> int:
        low, high = start * MINUTE_MS, end * MINUTE_MS
        return max(0, min(gap.end_utc_ms, high) - max(gap.start_utc_ms, low))

    def _whole(self, gap: ReportedGap) -> bool:
        """It counts by its evidence: it is continuous, and lies within the run."""
        return continuous(gap) and self._inside(gap)

    def _inside(self, gap: ReportedGap) -> bool:
        low, high = self._run_ms
        return low <= gap.start_utc_ms and gap.end_utc_ms <= high

    def _told(self, policy: str) -> Iterator[LineGap]:
        """The gaps that reports say something of, or that are explained; like ones together."""
        alike: dict[_Kind, list[tuple[int, int | None]]] = {}
        for gap in self._gaps:
            kept, by = self._inside(gap), self._explaining(gap)
            energy_mj = gap.energy_mj if kept else None
            kind = _Kind(
                reason=gap.reason,
                same_driver=gap.same_driver,
                same_holders=gap.same_holders if kept else None,
                counted_as=self._fate(gap, by, policy),
                explanations=by,
            )
            if kind.silent and energy_mj is None:
                continue
            span_ms = self._within_ms(gap, self._line.start, self._line.end)
            alike.setdefault(kind, []).append((span_ms, energy_mj))
        for by, span_ms in self._explained_silences():
            counted_as = GapCounted.OFFICER if policy == "officer" else None
            kind = _Kind(GapReason.SILENT, None, None, counted_as, by)
            alike.setdefault(kind, []).append((span_ms, None))
        for kind, found in sorted(alike.items(), key=lambda one: repr(one[0])):
            yield kind.summed(found)

    def _explained_silences(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Of each explained stretch: by what, and the gap time in it that nobody reported."""
        assert self._time is not None
        for start, end, explained in self._pieces():
            if not explained:
                continue
            gap_ms = (end - start) * MINUTE_MS - self._time.between(start, end).observed_ms
            gap_ms -= sum(self._within_ms(gap, start, end) for gap in self._gaps)
            by = sorted(one.explanation_id for one in self._explained if start in one.interval)
            if gap_ms > 0:
                yield tuple(by), gap_ms

    def _explaining(self, gap: ReportedGap) -> tuple[str, ...]:
        return tuple(
            sorted(
                one.explanation_id
                for one in self._explained
                if self._within_ms(gap, *one.interval.bounded())
            )
        )

    def _fate(self, gap: ReportedGap, by: Sequence[str], policy: str) -> GapCounted | None:
        if policy in ("continuity", "officer") and self._whole(gap):
            return GapCounted.CONTINUITY
        return GapCounted.OFFICER if policy == "officer" and by else None

"""From the journal to sealed reports: windows of minutes, re-sealing, openings of epochs.

A report covers the minutes of one interval of the axis (five minutes, aligned to the label), or
less where a boot, a segment or the agent ended. What is missing in between becomes a gap
(SPOOL_LOST); what a sealed report already carries is not sealed again.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from kashi.chain import NO_HEAD, Head
from kashi.errors import ContractError

from kashi_agent.chain_link import ChainLink, EpochOpening, EpochReason
from kashi_agent.errors import SpoolError
from kashi_agent.fitting import alike, split_stretch
from kashi_agent.lost_time import bridged, lost
from kashi_agent.opening import KeptOpening, Opening
from kashi_agent.sealing import Sealed, Sealer, link_after
from kashi_agent.spool import Entry, SealedReport, Spool
from kashi_agent.spool.sealed import Position
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unaltered, unseal

INTERVAL_MS: Final = 300_000
SEALING_MS_MAX: Final = 4_000
"""After so long no other report is begun in one go. A key token may take seconds to sign: a backlog
must not keep whoever seals from samples, from the service manager, or from an end in time."""
_UNJOINED: Final = "无法合为一份报告，分开封存。No one report can carry these minutes; sealed apart"
_UNSEALABLE: Final = "这段时间无法封存，记为缺口。This time cannot be sealed and becomes a gap"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Stretches of one axis for one report, and the last frame of the journal they came from."""

    stretches: tuple[Stretch, ...]
    through: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where content comes from: the journal up to frame `through`, or a report of an abandoned
    epoch in frame `replaces`; `refusals`: how often the server has rejected it."""

    through: int = 0
    replaces: int = 0
    refusals: int = 0

    def noted(self, *, last: bool) -> "Source":
        """What is noted with one of several reports. All of it with the last alone: until that one
        stands, a crash has them sealed again from where the chain then ends."""
        return self if last else Source(refusals=self.refusals)


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where the chain's last report ends on its axis."""

    boot_id: bytes
    segment: int
    end_boottime_ms: int


@dataclass(slots=True, kw_only=True)
class Reporter:
    """The only one who seals. One thread.

    `boottime_ms`: tells how long sealing takes; `started`: boot id and boottime at which this agent
    began; `opening`: the epoch that the next report will open; `resumes`: also one that the last
    agent was yet to open, where no server is asked that would say it again.
    """

    spool: Spool
    sealer: Sealer
    host_id: str
    utc_ms: Callable[[], int]
    boottime_ms: Callable[[], int]
    started: tuple[bytes, int]
    interval_ms: int = INTERVAL_MS
    opening: Opening | None = None
    resumes: bool = False
    _awaited: Opening | None = None
    _apart: bool = False
    _given_up: set[int] = field(default_factory=set)
    _link: ChainLink = field(init=False)
    _end: ChainEnd | None = field(init=False)

    def __post_init__(self) -> None:
        """Go on where the chain ends."""
        self._link, self._end = self._chain_at(self.spool.sealed.head)
        kept = KeptOpening.decode(self.spool.sealed.opening)
        if self.resumes and kept is not None:
            self._given_up.update(kept.given_up)
            self._turn_to(kept.opening)

    def seal(self, count: int, *, drain: bool = False) -> int:
        """Seal up to `count` windows that are whole, durable; how many reports that made.

        Fewer where signing is slow: the rest is for the next call. Content of abandoned epochs
        comes first. `drain`: windows that are not whole as well, for
        an agent that ends.

        Raises:
            DiskFullError, OSError: what was sealed before stands.
        """
        if not self.spool.sealed.tail_kept and self.opening is None:
            return 0  # numbers beyond what can be read are used: a new epoch has to come first
        made, until_ms = 0, self.boottime_ms() + SEALING_MS_MAX
        for entry in self.spool.sealed.stranded():
            if made >= count or (made and self.boottime_ms() >= until_ms):
                return made
            made += self._seal_again(entry)
        for window in self._windows(drain=drain):
            if made >= count or (made and self.boottime_ms() >= until_ms):
                break
            made += self._seal_window(window)
        return made

    def seal_now(self, stretches: tuple[Stretch, ...]) -> int:
        """Seal stretches that never were in the journal: a replay at full speed, where the sealed
        report itself makes them durable; how many reports that made."""
        return self._seal_window(Window(stretches=stretches, through=0))

    def preview(self) -> Iterator[Sealed]:
        """What would be sealed now, the open minute included; keeps nothing."""
        link, end = self._link, self._end
        for window in self._windows(drain=True, with_open=True):
            continued = self._continued(window.stretches, end)
            for sealed in self.sealer.seal(continued, link, self.utc_ms()):
                yield sealed
                link, end = sealed.link, _end_of(sealed.stretch)

    def open_epoch(self, opening: Opening) -> None:
        """Let the next report open an epoch; what came after `follows` is sealed again in it. An
        agent that starts before that report goes on with it.

        Raises:
            DiskFullError, OSError: it is not durable, and nothing is changed.
        """
        self.spool.keep_opening(KeptOpening(opening, frozenset(self._given_up)).encode())
        self._turn_to(opening)

    def opens_after(self, head: Head) -> bool:
        """Whether an epoch is to be opened just behind this head of the server: then it has been
        told already, and its answer."""
        sha256 = head.sha256 if head != NO_HEAD else bytes(32)
        awaited = self._awaited
        return awaited is not None and (awaited.epoch, awaited.server_sha256) == (
            head.epoch + 1,
            sha256,
        )

    def _turn_to(self, opening: Opening) -> None:
        # Set back to an older state, what this host had before its agent began may be with the
        # server already: kept apart, it cannot make the server doubt what is measured since.
        self._apart = self._apart or opening.reason is EpochReason.ROLLED_BACK
        self.spool.sealed.abandon_after(opening.follows)
        link, self._end = self._chain_at(opening.follows)
        # A server that holds nothing takes epoch 1 from its beginning, and that states no opening.
        first = opening.epoch == 1
        self.opening, self._awaited = None if first else opening, opening
        epoch = 1 if first else opening.epoch - 1
        self._link = replace(link, epoch=epoch, sequence=0, sha256=opening.server_sha256)

    def give_up(self, entry: Entry) -> None:
        """Seal a gap in the place of content that the server does not take; the refused report
        stays in the spool."""
        self._given_up.add(entry.number)

    def _seal_again(self, entry: Entry) -> int:
        stretch = self._content_of(entry)
        if stretch is None:
            entry.repeated = True  # nothing can be repeated; what follows states the gap
            return 0
        source = Source(replaces=entry.number, refusals=entry.refusals)
        made = self._seal_alone(stretch, source)
        entry.repeated = entry.repeated or made is None
        return made or 0

    def _content_of(self, entry: Entry) -> Stretch | None:
        """What a report of an abandoned epoch carries, a gap where it was given up; None where that
        is refused as well, and where it cannot be read or is not what was sealed: to sign that anew
        would vouch for what was never measured."""
        try:
            wire = self.spool.sealed.read(entry).wire
            stretch = unseal(wire) if unaltered(wire, entry.sha256) else None
        except (SpoolError, ContractError, ValueError):
            return None
        if stretch is None or entry.number not in self._given_up:
            return stretch
        gap = lost(stretch)
        return None if stretch == gap else gap

    def _seal_window(self, window: Window) -> int:
        source = Source(through=window.through)
        try:
            made = self._seal(window.stretches, source)
        except ValueError:
            logger.exception("%s", _UNJOINED)
            made = self._seal_apart(window.stretches, source)
            self.spool.settle(window.through)
        if not made:
            self.spool.settle(window.through)
        return made

    def _seal_apart(self, stretches: tuple[Stretch, ...], source: Source) -> int:
        """Each stretch in reports of its own: what was measured does not go with what cannot be
        joined, and the agent does not end over it, each time that it starts."""
        last = stretches[-1]
        made = (self._seal_alone(one, source.noted(last=one is last)) for one in stretches)
        return sum(reports or 0 for reports in made)

    def _seal_alone(self, stretch: Stretch, source: Source) -> int | None:
        """Reports of one stretch, or of a gap in its place; None: of neither, and what is sealed
        next states the gap."""
        for content in (stretch, lost(stretch)):
            try:
                return self._seal((content,), source)
            except ValueError:
                logger.exception("%s", _UNSEALABLE)
        return None

    def _seal(self, stretches: tuple[Stretch, ...], source: Source) -> int:
        groups = self._groups(self._continued(stretches, self._end))
        return sum(
            self._seal_group(group, source.noted(last=group is groups[-1])) for group in groups
        )

    def _seal_group(self, stretches: list[Stretch], source: Source) -> int:
        """Reports of stretches that follow each other."""
        opening = self.opening
        words = None if opening is None else self._words(opening)
        reports = self.sealer.seal(stretches, self._link, self.utc_ms(), words)
        for report in reports:
            self._keep(report, opening, source.noted(last=report is reports[-1]))
            opening = None
        return len(reports)

    def _groups(self, stretches: list[Stretch]) -> list[list[Stretch]]:
        """Stretches as one report, or as two: before this agent began and since."""
        boot_id, at = self.started
        if not self._apart or not stretches or stretches[0].boot_id != boot_id:
            return [stretches] if stretches else []
        before: list[Stretch] = []
        since: list[Stretch] = []
        for stretch in stretches:
            if stretch.end_boottime_ms <= at:
                before.append(stretch)
            elif stretch.start_boottime_ms >= at:
                since.append(stretch)
            else:
                early, late = split_stretch(stretch, at)
                before.append(early)
                since.append(late)
        return [group for group in (before, since) if group]

    def _keep(self, report: Sealed, opening: Opening | None, source: Source) -> None:
        link, stretch = report.link, report.stretch
        follows = (link.epoch, link.sequence - 1) if opening is None else opening.follows
        self.spool.keep(
            SealedReport(
                epoch=link.epoch,
                sequence=link.sequence,
                follows=follows,
                sha256=link.sha256,
                boot_id=stretch.boot_id,
                segment=stretch.segment.number,
                start_boottime_ms=stretch.start_boottime_ms,
                end_boottime_ms=stretch.end_boottime_ms,
                sealed_utc_ms=report.sealed_utc_ms,
                journal_through=source.through,
                replaces=source.replaces,
                refusals=source.refusals,
                state=json.dumps(dict(link.slots), separators=(",", ":")).encode(),
                wire=report.wire,
            )
        )
        # Its number is used from here on, durable or not: another report under it would be a fork.
        self._link, self._end = link, _end_of(stretch)
        self.opening = self._awaited = None
        if source.through:
            self.spool.settle(source.through)

    def _continued(self, stretches: Iterable[Stretch], end: ChainEnd | None) -> list[Stretch]:
        """The stretches without what is sealed already and without holes."""
        continued = []
        for stretch in stretches:
            part = _after(stretch, end)
            if part is not None:
                continued.append(part)
                end = _end_of(part)
        return continued

    def _windows(self, *, drain: bool, with_open: bool = False) -> Iterator[Window]:
        held: list[Stretch] = []
        through = 0
        for kept in self.spool.journal.unsealed(with_open=with_open):
            if held and self._parted(held, kept.stretch):
                yield Window(stretches=tuple(held), through=through)
                held = []
            held.append(kept.stretch)
            through = kept.number
        if held and (drain or self._whole(held[-1])):
            yield Window(stretches=tuple(held), through=through)

    def _parted(self, held: list[Stretch], after: Stretch) -> bool:
        """A device may have been away in between: what comes after is compared with all."""
        return (
            held[-1].axis_key != after.axis_key
            or self._place(held[-1]) != self._place(after)
            or not all(alike(before, after) for before in held)
        )

    def _place(self, stretch: Stretch) -> int:
        return (stretch.segment.anchor_utc_ms + stretch.end_boottime_ms - 1) // self.interval_ms

    def _whole(self, stretch: Stretch) -> bool:
        return (stretch.segment.anchor_utc_ms + stretch.end_boottime_ms) % self.interval_ms == 0

    def _chain_at(self, position: Position) -> tuple[ChainLink, ChainEnd | None]:
        """Link and end of the newest kept report of the chain up to a position.

        Where none can be read the totals begin anew: the epoch's opening says so to everybody.
        """
        link = ChainLink(host_id=self.host_id)
        for entry in reversed(self.spool.sealed.entries()):
            if entry.position > position or entry.abandoned:
                continue
            try:
                report = self.spool.sealed.read(entry)
                end = ChainEnd(report.boot_id, report.segment, report.end_boottime_ms)
                return self._link_of(report, link), end
            except (SpoolError, ContractError, ValueError):
                continue
        return link, None

    def _link_of(self, report: SealedReport, link: ChainLink) -> ChainLink:
        slots = {str(key): int(slot) for key, slot in json.loads(report.state).items()}
        return link_after(replace(link, slots=slots), report.wire)

    def _words(self, opening: Opening) -> EpochOpening:
        known = [e for e in self.spool.sealed.entries() if e.position == opening.follows]
        return EpochOpening(
            reason=opening.reason,
            last_epoch=opening.follows[0],
            last_sequence=opening.follows[1],
            last_sha256=known[-1].sha256 if known else b"",
            lost_first_sequence=opening.lost[0],
            lost_last_sequence=opening.lost[1],
        )


def _end_of(stretch: Stretch) -> ChainEnd:
    return ChainEnd(stretch.boot_id, stretch.segment.number, stretch.end_boottime_ms)


def _after(stretch: Stretch, end: ChainEnd | None) -> Stretch | None:
    """A stretch as it follows the chain: cut where the chain already reaches, with a gap up to it
    where the chain ends earlier; None when the chain has all of it."""
    if end is None or end.boot_id != stretch.boot_id:
        return stretch
    if end.segment != stretch.segment.number:
        return bridged(stretch, max(end.end_boottime_ms, stretch.segment.start_boottime_ms))
    if stretch.start_boottime_ms >= end.end_boottime_ms:
        return bridged(stretch, end.end_boottime_ms)
    if stretch.end_boottime_ms <= end.end_boottime_ms:
        return None
    return split_stretch(stretch, end.end_boottime_ms)[1]

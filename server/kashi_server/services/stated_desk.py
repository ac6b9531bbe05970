"""What providers state, as pages show it to both sides, and what each side says to it.

The first look is the reader's own, through the portal's role: what row-level security hides is not
there, nor can it be answered. A word is written as the owner, by `services.stating` and
`services.stated_reversal`, which ask whose it is and that one login gave no word of both sides.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_server.domain.attestation import AttestationState, StatedRecord
from kashi_server.domain.given_reason import reason_kept
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.services.acting import Acting
from kashi_server.services.evidence_port import StatedHead, StoredAttestation
from kashi_server.services.scoped import PartyWork, ReaderWork
from kashi_server.services.sight import Reader
from kashi_server.services.stated_reversal import StatedReversal
from kashi_server.services.stating import UsageStating
from kashi_server.services.stating_port import StatingUnit, StatingWork

_LOOKING: Final = "a reader"
"""Who looks acts upon nothing and is kept nowhere."""


class Word(StrEnum):
    """What a side says to an attestation."""

    COUNTERSIGN = "countersign"
    REFUSE = "refuse"
    """The company's: nothing of it counts, and it may be stated anew."""
    WITHDRAW = "withdraw"
    """The provider's, before the company answered."""
    REVERSE = "reverse"
    """Either side's, of what was countersigned: both say so before it counts no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedMonth:
    """What an attestation states of a month of Asia/Shanghai: records that touch it, and time."""

    month: Month
    records: int
    card_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedView:
    """An attestation before a reader, with the words that the reader may give now."""

    stored: StoredAttestation
    words: tuple[Word, ...]

    @property
    def attestation_id(self) -> str:
        """How people name it."""
        return self.stored.attestation.attestation_id

    @property
    def awaits_reader(self) -> bool:
        """The reader is the company that has not answered yet."""
        return Word.COUNTERSIGN in self.words

    @property
    def months(self) -> tuple[StatedMonth, ...]:
        """By month, in order."""
        return months_of(self.stored.attestation.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPage:
    """A page of a list: its rows, how many there are in all, and which page of how many."""

    rows: tuple[StatedHead, ...]
    found: int
    at: int
    pages: int


class StatedDesk:
    """Lists, shows and answers attestations."""

    def __init__(
        self, work: StatingWork, portal_work: PartyWork[StatingUnit], clock: Callable[[], int]
    ) -> None:
        """Over both databases' roles: the owner's, which writes, and the portal's, which looks."""
        self._stating = UsageStating(work, clock)
        self._reversal = StatedReversal(work, clock)
        self._portal_work = portal_work
        self._clock = clock

    def listed(
        self, reader: Reader, state: AttestationState | None, *, at: int, size: int
    ) -> StatedPage:
        """A page of those of a party on either side, or of all for the office: what awaits the
        reader first, then the latest; pages count from 1, and one beyond the last is the last."""
        with ReaderWork(self._portal_work, reader).begin(writes=False) as unit:
            found = unit.stated.counted(reader.party_id, state)
            pages = max(1, -(-found // size))
            here = min(max(at, 1), pages)
            offset = (here - 1) * size
            rows = unit.stated.heads(reader.party_id, state, offset=offset, limit=size)
        return StatedPage(rows=tuple(rows), found=found, at=here, pages=pages)

    def awaiting(self, reader: Reader) -> int:
        """How many await the reader's countersignature."""
        if reader.party_id is None:
            return 0
        with ReaderWork(self._portal_work, reader).begin(writes=False) as unit:
            return unit.stated.awaiting(reader.party_id)

    def row(self, reader: Reader, attestation_id: str) -> StatedView:
        """One attestation.

        Raises:
            NotFound: there is none, or it is of others.
        """
        acting = _acting(reader, _LOOKING)
        return _view(self._looking(reader).attestation(attestation_id, acting), reader)

    def say(
        self, reader: Reader, login: str, attestation_id: str, word: Word, reason: str
    ) -> AttestationState:
        """Give a side's word; how the attestation stands then.

        Raises:
            NotFound: there is none of the reader's, or the reader is no side of anything.
            InvalidValue: the word needs a reason.
            Refused: it is settled already, the word is the other side's, or whoever gives it gave
                or recorded the other side's as well.
        """
        if reader.party_id is None:
            raise NotFound(
                "只有合同双方可就用量声明表态。"
                "only a contract's two sides speak to what was stated of it"
            )
        self.row(reader, attestation_id)
        if word is not Word.COUNTERSIGN and not reason.strip():
            raise InvalidValue("请说明理由。Say why.")
        acting = _acting(reader, login)
        if word is Word.REVERSE:
            return self._reversal.say(attestation_id, acting, reason)
        if word is Word.COUNTERSIGN:
            self._stating.countersign(attestation_id, acting, reason_kept(reason))
            return AttestationState.COUNTERSIGNED
        self._stating.withdraw(attestation_id, acting, reason)
        return AttestationState.WITHDRAWN

    def _looking(self, reader: Reader) -> UsageStating:
        return UsageStating(ReaderWork(self._portal_work, reader), self._clock)


def months_of(records: Iterable[StatedRecord]) -> tuple[StatedMonth, ...]:
    """What records state of each month they touch; a record's time is parted as lines part it."""
    counts: Mapping[Month, list[int]] = defaultdict(lambda: [0, 0])
    for record in records:
        start, end = record.minutes.bounded()
        month = Month.of(start)
        while month.interval().start < end:
            within = month.interval().bounded()
            counts[month][0] += 1
            counts[month][1] += record.within_ms(*within) * record.cards
            month = month.next()
    ordered = sorted(counts.items(), key=lambda one: str(one[0]))
    return tuple(
        StatedMonth(month=month, records=count, card_ms=card_ms)
        for month, (count, card_ms) in ordered
    )


def _view(stored: StoredAttestation, reader: Reader) -> StatedView:
    return StatedView(stored=stored, words=_words(stored, reader.party_id))


def _words(stored: StoredAttestation, party_id: str | None) -> tuple[Word, ...]:
    stated = stored.attestation
    if party_id not in (stated.user_id, stated.provider_id):
        return ()
    if stored.state is AttestationState.STATED:
        company = party_id == stated.user_id
        return (Word.COUNTERSIGN, Word.REFUSE) if company else (Word.WITHDRAW,)
    said = any(one.party_id == party_id for one in stored.words)
    open_to = stored.state is AttestationState.COUNTERSIGNED and not said
    return (Word.REVERSE,) if open_to else ()


def _acting(reader: Reader, actor: str) -> Acting:
    return Acting(actor=actor, party_id=reader.party_id)

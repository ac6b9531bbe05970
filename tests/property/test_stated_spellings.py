"""Properties of hardware ids in stated usage: however an id is spelled, its minutes count once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from expense_cases import (
    END,
    OCTOBER,
    OTHER_TENANT,
    START,
    assignment,
    contract,
    device,
    hours_of,
    observe,
    terms,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_server.domain.attestation import Attestation, StatedRecord
from kashi_server.domain.contract import Assignment
from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.hardware_name import named_device, vendors_id
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS
from kashi_server.domain.rating import Facts, RatedLine, device_times, rate_times
from kashi_server.domain.usage import DeviceHour
from kashi_server.domain.usage_source.mapping import load_mapping
from kashi_server.services.stated_conflicts import StatedBook
from usage_samples import BILL, BILL_HEAD, attestation, minutes_record, records

CARD = "GPU-6f3c9a10-0000-4000-8000-00000000abcd"
PERIOD = OCTOBER.interval()
SEEN = observe(START, START + 60, hardware_id=CARD)
ROW = "2026-10-01 00:00:00,2026-10-01 01:00:00,3600"
UNSEEN = ("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\ufe0f", "\u3164", "\u0301")
SHOWN_HYPHENS = ("-", "--", "\u2010", "\u2011", "\u2013", "\u2212", "\uff0d")
HYPHENS = (*SHOWN_HYPHENS, "")
BEFORE = (
    "0: ",
    "0 ",
    "gpu0-",
    "GPU 0:",
    "card0",
    "uuid=",
    "urn:uuid:",
    "{",
    "host-a/",
    "00:3b:00.0 ",
)
BEHIND = ("", "/0", " (0)", "::1", "}", "0", " #0", "卡")
BLANKS = ("", " ", "\t", "\u00a0", "\u3000")
bounded = settings(max_examples=50, deadline=None)


def wide(letter: str) -> str:
    """The full-width form of an ASCII letter or digit."""
    return chr(ord(letter) + 0xFEE0)


def written(draw: st.DrawFn, name: str, hyphens: Sequence[str]) -> str:
    """A name in other letters: case, forms, hyphens, characters of no width."""
    found = ""
    for letter in name:
        if letter == "-":
            found += draw(st.sampled_from(hyphens))
        else:
            found += draw(st.sampled_from((letter, letter.lower(), letter.upper(), wide(letter))))
        found += draw(st.sampled_from(("", "", "", *UNSEEN)))
    return found


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """The card's id in other letters, with blanks and more before and behind."""
    before = draw(st.sampled_from((*BLANKS, "node-7:")))
    found = written(draw, CARD, HYPHENS)
    behind = draw(st.sampled_from(("", "", "::1", "0", "x", "卡")))
    return before + found + behind + draw(st.sampled_from(BLANKS))


@st.composite
def numbered(draw: st.DrawFn) -> str:
    """The card's UUID in other letters, without its `GPU-`, and anything beside it."""
    found = written(draw, CARD[4:], SHOWN_HYPHENS)
    return draw(st.sampled_from(BEFORE)) + found + draw(st.sampled_from(BEHIND))


BESIDE = (f"{CARD[4:]} (0)", f"0: {CARD[4:]}", f"gpu0-{CARD[4:]}", f"uuid={CARD[4:]}")
SPELLINGS = (
    spellings()
    | numbered()
    | st.sampled_from((CARD, CARD.upper(), CARD[4:], f" {CARD}\u200b", *BESIDE))
)


@dataclass
class Everything:
    """What an import asks, without a database: a card that was measured or none, and statements."""

    measured: bool
    stands: list[Attestation] = field(default_factory=list)

    @property
    def expense(self) -> "Everything":
        """Agreements."""
        return self

    facts = stated = expense

    def assignments(self) -> Sequence[Assignment]:
        """None."""
        return ()

    def hardware_ids(self) -> Sequence[str]:
        """The card's."""
        return [CARD] if self.measured else []

    def devices(self, _hardware_ids: Sequence[str]) -> Sequence[DeviceRecord]:
        """The card."""
        return [device(CARD)] if self.measured else []

    def device_hours(self, _ids: Sequence[str], _start: int, _end: int) -> Sequence[DeviceHour]:
        """The card's."""
        return hours_of(SEEN) if self.measured else []

    def standing(self, _start: int, _end: int) -> Iterator[tuple[object, StatedRecord]]:
        """What was stated."""
        for one in self.stands:
            for record in one.records:
                yield Standing(one), record


@dataclass
class Standing:
    """An attestation that stands."""

    attestation: Attestation


@dataclass
class File:
    """A source file."""

    name: str = "bill.csv"
    sha256: str = "0" * 64


def billed(stated: Sequence[Attestation], measured: bool, leased: str) -> list[RatedLine]:
    """Every line that is billed."""
    contracts = [contract(), contract("HT-2", OTHER_TENANT)]
    leases = [assignment(START, END, contract_id=leased, hardware_id=CARD)] if leased else []
    agreed = terms(leases, contracts=contracts)
    devices = [device(CARD)] if measured else []
    times = device_times(Facts(devices=devices, hours=hours_of(SEEN if measured else {})), PERIOD)
    plain = rate_times(devices, times, agreed, PERIOD)
    evidence = EvidenceInputs(attestations=stated)
    lines = evidence.rated(plain, agreed, times, (), PERIOD, devices).lines
    return [line for line in lines if line.billed_ms]


@given(spelled=SPELLINGS)
def test_every_spelling_names_the_card(spelled: str) -> None:
    """By the same letters; and what is in the vendor's form is the id as the vendor writes it."""
    assert named_device(spelled) == named_device(CARD)
    assert vendors_id(spelled, device().vendor) in (CARD, None)


@given(
    spelled=st.lists(SPELLINGS, min_size=1, max_size=3),
    measured=st.booleans(),
    identified=st.booleans(),
)
@bounded
def test_no_spelling_is_taken_beside_the_card(
    spelled: list[str], measured: bool, identified: bool
) -> None:
    """Bills of one hour of a card, each by a spelling of its own: nothing of them is taken where an
    agent measured the hour, and one of them at most where none did."""
    mapping = BILL + f"identified = {str(identified).lower()}\n"
    unit, files = Everything(measured), count()

    for one in spelled:
        found = records(mapping, f"{BILL_HEAD}{one},1,{ROW}\n")
        book = StatedBook(unit, load_mapping(mapping, "m.toml"), found)  # type: ignore[arg-type]  # the few answers it needs
        fresh = book.fresh(File(), "HT-1", found, END * MINUTE_MS)
        if fresh:
            unit.stands.append(attestation(*fresh, source="0123"[next(files)]))

    assert len(unit.stands) == (0 if measured else 1)
    assert sum(line.billed_ms for line in billed(unit.stands, measured, "")) <= HOUR_MS


@given(
    spelled=st.lists(st.tuples(SPELLINGS, st.booleans()), min_size=1, max_size=3),
    measured=st.booleans(),
    leased=st.sampled_from(("", "HT-1", "HT-2")),
)
@bounded
def test_no_spelling_that_stands_is_billed_beside_the_card(
    spelled: list[tuple[str, bool]], measured: bool, leased: str
) -> None:
    """Whatever attestations came to stand, by earlier rules or before the agent's reports: the hour
    of the card is billed once at most, under whichever contract."""
    stated = [
        attestation(
            minutes_record(
                START, START + 60, unit_id=one if named else f"cloud-a/{one}", identified=named
            ),
            source="0123"[place],
        )
        for place, (one, named) in enumerate(spelled)
    ]

    lines = billed(stated, measured, leased)

    assert sum(line.billed_ms for line in lines) <= HOUR_MS
    assert not measured or not any(line.stated for line in lines)

"""What the server refuses it says in Chinese and in English: whoever reads it may know only one."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from two_languages import Message, sources

SERVER: Final = Path(__file__).parents[2] / "server" / "kashi_server"

OWN_WORDS: Final = frozenset({"domain", "documents", "storage", "log"})
"""Rooms that find their own words; the others may pass on what these say, and add none."""

ROOMS: Final = ("", *sorted(OWN_WORDS), "commands", "ingest", "portal", "services")

TOLD_BY: Final = frozenset(
    {
        *("Mistake", "SheetMistake", "mistake", "_mistake", "sheet_mistake", "wrong", "_wrong"),
        *("abort", "Refusal"),
    }
)
"""What tells a person something without being raised: its text is given last, or as `message`."""

_TO_A_MACHINE: Final = "part of a verdict on a report, which stands in its signed receipt"
_PROOF: Final = "an answer to whoever asked for a proof, or read one"

ENGLISH: Final = {
    "domain/form.py::FormBroken": _TO_A_MACHINE,
    "services/opening.py::FormBroken": _TO_A_MACHINE,
    "services/opening.py::FormError": _TO_A_MACHINE,
    "services/receipts.py::FormError": _TO_A_MACHINE,
    "services/revealing.py::FormError": _TO_A_MACHINE,
    "log/checkpoint.py::FormError": _PROOF,
    "log/tree.py::ProofError": _PROOF,
    "domain/positioned.py::AssertionError": "nobody can bring it about",
    "storage/engine.py::DisconnectionError": "told to the pool of connections alone",
    "config.py::{}.listen {}": "a setting's name before what is wrong with it, in both languages",
    "serving.py::metrics": "the name of what cannot listen; its words are found in the function",
}
"""`file::error`, or `file::text`, that is not told in both languages, and why."""


@cache
def refusals() -> Sequence[Message]:
    """Whatever the server's sources raise, make of the tree of its errors, or gather."""
    read = sources(SERVER)
    return sorted(read.messages(read.errors("KashiError"), last=TOLD_BY, raised=True))


def room(one: Message) -> str:
    """The folder of a refusal, "" at the top."""
    return one.path.rpartition("/")[0].partition("/")[0]


def held(one: Message) -> bool:
    """Whether it has both halves, or passes on another's words where it may."""
    return one.told_twice() or (one.wordless and room(one) not in OWN_WORDS)


def names(one: Message) -> set[str]:
    """How it may be excepted."""
    return {f"{one.path}::{one.error}", f"{one.path}::{one.text}"}


@pytest.mark.parametrize("folder", ROOMS)
def test_every_refusal_has_its_chinese_half(folder: str) -> None:
    """中文一句。English sentence: of all that is raised or gathered and whose text stands there."""
    found = [one for one in refusals() if room(one) == folder]

    assert found, f"nothing is refused in {folder}: the walk does not see it"
    assert [one for one in found if not held(one) and not names(one) & ENGLISH.keys()] == []


def test_every_exception_is_needed() -> None:
    """What is told in both languages by now is no exception any more."""
    english = [names(one) for one in refusals() if not held(one)]

    assert set().union(*english) & ENGLISH.keys() == ENGLISH.keys()


def test_every_room_of_the_server_is_held() -> None:
    """A new folder that refuses something is no gap."""
    assert {room(one) for one in refusals()} <= set(ROOMS)

"""Hardware ids as files of stated usage write them: whose device a text names, however it is spelt.

A provider types or exports ids, so one device comes in many spellings: in capitals, with a blank or
a character of no width, in wide forms, with other hyphens or none, without `GPU-`, with a replica's
number behind (`GPU-…::1`) or a place before it (`0: 6f3c…`). Two texts name one device where both
hold one vendor's id, found by its words whatever stands beside them, or where their ASCII letters
and digits are the same once compatible forms are taken apart (Unicode NFKD) and case is folded. A
text is taken as an id only in the vendor's own form; every other one is a name.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from kashi_server.domain.device import Vendor

_FORMS: Final[Mapping[Vendor, re.Pattern[str]]] = {
    Vendor.NVIDIA: re.compile(r"(?:GPU|MIG)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I),
    Vendor.HUAWEI: re.compile(r"[0-9A-F]{8}(?:-[0-9A-F]{8}){4}", re.I),
}
"""NVML's UUIDs; the five words of a die's id, as dcmi and NPU exporters write them."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:[^0-9a-z]+[0-9a-f]{4}){3}[^0-9a-z]+[0-9a-f]{12}")
"""A UUID by its five words, whatever stands beside them."""
_UUID_LOOSE: Final = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}(?:[^0-9a-z]*[0-9a-f]{4}){3}[^0-9a-z]*[0-9a-f]{12}(?![0-9a-f])"
)
"""Where nothing parts two of the words, no other digit touches them."""
_OLD_PARTITION: Final = re.compile(r"miggpu[0-9a-f]{32}\d*")
"""Of drivers before R470: the id of its card, and two numbers."""
_NVIDIA: Final = re.compile(r"(?:gpu|mig)[0-9a-f]{32}")
_UUID_ALONE: Final = re.compile(r"[0-9a-f]{32}")
_DIE_WORDS: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:[^0-9a-z]+[0-9a-f]{8}){4}(?![0-9a-f])")
_DIE: Final = re.compile(r"[0-9a-f]{40}")
_PARTITION: Final = re.compile(r".*mig(?:gpu)?[0-9a-f]{32}.*|.*[0-9a-f]{40}vnpu.*")
_PARTITION_LOOSE: Final = re.compile(r"mig.*|.*vnpu.*")
_PARTITION_WORD: Final = re.compile(r"(?<![g-z])mig(?![a-z])|(?<![0-9a-z])\dg\.\d+gb(?![0-9a-z])")
"""The word MIG, or a profile, beside an id: hexadecimal letters may touch it."""
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters by category that nobody sees."""


def vendors_id(text: str, vendor: Vendor) -> str | None:
    """A hardware id in the vendor's own form and capitals; None where the text is none.

    Surrounding blanks are no part of it. NVIDIA's own are `GPU-` or `MIG-` and small letters, a
    Huawei die's are capitals.
    """
    said = text.strip(" \t")
    if not said.isascii() or _FORMS[vendor].fullmatch(said) is None:
        return None
    if vendor is Vendor.HUAWEI:
        return said.upper()
    return said[:4].upper() + said[4:].lower()


@lru_cache(maxsize=1 << 16)
def device_letters(text: str) -> str:
    """The ASCII letters and digits of a text, folded: equal where two texts name one device."""
    folded = text.casefold() if text.isascii() else _decomposed(text)
    return "".join(letter for letter in folded if letter.isascii() and letter.isalnum())


@lru_cache(maxsize=1 << 16)
def named_device(text: str) -> str | None:
    """The letters of the vendor's id that a text holds or is a spelling of; None where of none.

    A UUID without a word of what it is of is a card's.
    """
    letters = device_letters(text)
    old = _OLD_PARTITION.search(letters)
    if old is not None:
        return old[0]
    whole_die = letters if _DIE.fullmatch(letters) else None
    # By its words first: squeezed, `gpu0-6f3c…` would name a card that begins with 0, and enough
    # digits beside a UUID a die.
    return (
        _by_words(text, _UUID)
        or whole_die
        or _by_words(text, _UUID_LOOSE)
        or _by_letters(letters)
        or _die_device(text, letters)
    )


def _by_words(text: str, words: re.Pattern[str]) -> str | None:
    seen = plain_name(text)
    found = words.search(seen)
    if found is None:
        return None
    of_part = device_letters(seen[: found.start()]).endswith("mig")
    return f"{'mig' if of_part else 'gpu'}{device_letters(found[0])}"


def _by_letters(letters: str) -> str | None:
    found = _NVIDIA.search(letters)
    if found is not None:
        return found[0]
    return f"gpu{letters}" if _UUID_ALONE.fullmatch(letters) else None


def _die_device(text: str, letters: str) -> str | None:
    found = _DIE_WORDS.search(plain_name(text))
    # A part of a die has an id of its own: the die's with a number behind.
    return None if found is None or "vnpu" in letters else device_letters(found[0])


def device_key(text: str) -> str:
    """What texts are compared by where one of them is an id that agents report, in whatever form;
    empty where a text has no letter to compare."""
    return named_device(text) or device_letters(text)


def names_partition(text: str, *, as_id: bool) -> bool:
    """A text names a part of a card by its form; read strictly, unless it is said to be an id.

    The word MIG or a profile anywhere beside an id names a part as well (`GPU-…/MIG1`).
    """
    form = _PARTITION_LOOSE if as_id else _PARTITION
    if form.fullmatch(device_letters(text)) is not None:
        return True
    worded = _PARTITION_WORD.search(plain_name(text)) is not None
    return worded and (as_id or named_device(text) is not None)


@lru_cache(maxsize=1 << 16)
def plain_name(text: str) -> str:
    """A name of something that is no device, an instance or a job, for comparing.

    Case, compatible forms, marks, characters of no width and surrounding blanks tell no two apart;
    hyphens do (node-1-11 is not node-11-1), but one hyphen is like another.
    """
    if text.isascii() and text.isprintable():
        return text.casefold().strip()
    return "".join(map(_seen, _decomposed(text))).strip()


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())


def _seen(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Pd" or letter == "\u2212":
        return "-"
    if category[0] == "Z" or letter == "\t":
        return " "
    return "" if category[0] in "MC" or letter in _FILLERS else letter

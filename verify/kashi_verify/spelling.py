"""Which device a line speaks of, however its id is spelt.

What agents report is told by the driver. What a provider states comes from files that people type
and export: `GPU-6F3C…`, an id with a blank that nobody sees, its UUID with a place or a number
beside it. Such a text is the device where it holds a UUID or a Huawei die's id by the words of it,
or where its ASCII letters and digits, once compatible forms are taken apart (Unicode NFKD) and case
is folded, hold an id of NVIDIA's, are a UUID alone, or the forty digits of a die. Every other name
is an instance's or a job's and only ever itself: node-1-11 is not node-11-1.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

_OLD_PARTITION: Final = re.compile(r"miggpu[0-9a-f]{32}\d*")
_NVIDIA: Final = re.compile(r"(?:gpu|mig)[0-9a-f]{32}")
_UUID_ALONE: Final = re.compile(r"[0-9a-f]{32}")
_DIE: Final = re.compile(r"[0-9a-f]{40}")
# The words of an id as they stand in a text in which whatever is between letters is one blank.
_UUID_WORDS: Final = re.compile("[0-9a-f]{8}(?: [0-9a-f]{4}){3} [0-9a-f]{12}")
_UUID_LOOSE: Final = re.compile(
    "(?<![0-9a-f])[0-9a-f]{8}(?: ?[0-9a-f]{4}){3} ?[0-9a-f]{12}(?![0-9a-f])"
)
_DIE_WORDS: Final = re.compile("(?<![0-9a-f])[0-9a-f]{8}(?: [0-9a-f]{8}){4}(?![0-9a-f])")
_BETWEEN: Final = re.compile("[^0-9a-z]+")
_FILLERS: Final = "\u115f\u1160\u3164\uffa0"
_SITE: Final = "site:"


def stated_device(line: Mapping[str, Any]) -> str:
    """What the device of a stated line is found by: its letters, or its id as it stands."""
    site = str(line["host_id"]).removeprefix(_SITE)
    name = str(line["hardware_id"])
    return _device(name.removeprefix(f"{site}/")) or name


def measured_device(hardware_id: str) -> frozenset[str]:
    """What a stated line of a measured device may be found by."""
    letters = _letters(hardware_id)
    # A partition's id names its share behind the driver's own: `MIG-….4of7-4g.40gb`.
    return frozenset((hardware_id, letters, _device(hardware_id) or letters))


def hardware(hardware_id: str) -> str:
    """What a reported id shares with every other id of the same hardware: capitals tell no two
    apart, nor does the share behind a partition's UUID, which is one partition at a time."""
    folded = hardware_id.lower()
    return folded.split(".", 1)[0] if folded.startswith("mig-") else folded


@lru_cache(maxsize=1 << 12)
def _device(text: str) -> str | None:
    letters, words = _letters(text), _words(text)
    old = _OLD_PARTITION.search(letters)
    if old is not None:
        return old[0]
    # Beside enough digits a UUID has as many as a die: it is looked for first.
    uuid = _UUID_WORDS.search(words)
    if uuid is None and _DIE.fullmatch(letters):
        return letters
    uuid = uuid or _UUID_LOOSE.search(words)
    if uuid is not None:
        before = words[: uuid.start()].replace(" ", "")
        kind = "mig" if before.endswith("mig") else "gpu"
        return kind + uuid[0].replace(" ", "")
    found = _NVIDIA.search(letters)
    if found is not None or _UUID_ALONE.fullmatch(letters):
        return found[0] if found else f"gpu{letters}"
    die = _DIE_WORDS.search(words)
    # A part of a die has an id of its own: the die's with a number behind.
    return None if die is None or "vnpu" in letters else die[0].replace(" ", "")


def _words(text: str) -> str:
    """The letters of a text with one blank for whatever is seen between them."""
    shown = "".join(filter(_is_seen, _folded(text)))
    return _BETWEEN.sub(" ", shown)


def _is_seen(letter: str) -> bool:
    """Neither a mark, nor a control other than the tab, nor a letter that nobody sees."""
    if letter in _FILLERS:
        return False
    return letter == "\t" or unicodedata.category(letter)[0] not in "MC"


def _letters(text: str) -> str:
    return "".join(letter for letter in _folded(text) if letter.isascii() and letter.isalnum())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())

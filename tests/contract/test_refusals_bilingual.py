"""What the server refuses it says in Chinese and in English: whoever reads it may know only one."""

import pytest
from refusal_texts import refusal_texts, texts_of_source

FOLDERS = ("domain", "documents", "storage", "log")
"""Folders and files of the server whose refusals people read."""

ENGLISH: dict[str, str] = {
    "domain/form.py": "an answer to a machine: it stands in the signed receipt of a report",
}
"""Files, or `file::function`, whose refusals stay English, and why."""


def _excepted(path: str, function: str) -> bool:
    return path in ENGLISH or f"{path}::{function}" in ENGLISH


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_refusal_has_its_chinese_half(folder: str) -> None:
    """中文一句。English sentence: every raise and gathered mistake whose text stands there."""
    found = refusal_texts([folder])

    assert found, f"nothing is refused in {folder}: the walk does not see it"
    assert [
        f"{one.path}:{one.line}: {one.text}"
        for one in found
        if not one.both and not _excepted(one.path, one.function)
    ] == []


def test_every_exception_is_needed() -> None:
    """A file that says everything in both languages by now is no exception any more."""
    english = [one for one in refusal_texts(FOLDERS) if not one.both]

    assert {
        name
        for name in ENGLISH
        if any(name in (one.path, f"{one.path}::{one.function}") for one in english)
    } == set(ENGLISH)


@pytest.mark.parametrize(
    ("source", "both"),
    [
        ('raise Refused("it is late")', [False]),
        ('raise Refused("太晚了。it is late")', [True]),
        ('raise Refused("it is late 太晚了")', [False]),
        ('raise Refused("it is late。太晚了")', [False]),
        ('raise Refused("太晚了。")', [False]),
        ('raise Refused(f"{day} 太晚了。{day} is late")', [True]),
        ('raise Refused(f"{day} is late")', [False]),
        ('raise Refused("太晚了。it is late" if late else "it is early")', [False, True]),
        ('LATE = "it is late"\nraise Refused(LATE)', [False]),
        ('raise Refused(because("太晚了", "it is late", error))', [True]),
        ('raise Refused(because("it is late", "it is late", error))', [False]),
        ('document.mistake((name,), "it is late")', [False]),
        ('Mistake(file=file, line=1, field="", message="it is late")', [False]),
        ("raise Refused(str(error))", []),
        ('raise AssertionError("it is late")', []),
    ],
)
def test_the_walk_sees_what_has_no_chinese_half(source: str, both: list[bool]) -> None:
    """Texts, values in them, choices, constants, joined halves and gathered mistakes."""
    assert [one.both for one in texts_of_source(source, frozenset({"Refused"}))] == both

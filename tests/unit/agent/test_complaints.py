"""Warnings that are told once, and again after an hour."""

import logging

import pytest
from kashi_agent.complaints import COMPLAINTS_MAX, REPEAT_MS, Complaints


def complaints() -> Complaints:
    """Of a logger of its own."""
    return Complaints(logging.getLogger("test.complaints"))


def test_the_same_is_told_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is said: once at the first time, once after each whole hour."""
    told = complaints()
    for now_ms in range(0, 2 * REPEAT_MS + 1, 5_000):
        told.tell("no driver", now_ms)

    assert caplog.messages == ["no driver"] * 3


def test_another_cause_and_a_return_are_news(caplog: pytest.LogCaptureFixture) -> None:
    """Another text is told at once, and so is the same one after all was well."""
    told = complaints()
    told.tell("no driver", 0)
    told.tell("it hangs", 1)
    told.settle()
    told.tell("no driver", 2)

    assert caplog.messages == ["no driver", "it hangs", "no driver"]


def test_what_is_remembered_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Texts that differ every time push out the one told longest ago, and no memory grows."""
    told = complaints()
    for number in range(COMPLAINTS_MAX + 1):
        told.tell(f"cause {number}", number)
    caplog.clear()
    told.tell(f"cause {COMPLAINTS_MAX}", COMPLAINTS_MAX)
    told.tell("cause 0", COMPLAINTS_MAX)

    assert caplog.messages == ["cause 0"]
    assert len(told._told_ms) == COMPLAINTS_MAX

"""A refusal's two halves, and a reason inside one: each half keeps its own language."""

import pytest
from kashi_server.domain.both_languages import because, halves


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("券已到期。the voucher ended", ("券已到期", "the voucher ended")),
        ("已到期。请重发。it ended; issue it anew", ("已到期。请重发", "it ended; issue it anew")),
        ("no such file", ("", "no such file")),
        ("", ("", "")),
    ],
)
def test_halves_part_at_the_last_chinese_full_stop(text: str, both: tuple[str, str]) -> None:
    """What a library says has no Chinese half."""
    assert halves(text) == both


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("行数过多。it has too many rows", "未读取：行数过多。not read: it has too many rows"),
        (OSError("no such file"), "未读取。not read: no such file"),
        (ValueError(), "未读取。not read: ValueError"),
    ],
)
def test_a_reason_is_told_in_the_half_of_its_language(why: str | Exception, told: str) -> None:
    """The words of a library once, as they are; without words the error's name."""
    assert because("未读取", "not read", why) == told

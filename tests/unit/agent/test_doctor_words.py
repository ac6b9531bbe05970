"""How the doctor tells a reason: each of its two lines in one language."""

import pytest
from kashi_agent.doctor.running import look_at_meter


@pytest.mark.parametrize(
    ("said", "zh", "en"),
    [
        (
            "driver: 未安装 libx.so（代码 12）。libx.so is not installed (code 12)",
            "没有驱动：driver: 未安装 libx.so（代码 12）",
            "there is no driver: libx.so is not installed (code 12)",
        ),
        ("gone (code 9)", "没有驱动：gone (code 9)", "there is no driver: gone (code 9)"),
    ],
)
def test_a_reason_in_both_languages_is_told_once_in_each_line(said: str, zh: str, en: str) -> None:
    """A library's own words, which have no halves, stand in both."""
    (found,) = look_at_meter(said, "", 0)

    assert (found.zh, found.en) == (zh, en)
    assert found.values == {"why": said}

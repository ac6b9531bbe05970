"""Why a host stands as it does, told to people in both languages."""

import pytest
from kashi_server.domain.host_reason import reason_in_both, reason_words

FORK = (
    "fork: epoch 2 sequence 17 is taken by another report; the host is held until two officers"
    " release it"
)


def test_the_servers_own_reasons_are_told_in_chinese_first() -> None:
    """What is stored stands behind it as it is."""
    assert reason_words("enrolled") == "已接入 enrolled"
    zh, en = reason_in_both(FORK)
    assert en == FORK
    assert zh.startswith("报告分叉：纪元 2 序号 17 ")
    assert reason_words(FORK) == f"{zh} {FORK}"


@pytest.mark.parametrize("said", ["机房搬迁", "enrolled twice", "fork in the road", ""])
def test_an_officers_reason_is_told_as_it_was_given(said: str) -> None:
    """Once, in whatever language."""
    assert reason_words(said) == said

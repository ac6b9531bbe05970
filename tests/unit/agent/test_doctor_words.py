"""How the doctor tells a reason: each of its two lines in one language."""

import os

import pytest
from kashi_agent.clock import SystemClock
from kashi_agent.doctor.running import look_at_agent, look_at_meter
from sample_status import a_status


@pytest.mark.parametrize(
    ("said", "zh", "en"),
    [
        (
            "driver: 未安装 libx.so（代码 12）。libx.so is not installed (code 12)",
            "没有驱动：未安装 libx.so（代码 12）",
            "there is no driver: libx.so is not installed (code 12)",
        ),
        (
            "未应答 (code 9)。请稍候。it does not answer",
            "没有驱动：未应答 (code 9)。请稍候",
            "there is no driver: it does not answer",
        ),
        (
            "未应答 (code 9)。请稍候。",
            "没有驱动：未应答 (code 9)。请稍候。",
            "there is no driver: 未应答 (code 9)。请稍候。",
        ),
        (
            "未应答 (code 9)。'甲。乙' does not answer",
            "没有驱动：未应答 (code 9)",
            "there is no driver: '甲。乙' does not answer",
        ),
        (
            "not connected",
            "计量进程没有连接：未连接",
            "the meter process is not connected: not connected",
        ),
        ("hung", "对驱动的调用没有返回：调用停滞", "a call into the driver does not return: hung"),
        ("gone (code 9)", "没有驱动：gone (code 9)", "there is no driver: gone (code 9)"),
    ],
)
def test_a_reason_in_both_languages_is_told_once_in_each_line(said: str, zh: str, en: str) -> None:
    """A library's own words, which have no halves, stand in both."""
    (found,) = look_at_meter(said, "", 0)

    assert (found.zh, found.en) == (zh, en)
    assert found.values == {"why": said}


@pytest.mark.parametrize(
    ("trouble", "more_zh", "more_en"),
    [
        ("", "", ""),
        (
            "连不上服务器。the server is unreachable",
            "；连不上服务器",
            "; the server is unreachable",
        ),
        ("gone (code 9)", "；gone (code 9)", "; gone (code 9)"),
    ],
)
def test_how_the_agent_is_stands_in_both_languages(
    trouble: str, more_zh: str, more_en: str
) -> None:
    """The service manager's line has both halves, and the doctor gives each line its own."""
    status = a_status(trouble=trouble)
    zh = f"8 台设备，1 份报告待送，服务器已有 1/4{more_zh}"
    en = f"8 devices, 1 reports waiting, server at 1/4{more_en}"

    found = {one.code: one for one in look_at_agent(status, SystemClock())}["agent_ok"]

    assert status.line == f"{zh}。{en}"
    assert found.zh == f"代理在运行：进程 {os.getpid()}，{zh}"
    assert found.en == f"the agent runs: pid {os.getpid()}, {en}"

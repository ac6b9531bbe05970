"""`kashi-agent release`: let the devices go for a reset or a change of partitions.

Returns when nothing of Kashi's holds them any more, or says why something does. The running agent
does it and records it; it takes the devices up again by itself when the time is over.
"""

import argparse
import re
from typing import Final

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import Commands, add_command, config_of, print_json, shown_time
from kashi_agent.errors import AgentError, MeterError
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import AgentMessage, MeterMessage, Notice, NoticeKind, Release, Resume
from kashi_agent.meter_socket import MeterConnection, connected

WAIT_SECONDS: Final = 30
"""The agent answers long before: it gives the meter ten seconds."""

_UNITS_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000}


def add(commands: Commands) -> None:
    """Add the command."""
    words = "暂时释放设备，以便复位或更改 MIG。Let the devices go for a reset or a MIG change"
    parser = add_command(commands, "release", words, run)
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument(
        "--for",
        dest="release",
        type=_release,
        default="10m",
        metavar="TIME",
        help="多久，至多 24h：90s、10m、2h，默认 10m。"
        "How long, at most 24h: 90s, 10m, 2h (default 10m)",
    )
    now = "立即恢复计量。Measure again, now"
    how_long.add_argument("--end", action="store_true", help=now)


def run(options: argparse.Namespace) -> int:
    """Ask the running agent; 0 when it is done, 8 when the devices are not free."""
    path = config_of(options).release_socket
    why: list[str] = []
    connection = connected(path, why.append)
    if connection is None:
        raise AgentError(
            f"代理没有应答（{'; '.join(why)}）；它须在运行，且您须为 root 或在其组中。"
            "代理若已停止，kashi-meter 不再读取，但可能仍占用设备：systemctl stop kashi-meter。"
            f"The agent does not answer ({'; '.join(why)}); it must run, and you must be root or "
            "in its group. If it is stopped, kashi-meter reads nothing but may hold the devices: "
            "systemctl stop kashi-meter"
        )
    asked: AgentMessage = Resume() if options.end else options.release
    asked_utc_ms = SystemClock().utc_ms()
    with MeterConnection(connection) as agent:
        answer = _answer(agent, asked)
    # Counted from before the agent was asked: at this instant it may still stand, not be over.
    until_utc_ms = asked_utc_ms + asked.duration_ms if isinstance(asked, Release) else None
    if options.json:
        told = {"answer": str(answer.kind), "detail": answer.detail, "until_utc_ms": until_utc_ms}
        print_json(told)
    elif answer.kind is NoticeKind.RESUMED:
        print("恢复计量。Measuring again.")
    elif answer.kind is NoticeKind.RELEASED:
        until = shown_time(until_utc_ms)
        print(f"设备已释放，至 {until}。The devices are released until {until}.", answer.detail)
    if answer.kind is NoticeKind.HUNG:
        raise MeterError(
            "设备尚未释放：对驱动的调用不能安全中断，返回后即释放；请查看 dmesg 中的 XID，"
            "完成与否见 kashi-agent status。The devices are not free yet: a call into the driver "
            "cannot be broken off safely; the devices are let go when it returns. Look for XID "
            f"messages in dmesg; `kashi-agent status` shows when it is done: {answer.detail}"
        )
    return 0


def _answer(agent: MeterConnection, asked: AgentMessage) -> Notice:
    """What the agent says to it."""
    try:
        agent.send(asked)
        answer: MeterMessage | None = agent.receive(WAIT_SECONDS)
    except LinkError as error:
        raise MeterError(
            f"代理的答复无法理解。The agent's answer is not understood: {error}"
        ) from error
    if not isinstance(answer, Notice):
        raise MeterError(
            f"代理在 {WAIT_SECONDS} 秒内没有应答；其状况见 kashi-agent status。"
            f"The agent did not answer in {WAIT_SECONDS} s; `kashi-agent status` shows how it is"
        )
    return answer


def _release(text: str) -> Release:
    """A length of time with its unit."""
    match = re.fullmatch(r"([0-9]{1,9})([smh])", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r}：请写成 90s、10m 或 2h。{text!r}; write it as 90s, 10m or 2h"
        )
    try:
        return Release(duration_ms=int(match[1]) * _UNITS_MS[match[2]])
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r}：最长 24 小时。{text!r}; at most 24 hours, and not none"
        ) from error

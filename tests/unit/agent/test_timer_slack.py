"""Timeouts that may come late: of one thread and what it starts, and of nobody else."""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from kashi_agent.timer_slack import LATE_NS, allow_late_timeouts

PR_GET_TIMERSLACK = 30


def slack_ns() -> int:
    """How late the kernel may wake this thread."""
    return int(ctypes.CDLL(None).prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0))


def of_a_thread_started_here() -> int:
    """What a new thread inherits."""
    found: list[int] = []
    child = Thread(target=lambda: found.append(slack_ns()))
    child.start()
    child.join()
    return found[0]


def test_a_thread_and_its_children_may_be_woken_late_and_nobody_else() -> None:
    """The thread of the network and gRPC's threads, never the one that measures."""
    usual_ns = slack_ns()
    with ThreadPoolExecutor(max_workers=1, initializer=allow_late_timeouts) as network:
        assert network.submit(slack_ns).result() == LATE_NS
        assert network.submit(of_a_thread_started_here).result() == LATE_NS
    assert slack_ns() == usual_ns < LATE_NS
    assert of_a_thread_started_here() == usual_ns

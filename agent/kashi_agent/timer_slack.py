"""Fewer wake-ups of threads that wait for nothing.

gRPC keeps a handful of threads that look for work a dozen times a second while there is none: a
fifth of what the agent costs a host. The kernel can be told that a thread's own timeouts may come
late; it then wakes it seldom, and for several at once. What a thread waits for still wakes it at
once.
"""

import ctypes
from typing import Final

PR_SET_TIMERSLACK: Final = 29
LATE_NS: Final = 2_000_000_000


def allow_late_timeouts() -> None:
    """Let timeouts of this thread, and of every thread it starts from now on, come up to two
    seconds late. Where the kernel does not know this, nothing changes."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(LATE_NS), 0, 0, 0)
    except (OSError, AttributeError):
        return

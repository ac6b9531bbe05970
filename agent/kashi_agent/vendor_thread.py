"""The one thread that calls into a vendor's library: a call that hangs holds up only itself.

Such a call can neither be cancelled nor should it be killed (a process killed inside the driver has
been seen to take the device with it). So the rest of the process must never wait for it: it asks,
goes on, and is woken when the answer is there.
"""

import queue
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

END: Final = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call came to: its value, or the error it raised."""

    value: object = None
    error: Exception | None = None


class VendorThread:
    """Does one call at a time. `wake` gets a byte when an answer can be fetched."""

    def __init__(self, wake: socket.socket) -> None:
        self._wake = wake
        self._calls: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="vendor", daemon=True)
        self._thread.start()
        self.busy = False
        """A call was asked for and its answer not fetched yet."""

    def ask(self, call: Callable[[], object]) -> None:
        """Have the call made. ValueError while another one is on its way."""
        if self.busy:
            raise ValueError("one call into the vendor's library at a time")
        self.busy = True
        self._calls.put(call)

    def answer(self, timeout_s: float = 0) -> Answer | None:
        """The answer to the last call; None when it is not there in time."""
        try:
            answer = self._answers.get(timeout=timeout_s) if timeout_s else self._answers.get(False)
        except queue.Empty:
            return None
        self.busy = False
        return answer

    def whereabouts(self) -> str:
        """The function the thread is in right now, for a person who looks for a hang."""
        # The documented way to see where another thread stands.
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001
        return frame.f_code.co_qualname if frame is not None else "未知。unknown"

    def kernel_state(self) -> str:
        """How the kernel has the thread, as `state_of` tells."""
        return state_of(self._thread.native_id, Path("/proc"))

    def end(self) -> None:
        """Let the thread go when it is done; it is not waited for."""
        self._calls.put(END)

    def _run(self) -> None:
        while (call := self._calls.get()) is not END:
            try:
                answer = Answer(value=call())
            except Exception as error:  # the boundary: whoever asked gets it, and counts or raises
                answer = Answer(error=error)
            self._answers.put(answer)
            try:
                self._wake.send(b"a")
            except BlockingIOError:
                continue  # it has bytes to wake up to already
            except OSError:
                return  # the main loop has ended and closed its end: nobody is to be woken


def state_of(thread_id: int | None, proc: Path) -> str:
    """How the kernel has a thread of this process: R, S, D or another letter of proc(5).

    "": nobody knows, for it has gone.
    """
    try:
        line = (proc / "self" / "task" / str(thread_id) / "stat").read_text(encoding="ascii")
    except OSError:
        return ""
    # The name in parentheses may hold spaces and parentheses; the state follows the last one.
    return line.rpartition(")")[2].split()[0]

"""A meter started for one look: what it first saw, or what it said instead."""

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.errors import MeterError
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_child import MeterChild
from kashi_agent.meter_link import Hello, Notice, NoticeKind, Resume
from kashi_agent.meter_socket import MeterConnection, MeterListener
from kashi_agent.sample import SampleBatch

AFTERWORD_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 1.5
"""Whoever waits longer is told what for."""

_STARTING: Final = "计量进程尚未应答。The meter has not answered yet"


@dataclass(slots=True)
class FirstLook:
    """`batch` None: nothing was seen, and `said` is why. `unidentified`: devices without an id."""

    batch: SampleBatch | None = None
    said: str = "it never connected"
    unidentified: str = ""


def _unheard(_why: str) -> None:
    """Nobody wants to know what is waited for."""


def first_look(
    meter_options: Sequence[str],
    seconds: float,
    *,
    patient: bool,
    waiting: Callable[[str], None] = _unheard,
) -> FirstLook:
    """Start a meter and wait for its first reading.

    `patient`: a driver that refuses is asked again until the time is over. The meter is ended, or
    left to end by itself if a call of its hangs. `waiting` hears what is waited for: each reason
    once, and the first soon after the start.
    """
    look = FirstLook()
    deadline = time.monotonic() + seconds
    quiet = threading.Timer(QUIET_SECONDS, waiting, (_STARTING,))

    def heard(why: str) -> None:
        quiet.cancel()
        if why not in ("", look.said):
            look.said = why
            if patient and look.batch is None:
                waiting(why)

    with tempfile.TemporaryDirectory(prefix="kashi-look-") as folder:
        path = Path(folder) / "meter.sock"
        child = MeterChild(path, meter_options)
        with MeterListener(path) as listener:
            child.keep(0)
            quiet.start()
            try:
                while look.batch is None and (left := deadline - time.monotonic()) > 0:
                    connection = listener.accept(left)
                    if connection is None:
                        break
                    if _listen(connection, look, deadline, heard, patient=patient):
                        break
            finally:
                quiet.cancel()
                quiet.join()
                child.stop()
    return look


def _listen(
    connection: MeterConnection,
    look: FirstLook,
    deadline: float,
    heard: Callable[[str], None],
    *,
    patient: bool,
) -> bool:
    """Hear a meter out until it reads or says why it does not; whether that is enough.

    With patience it is not: the meter asks its driver again by itself and is heard on.
    """
    with connection:
        try:
            while (left := deadline - time.monotonic()) > 0:
                match connection.receive(left):
                    case SampleBatch() as batch:
                        look.batch = batch
                        heard("")
                        # Devices without an id are told of right behind it.
                        deadline = min(deadline, time.monotonic() + AFTERWORD_SECONDS)
                    case Hello():
                        connection.send(Resume())
                    case Notice(kind=NoticeKind.UNIDENTIFIED, detail=detail):
                        look.unidentified = detail
                    case Notice(kind=(NoticeKind.DRIVER | NoticeKind.HUNG) as kind, detail=detail):
                        heard(f"{kind}: {detail}")
                        if not patient:
                            return True
        except (MeterError, LinkError) as error:
            heard(str(error))
    return False

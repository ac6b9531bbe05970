"""The replay meter over a trace file, played from the moment it is opened."""

from collections.abc import Callable
from pathlib import Path

from kashi_agent.errors import MeterError
from kashi_agent.meters.replay import ReplayMeter
from kashi_agent.sample import SampleBatch
from kashi_agent.trace import TraceError, read_trace


class ReplayedFile:
    """A trace on disk as a meter; its lines are read as their time comes.

    MeterError from opening and reading when the file is not there or not a trace.
    """

    unidentified: tuple[str, ...] = ()
    """A trace names all its devices."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self._path = path
        try:
            self._file = path.open(encoding="utf-8")
        except OSError as error:
            raise MeterError(f"cannot read the trace {path}: {error.strerror}") from error
        try:
            self._meter = ReplayMeter(read_trace(self._file), clock, clock())
        except TraceError as error:
            self._file.close()
            raise MeterError(f"{path}: {error}") from error

    def read(self) -> SampleBatch:
        """All devices as the trace has them now."""
        try:
            return self._meter.read()
        except TraceError as error:
            raise MeterError(f"{self._path}: {error}") from error

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

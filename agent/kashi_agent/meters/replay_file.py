"""The replay meter over a trace file, played from the moment it is opened."""

from collections.abc import Callable
from pathlib import Path

from kashi_agent.errors import FileError, MeterError, cannot_read, no_text
from kashi_agent.meters.replay import ReplayMeter
from kashi_agent.sample import SampleBatch
from kashi_agent.trace import TraceError, read_trace


def check_trace(path: Path) -> None:
    """Read a whole trace once, before anything is played.

    Raises:
        FileError: it cannot be read, or is not a trace; the message names file, line and field.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for _entry in read_trace(file).entries:
                continue
    except OSError as error:
        raise FileError(cannot_read(path, error)) from error
    except UnicodeDecodeError as error:
        raise FileError(no_text(path, error)) from error
    except TraceError as error:
        raise FileError(f"{path}: {error}") from error


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
            raise MeterError(cannot_read(path, error)) from error
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

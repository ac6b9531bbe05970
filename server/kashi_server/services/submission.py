"""What a call of a host brings and gets, in plain values."""

from collections.abc import Sequence
from dataclasses import dataclass

from kashi.chain import Head

from kashi_server.domain.sequence import Judgement
from kashi_server.services.hosts import HostStanding


@dataclass(frozen=True, slots=True)
class Submission:
    """What one call brings: the host, as it stands, and its reports in order.

    `carried`: by a relay or a file, not by the host itself.
    """

    host: HostStanding
    reports: Sequence[bytes]
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one report; `receipt` is empty and nothing counted where nothing is stored."""

    judgement: Judgement
    receipt: bytes = b""
    reading_count: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call gets: a result a report, the head now held, the latest checkpoint."""

    results: Sequence[Result]
    head: Head
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that could not be answered: nothing of it is stored."""

    detail: str

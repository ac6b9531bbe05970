"""An epoch that is to be opened, and how it is kept until a report opens it.

What the server said is believed once and may come but once, in a file that is then removed: a host
that ends before its next report goes on with it.
"""

import struct
from dataclasses import dataclass

from kashi_agent.chain_link import EpochReason
from kashi_agent.spool.sealed import Position

_FIXED = struct.Struct(">QIQQQQ32s")
_NUMBER = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An epoch to be opened by the next report. `follows`: the last report that this host and the
    server agree on; `lost`: sequences of its epoch that will never come, (0, 0) for none."""

    epoch: int
    server_sha256: bytes
    reason: EpochReason
    follows: Position
    lost: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class KeptOpening:
    """An opening with the reports (numbers of their frames) whose content the server does not take,
    so that a gap stands for it."""

    opening: Opening
    given_up: frozenset[int]

    def encode(self) -> bytes:
        """As the spool keeps it."""
        one = self.opening
        fixed = _FIXED.pack(one.epoch, one.reason, *one.follows, *one.lost, one.server_sha256)
        return fixed + b"".join(map(_NUMBER.pack, sorted(self.given_up)))

    @classmethod
    def decode(cls, content: bytes) -> "KeptOpening | None":
        """What the spool kept; None: nothing, or nothing that this version knows."""
        try:
            epoch, reason, *places, sha256 = _FIXED.unpack_from(content)
            numbers = frozenset(n for (n,) in _NUMBER.iter_unpack(content[_FIXED.size :]))
            opening = Opening(
                epoch=epoch,
                server_sha256=sha256,
                reason=EpochReason(reason),
                follows=(places[0], places[1]),
                lost=(places[2], places[3]),
            )
        except (struct.error, ValueError):
            return None
        return cls(opening, numbers)

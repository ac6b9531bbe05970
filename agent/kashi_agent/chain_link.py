"""The end of a host's own chain: what the next report must follow, and the devices' numbers.

It can always be learned again from the sealed reports themselves (`sealing.link_after`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from kashi.chain import GENESIS_SHA256

from kashi_agent.reading import Counters


class EpochReason(IntEnum):
    """Why a host opens a new epoch; the numbers are the contract's."""

    SPOOL_LOST = 1
    SPOOL_CORRUPT = 2
    ROLLED_BACK = 3
    REPORT_REJECTED = 4


def follows(before: tuple[int, int], position: tuple[int, int]) -> bool:
    """Whether a report (epoch, sequence) is the next of its chain: in its epoch, or as the first
    of the one after."""
    return position in ((before[0], before[1] + 1), (before[0] + 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochOpening:
    """What a host still knows when it opens an epoch; 0 or empty where it does not know."""

    reason: EpochReason
    last_epoch: int = 0
    last_sequence: int = 0
    last_sha256: bytes = b""
    lost_first_sequence: int = 0
    lost_last_sequence: int = 0

    def __post_init__(self) -> None:
        """Refuse a hash of another length and a lost range that runs back."""
        if len(self.last_sha256) not in (0, 32):
            raise ValueError(f"a hash of {len(self.last_sha256)} bytes")
        if self.lost_first_sequence > self.lost_last_sequence:
            raise ValueError(f"lost from {self.lost_first_sequence} to {self.lost_last_sequence}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """Epoch, sequence and hash of the last sealed report; `sequence` 0: none in this epoch.

    `slots` numbers the devices of this host, from 1, for good; `counters` are the totals of each
    slot since enrolment, as the last report stated them.
    """

    host_id: str
    epoch: int = 1
    sequence: int = 0
    sha256: bytes = GENESIS_SHA256
    slots: Mapping[str, int] = field(default_factory=dict)
    counters: Mapping[int, Counters] = field(default_factory=dict)

    def slot(self, hardware_id: str) -> int:
        """A device's number; the next free one for a device that has none."""
        return self.slots.get(hardware_id, max(self.slots.values(), default=0) + 1)

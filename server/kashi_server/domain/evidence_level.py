"""Evidence levels: what stands behind a rated line, from papers to a key in hardware.

A level says who vouches for the time, never that it is true. It refuses nothing by itself: only a
rule's `min_evidence_level` does.
"""

from collections.abc import Iterable
from enum import StrEnum


class EvidenceLevel(StrEnum):
    """How well a line is evidenced; in order of strength."""

    DOCUMENTS = "E0"
    STATED = "E1"
    AGENT = "E2"
    HARDWARE = "E3"

    @property
    def zh(self) -> str:
        """What it means, in Chinese."""
        return _TEXTS[self][0]

    @property
    def en(self) -> str:
        """What it means, in English."""
        return _TEXTS[self][1]


class KeyCustody(StrEnum):
    """Where a host's report key is held, as far as the office knows it."""

    FILE = "file"
    HARDWARE = "hardware"


def level_of_custody(custody: KeyCustody) -> EvidenceLevel:
    """The level of what an agent signed with a key held so."""
    return EvidenceLevel.HARDWARE if custody is KeyCustody.HARDWARE else EvidenceLevel.AGENT


def weakest(levels: Iterable[EvidenceLevel]) -> EvidenceLevel:
    """The weakest of some levels: what can be said of all of them; of none, an agent's."""
    return min(levels, default=EvidenceLevel.AGENT)


_TEXTS: dict[EvidenceLevel, tuple[str, str]] = {
    EvidenceLevel.DOCUMENTS: ("仅有书面材料", "documents only"),
    EvidenceLevel.STATED: (
        "供给方声明：留存原件并计算哈希，由对方会签",
        "the provider's statement, hashed, countersigned by the other side",
    ),
    EvidenceLevel.AGENT: ("采集程序计量并签名", "measured and signed by an agent"),
    EvidenceLevel.HARDWARE: (
        "采集程序计量，密钥保存在硬件中或设备经过证明",
        "measured by an agent whose key is held in hardware, or on an attested device",
    ),
}

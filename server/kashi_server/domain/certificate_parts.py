"""The files of a certificate: each month's statement, evidence and rules, a summary, the lines.

What is hashed, attached and packed into bundles is these bytes. One month's files carry plain names
(`statement.json`), those of several months the month (`statement-2026-10.json`). Where the rules
changed within a month, the versions that its lines name beside the statement's own carry their hash
(`rules-HASH.json`): once, however many months name them.
"""

from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Final

from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue

SUMMARY_FILE: Final = "summary.json"
LINES_FILE: Final = "lines.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthParts:
    """A statement and what stands behind it, each as the canonical bytes that are hashed.

    `rules` are those the statement names; None where it names none. `changed_rules` are those that
    only its lines name, or that began within the month and no line names.
    """

    month: Month
    statement: bytes
    evidence: bytes
    rules: bytes | None = None
    changed_rules: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateParts:
    """What a certificate prints and carries: its months, their summary, their lines as CSV."""

    months: tuple[MonthParts, ...]
    summary: bytes
    lines: bytes

    def __post_init__(self) -> None:
        """Refuse months that do not follow each other."""
        if not self.months:
            raise InvalidValue("一份证明至少涵盖一个月。a certificate certifies at least one month")
        for one, following in pairwise(self.months):
            if one.month.next() != following.month:
                raise InvalidValue(
                    f"{one.month} 之后是 {following.month}，中间缺了月份。"
                    f"after {one.month} comes {following.month}: a month is left out"
                )

    def named(self) -> dict[str, bytes]:
        """The files by name, in the order they are attached."""
        found: dict[str, bytes] = {}
        for kind in ("statement", "evidence", "rules"):
            for one in self.months:
                content: bytes | None = getattr(one, kind)
                if content is not None:
                    mark = "" if len(self.months) == 1 else f"-{one.month}"
                    found[f"{kind}{mark}.json"] = content
        changed = {content for one in self.months for content in one.changed_rules}
        by_hash = {sha256(content).hexdigest(): content for content in changed}
        found |= {f"rules-{named}.json": by_hash[named] for named in sorted(by_hash)}
        return found | {SUMMARY_FILE: self.summary, LINES_FILE: self.lines}

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file in hexadecimal, by name."""
        return {name: sha256(content).hexdigest() for name, content in self.named().items()}

    @property
    def statement_sha256(self) -> str:
        """SHA-256 over the statements, one after the other."""
        return sha256(b"".join(one.statement for one in self.months)).hexdigest()

    @property
    def evidence_sha256(self) -> str:
        """SHA-256 over the evidence of the months, one after the other."""
        return sha256(b"".join(one.evidence for one in self.months)).hexdigest()

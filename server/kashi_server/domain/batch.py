"""A batch 申报批次: one application round of a programme, under one rules version for good."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.contract import check_token
from kashi_server.errors import InvalidValue, Refused

FORMAT: Final = "kashi/v1/batch"
_YEARS: Final = range(2000, 2201)


class BatchStatus(StrEnum):
    """Whether applications are taken."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """An application round.

    Attributes:
        year: whose caps, pool and quota its awards count in.
        version, rules_sha256: the rules version that all its claims are evaluated by.
        opens_on, closes_on: first and last day of handing in, both inside.
        documents: numbers of the documents that announce it.
    """

    batch_id: str
    programme_id: str
    year: int
    version: str
    rules_sha256: str
    opens_on: date
    closes_on: date
    documents: tuple[str, ...]
    status: BatchStatus = BatchStatus.OPEN

    def __post_init__(self) -> None:
        """Refuse a round without documents, or one that ends before it begins."""
        check_token(self.batch_id, "batch_id")
        if self.year not in _YEARS:
            raise InvalidValue(f"没有 {self.year} 这个年度。there is no year {self.year}")
        if self.closes_on < self.opens_on:
            raise InvalidValue(
                f"批次 {self.batch_id} 的截止日早于开始日。"
                f"batch {self.batch_id} ends before it begins"
            )
        if not self.documents or not all(one.strip() for one in self.documents):
            raise InvalidValue(
                f"批次 {self.batch_id} 未写明公布它的文号。"
                f"batch {self.batch_id} names no document that announces it"
            )

    def check_open(self, on: date) -> None:
        """Refuse an application outside the window.

        Raises:
            Refused: the batch is closed, or the day lies outside.
        """
        if self.status is not BatchStatus.OPEN:
            raise Refused(
                f"批次 {self.batch_id} 已关闭，不再受理申报。"
                f"batch {self.batch_id} is closed: it takes no applications"
            )
        if not self.opens_on <= on <= self.closes_on:
            raise Refused(
                f"批次 {self.batch_id} 自 {self.opens_on} 至 {self.closes_on} 受理申报；"
                f"今天是 {on}。"
                f"batch {self.batch_id} takes applications from {self.opens_on} to"
                f" {self.closes_on}; today is {on}"
            )

    def to_data(self) -> dict[str, object]:
        """Plain data in the format `kashi/v1/batch`."""
        return {
            "format": FORMAT,
            "batch_id": self.batch_id,
            "programme_id": self.programme_id,
            "year": self.year,
            "version": self.version,
            "rules_sha256": self.rules_sha256,
            "opens_on": self.opens_on.isoformat(),
            "closes_on": self.closes_on.isoformat(),
            "documents": list(self.documents),
            "status": str(self.status),
        }

    def to_bytes(self) -> bytes:
        """Canonical bytes: these are logged."""
        return canonical_bytes(self.to_data())

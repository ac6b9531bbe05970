"""An evidence file: bytes by their hash, and what somebody said they are about."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_server.domain.contract_terms import check_text
from kashi_server.domain.party import check_credit_code
from kashi_server.errors import InvalidValue

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def check_sha256(text: str) -> str:
    """A SHA-256 in lower-case hexadecimal.

    Raises:
        InvalidValue: it is none.
    """
    if not _SHA256.fullmatch(text):
        raise InvalidValue(
            f"“{text}”不是 64 位十六进制的 SHA-256。"
            f"'{text}' is not a SHA-256 of 64 hexadecimal digits"
        )
    return text


class SubjectKind(StrEnum):
    """What a file can be about."""

    CONTRACT = "contract"
    INVOICE = "invoice"
    PAYMENT = "payment"
    CLAIM = "claim"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a file is about; a payment as PAYER/REFERENCE."""

    kind: SubjectKind
    name: str

    def __post_init__(self) -> None:
        """Refuse a subject without a name."""
        check_text(self.name, "subject")

    @classmethod
    def parse(cls, text: str) -> "Subject":
        """Read `invoice:26442000000000000001`."""
        kind, colon, name = text.partition(":")
        if not colon or kind not in tuple(SubjectKind):
            words = ", ".join(SubjectKind)
            raise InvalidValue(
                f"“{text}”不是对象；请写为 KIND:NAME，KIND 为 {words} 之一。"
                f"'{text}' is no subject; write KIND:NAME with a kind of {words}"
            )
        return cls(kind=SubjectKind(kind), name=name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Bytes that the store holds."""

    sha256: str
    size_bytes: int
    media_type: str

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_sha256(self.sha256)
        if self.size_bytes <= 0:
            raise InvalidValue("没有字节的文件不能作为证据。a file without a byte is no evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A stored file under a name, for an owner, about a subject."""

    file: StoredFile
    owner_id: str
    subject: Subject
    name: str
    added_by: str
    added_utc_ms: int

    def __post_init__(self) -> None:
        """Refuse a file of nobody, and a name that is a path."""
        check_credit_code(self.owner_id)
        check_text(self.added_by, "the name of who adds it")
        check_text(self.name, "name")
        if "/" in self.name or "\\" in self.name or self.name.startswith("."):
            raise InvalidValue(
                f"“{self.name}”是路径或隐藏文件；请只写文件名。"
                f"'{self.name}' is a path, or hidden; give the file's name alone"
            )

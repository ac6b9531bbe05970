"""The usage certificate 算力使用证明: its name, what it says about itself, what became of it.

A certificate certifies the statements of one month or of several that follow each other. Beside
each statement (invariant: the same facts give the same bytes) stand its evidence (which reports,
which checkpoint, whose keys) and its rules; a summary and the lines as a table stand beside them
all; the head names every one of these files by its hash. The head is what this file makes.

Invariants:
- one certificate an edition of the same statements; what is certified never changes, only its
  status does;
- a number carries two check digits (ISO 7064 MOD 97-10), so that a slip of the pen is seen before
  anything is looked up;
- the verification code is random and printed only on the document: it shows that who asks has it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from kashi_server.domain.interval import SHANGHAI, Month
from kashi_server.errors import InvalidValue, Refused

FORMAT: Final = "kashi/v2/certificate"
DOCUMENT_FORMAT: Final = "kashi/v2/certificate-document"
NOTICE_ZH: Final = (
    "本证明是算力使用的计量记录，既不构成获得资助的权利，也不是法定计量检定结论；"
    "所列资助金额均为估算。"
)
NOTICE_EN: Final = (
    "This is a measurement record. It is neither an entitlement to funding nor a metrological"
    " verification; every subsidy amount is an estimate."
)
DEMO_ZH: Final = "演示：由演示服务器出具，工作负载由程序生成，不得用于申报"
DEMO_EN: Final = "DEMONSTRATION of generated workloads: void for any claim"

CODE_BYTES: Final = 10
_CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE: Final = re.compile(f"[{_CODE_ALPHABET}]{{4}}(-[{_CODE_ALPHABET}]{{4}}){{3}}")
_NUMBER: Final = re.compile(r"KC-(\d{4})(\d{2})-(\d{6})-(\d{2})")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SERIAL_MAX: Final = 999_999
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class CertificateNumber:
    """`KC-202610-000001-18`: month of the usage, serial within it, check digits."""

    month: Month
    serial: int

    def __post_init__(self) -> None:
        """Refuse a serial that does not fit its six digits."""
        if not 1 <= self.serial <= _SERIAL_MAX:
            raise InvalidValue(
                f"序号 {self.serial} 不在 1 至 {_SERIAL_MAX} 之间。"
                f"serial {self.serial} lies outside 1..{_SERIAL_MAX}"
            )

    @classmethod
    def parse(cls, text: str) -> "CertificateNumber":
        """Read a number as a person may type it: any case, surrounding spaces.

        Raises:
            InvalidValue: it is not one, or its check digits do not fit.
        """
        match = _NUMBER.fullmatch(text.strip().upper())
        if match is None:
            raise InvalidValue(
                f"“{text}”不是证明编号；编号形如 KC-202610-000001-18。"
                f"'{text}' is not a certificate number; it looks like KC-202610-000001-18"
            )
        number = cls(Month(int(match[1]), int(match[2])), int(match[3]))
        if number.check_digits != match[4]:
            raise InvalidValue(
                f"“{text}”的校验位不符，其中有字符输错，请核对。"
                f"the check digits of '{text}' do not fit: one of its characters is mistyped"
            )
        return number

    @property
    def check_digits(self) -> str:
        """The two digits that make the whole divisible as ISO 7064 MOD 97-10 asks."""
        digits = int(f"{self.month.year:04d}{self.month.month:02d}{self.serial:06d}")
        return f"{98 - digits * 100 % 97:02d}"

    def __str__(self) -> str:
        month = f"{self.month.year:04d}{self.month.month:02d}"
        return f"KC-{month}-{self.serial:06d}-{self.check_digits}"


@dataclass(frozen=True, slots=True)
class VerificationCode:
    """Sixteen characters without look-alikes, in four groups: 80 random bits."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what is not a code."""
        if _CODE.fullmatch(self.text) is None:
            raise InvalidValue(
                f"“{self.text}”不是核验码；核验码为四组、每组四个字符。"
                f"'{self.text}' is not a verification code of four groups of four"
            )

    @classmethod
    def from_entropy(cls, entropy: bytes) -> "VerificationCode":
        """Spell `CODE_BYTES` random bytes.

        Raises:
            InvalidValue: there are more or fewer of them.
        """
        if len(entropy) != CODE_BYTES:
            raise InvalidValue(
                f"核验码由 {CODE_BYTES} 字节生成，现为 {len(entropy)} 字节。"
                f"a code is made of {CODE_BYTES} bytes, not {len(entropy)}"
            )
        number = int.from_bytes(entropy, "big")
        spelled = "".join(_CODE_ALPHABET[number >> shift & 31] for shift in range(75, -5, -5))
        return cls("-".join(spelled[start : start + 4] for start in range(0, 16, 4)))

    @classmethod
    def parse(cls, text: str) -> "VerificationCode":
        """Read a code as a person may type it: any case, with or without hyphens and spaces."""
        plain = re.sub(r"[\s-]", "", text).upper()
        return cls("-".join(plain[start : start + 4] for start in range(0, len(plain), 4)))

    def __str__(self) -> str:
        return self.text


class CertificateStatus(StrEnum):
    """What became of a certificate."""

    ISSUED = "issued"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    REDEEMED = "redeemed"

    @property
    def zh(self) -> str:
        """The word in Chinese."""
        return _STATUS_ZH[self]

    @property
    def in_force(self) -> bool:
        """Whether what it certifies still holds: money may have been paid on it, no more."""
        return self in (CertificateStatus.ISSUED, CertificateStatus.REDEEMED)

    def become(self, status: "CertificateStatus") -> "CertificateStatus":
        """The status after, where it may follow.

        Only a certificate that stands can change; a redeemed one can still be withdrawn, for
        money paid on it may have to come back.

        Raises:
            Refused: it may not.
        """
        if status not in _FOLLOWS[self]:
            raise Refused(
                f"证明的状态为 {self}，不能改为 {status}。"
                f"a certificate that is {self} cannot become {status}"
            )
        return status


_STATUS_ZH: Final = {
    CertificateStatus.ISSUED: "有效",
    CertificateStatus.SUPERSEDED: "已被替代",
    CertificateStatus.WITHDRAWN: "已撤销",
    CertificateStatus.REDEEMED: "已兑付",
}
_FOLLOWS: Final = {
    CertificateStatus.ISSUED: frozenset(
        {CertificateStatus.SUPERSEDED, CertificateStatus.WITHDRAWN, CertificateStatus.REDEEMED}
    ),
    CertificateStatus.REDEEMED: frozenset({CertificateStatus.WITHDRAWN}),
    CertificateStatus.SUPERSEDED: frozenset[CertificateStatus](),
    CertificateStatus.WITHDRAWN: frozenset[CertificateStatus](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who issues: the office's name in both languages and the system that wrote the document."""

    name_zh: str
    name_en: str
    system: str

    def __post_init__(self) -> None:
        """Refuse an issuer without a name."""
        if not self.name_zh.strip() or not self.system.strip():
            raise InvalidValue(
                "出具单位须有中文名称，并写明其系统。"
                "an issuer has a Chinese name and names its system"
            )

    def to_data(self) -> dict[str, object]:
        """As the head carries it."""
        return {"name_en": self.name_en, "name_zh": self.name_zh, "system": self.system}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Whose signature a document carries, as its page prints it: subject and serial in hex."""

    subject: str
    serial: str


class TimeStamping(StrEnum):
    """Whether a document carries a time-stamp of somebody else, as its head promises."""

    NONE = "none"
    RFC3161 = "rfc3161"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The head of a usage certificate: everything it says about itself.

    Attributes:
        number: of the last month it certifies.
        statement_sha256: lower-case hex of the hash over the statements' canonical bytes.
        evidence_sha256: the same of the evidence's.
        issued_utc_ms: UTC milliseconds; printed to the second, in +08:00.
        verify_address: where the portal answers /verify, or None where it is not published.
        supersedes: the certificate of the revision or edition before.
        supersedes_sha256: lower-case hex of the hash over that one's head, as the log keeps it:
            it names all that that one carried. None where it supersedes none.
        edition: counts up when the same statements are certified again with later papers.
        first_month: of several months the first; None where there is one.
        files: SHA-256 of every other attached file, by name.
        time_stamping: whether the document carries a time-stamp, or should and could not.
    """

    number: CertificateNumber
    code: VerificationCode
    issuer: Issuer
    issued_utc_ms: int
    statement_number: str
    statement_revision: int
    statement_sha256: str
    evidence_sha256: str
    verify_address: str | None = None
    supersedes: CertificateNumber | None = None
    supersedes_sha256: str | None = None
    demo: bool = False
    edition: int = 1
    first_month: Month | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    time_stamping: TimeStamping = TimeStamping.NONE

    def __post_init__(self) -> None:
        """Refuse hashes that are none, a revision below 1 and a certificate before 1970."""
        for name in ("statement_sha256", "evidence_sha256"):
            if _SHA256.fullmatch(getattr(self, name)) is None:
                raise InvalidValue(
                    f"{name} 不是小写十六进制的 SHA-256。{name} is not a SHA-256 in lower-case hex"
                )
        if (self.supersedes is None) != (self.supersedes_sha256 is None):
            raise InvalidValue(
                "被替代的证明须同时写明编号与散列值。"
                "a superseded certificate is named by its number and by its hash"
            )
        hashes = [*self.files.values(), self.supersedes_sha256 or self.statement_sha256]
        if any(_SHA256.fullmatch(digest) is None for digest in hashes):
            raise InvalidValue(
                "附件或被替代证明的散列值不是小写十六进制的 SHA-256。"
                "the hash of an attached file, or of what is superseded, is not a SHA-256 in"
                " lower-case hex"
            )
        if self.first_month is not None and not self.first_month < self.number.month:
            raise InvalidValue(
                f"首月 {self.first_month} 不早于 {self.number.month}。"
                f"{self.first_month} is not before {self.number.month}"
            )
        if min(self.statement_revision, self.edition) < 1 or self.issued_utc_ms <= 0:
            raise InvalidValue(
                "证明的版次从 1 起，且须有出具时间。"
                "a certificate is of revision 1 or later and has a time of issue"
            )
        if self.supersedes == self.number:
            raise InvalidValue(
                f"证明 {self.number} 不能替代自身。"
                f"certificate {self.number} cannot supersede itself"
            )

    @property
    def issued_at(self) -> datetime:
        """Time of issue in Asia/Shanghai, cut to the second."""
        return (_EPOCH + timedelta(seconds=self.issued_utc_ms // 1000)).astimezone(SHANGHAI)

    @property
    def verification_url(self) -> str | None:
        """What the QR code says; None where no address is published."""
        if self.verify_address is None:
            return None
        return f"{self.verify_address}?number={self.number}&code={self.code}"

    def to_data(self) -> dict[str, object]:
        """The head, format `kashi/v2/certificate`."""
        first = self.first_month or self.number.month
        return {
            "format": FORMAT,
            "number": str(self.number),
            "edition": self.edition,
            "demo": self.demo,
            "months": {"first": str(first), "last": str(self.number.month)},
            "files": dict(self.files),
            "time_stamp": str(self.time_stamping),
            "issued_at": self.issued_at.isoformat(),
            "issuer": self.issuer.to_data(),
            "supersedes": None if self.supersedes is None else str(self.supersedes),
            "supersedes_sha256": self.supersedes_sha256,
            "verification": {"code": str(self.code), "url": self.verification_url},
            "statement": {
                "number": self.statement_number,
                "revision": self.statement_revision,
                "sha256": self.statement_sha256,
            },
            "evidence": {"sha256": self.evidence_sha256},
            "notices": {
                "zh": [NOTICE_ZH, *([DEMO_ZH] if self.demo else [])],
                "en": [NOTICE_EN, *([DEMO_EN] if self.demo else [])],
            },
        }

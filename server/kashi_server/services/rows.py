"""Rows that pages show: what storage reads for them, whole and finished before anything renders."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.confirmation import Confirmation
from kashi_server.domain.interval import Month
from kashi_server.domain.key_token import KeyToken
from kashi_server.domain.key_word import KeyStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyName:
    """A party as pages call it; where nobody registered it, its code is its name."""

    party_id: str
    name_zh: str
    name_en: str = ""
    kind: str = ""
    district: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """A host as its people watch it. What is None never happened or is not known.

    Attributes:
        state: active, held or revoked; `state_reason` says why.
        received_utc_ms: when its last report came.
        reported_until_utc_ms: up to where its reports speak.
        clock_synchronised: as its last report says.
        quarantined: reports that are stored and not counted.
        quarantined_since_utc_ms: when the time begins of which the first of them speaks.
        devices: how many it has ever reported.
        devices_counted_only: cards it keeps out of its reports, as its last one says.
        certificate_expires_utc_ms: of its current TLS certificate.
        key: where its report key is held; `key_token` is the hardware that it claims.
        key_token_claimed_by: other hosts, of those the reader sees, that claim a token of the same
            serial number.
    """

    host_id: str
    hostname: str
    operator: PartyName
    owner: PartyName | None
    state: str
    state_reason: str
    state_utc_ms: int
    agent_version: str
    operating_system: str
    architecture: str
    enrolled_utc_ms: int
    received_utc_ms: int | None
    reported_until_utc_ms: int | None
    clock_synchronised: bool | None
    clock_offset_ms: int | None
    quarantined: int
    quarantined_since_utc_ms: int | None
    devices: int
    devices_counted_only: int
    certificate_expires_utc_ms: int | None
    key: KeyStanding
    key_token: KeyToken | None
    key_token_claimed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A statement revision; `latest` where no later revision exists."""

    number: str
    revision: int
    latest: bool
    month: Month
    user: PartyName
    provider: PartyName | None
    contract_id: str | None
    card_hours: Fraction
    amount_fen: int
    eligible_fen: int
    closed_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementDocument:
    """A statement's row and its canonical bytes, exactly as stored."""

    row: StatementRow
    revisions: tuple[int, ...]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRow:
    """An issued usage certificate and what became of it."""

    number: str
    code: str
    status: CertificateStatus
    status_reason: str
    issued_utc_ms: int
    statement_number: str
    statement_revision: int
    user: PartyName
    month: Month
    card_hours: Fraction
    amount_fen: int
    eligible_fen: int
    pdf_sha256: str
    statement_sha256: str
    supersedes: str | None
    superseded_by: str | None
    demo: bool
    provider_id: str | None = None
    edition: int = 1
    first_month: Month | None = None
    # Of one certificate by itself: who confirmed it, a later revision of its statement, its files.
    confirmations: tuple[Confirmation, ...] = ()
    newer_revision: int | None = None
    kinds: frozenset[str] = frozenset()

    @property
    def months(self) -> str:
        """The months it certifies."""
        return str(self.month) if self.first_month is None else f"{self.first_month}..{self.month}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """Something that is not counted, or that an officer must look at."""

    kind: str
    utc_ms: int
    subject: str
    host_id: str | None
    hardware_id: str | None
    reason: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyMonth:
    """A company's month over all its contracts: the sum of its latest statement revisions."""

    user: PartyName
    month: Month
    statements: int
    card_hours: Fraction
    amount_fen: int
    eligible_fen: int

    @classmethod
    def of(cls, rows: Sequence[StatementRow]) -> "CompanyMonth":
        """Add up the statements of one user and month."""
        return cls(
            user=rows[0].user,
            month=rows[0].month,
            statements=len(rows),
            card_hours=sum((row.card_hours for row in rows), Fraction(0)),
            amount_fen=sum(row.amount_fen for row in rows),
            eligible_fen=sum(row.eligible_fen for row in rows),
        )

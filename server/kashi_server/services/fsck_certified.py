"""What a certificate certifies: the statements it carries, the rows that name them, their months.

The rows decide what a correction supersedes, what a payment redeems and what falls with a month
that is withdrawn. They, the statements in the certificate's data and the stored statements are one
and the same; and no certificate of several months stands on one that fell.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.services.certificates_port import StoredCertificate

NONE: Final = "nothing"
Data = Mapping[str, Any]


class CertifiedStatement(NamedTuple):
    """A statement that a certificate is of; `sha256` in lower-case hexadecimal."""

    month: str
    number: str
    revision: int
    sha256: str


class CertifiedPort(Protocol):
    """What is asked of the repository of certificates."""

    def certified_statements(self, number: str) -> Sequence[CertifiedStatement]:
        """The stored statements that rows name for a certificate, by month."""

    def certificate_of(self, number: str, revision: int) -> StoredCertificate | None:
        """The latest edition of the certificate of a statement revision."""


def certified_faults(
    port: CertifiedPort, one: StoredCertificate, head: Data, whole: Data
) -> Iterator[str]:
    """Everything in which rows, data and head of a certificate name other statements.

    Args:
        port: the rows.
        one: the certificate.
        head: its head, as the log has it.
        whole: all of its data, by name.
    """
    said = [_said(content) for content in _of_months("statement", whole)]
    stored = port.certified_statements(one.number)
    for place in sorted({found.month for found in (*said, *stored)}):
        rows, data = ({f for f in found if f.month == place} for found in (stored, said))
        if rows != data:
            yield (
                f"证明 {one.number} 的 {place}：数据行所指为 {_named(rows) or '无'}，"
                f"其内容所载为 {_named(data) or '无'}。"
                f"certificate {one.number} is of {_named(rows) or NONE} for {place} by its rows;"
                f" its data has {_named(data) or NONE}"
            )
    for kind_zh, kind in (("结算单", "statement"), ("证据", "evidence")):
        joined = b"".join(canonical_bytes(content) for content in _of_months(kind, whole))
        if sha256(joined).hexdigest() != head[kind]["sha256"]:
            yield (
                f"证明 {one.number} 的{kind_zh}与其首部所列不符。"
                f"the {kind} of certificate {one.number} is not what its head names"
            )
    revision = 1 + sum(found.revision - 1 for found in said)
    if revision != head["statement"]["revision"]:
        yield (
            f"证明 {one.number} 所述修订号为 {head['statement']['revision']}，"
            f"按其结算单应为 {revision}。"
            f"certificate {one.number} is of revision {head['statement']['revision']}; its"
            f" statements make {revision}"
        )
    if one.first_month is not None and one.status.in_force:
        yield from _fallen(port, one, said)


def _of_months(kind: str, whole: Data) -> list[Any]:
    """The content of one month, or of each of several in their order."""
    if kind in whole:
        return [whole[kind]]
    return [whole[name] for name in sorted(whole) if name.startswith(f"{kind}-")]


def _said(statement: Data) -> CertifiedStatement:
    named = statement["statement"]
    return CertifiedStatement(
        month=statement["period"]["month"],
        number=named["number"],
        revision=named["revision"],
        sha256=sha256(canonical_bytes(statement)).hexdigest(),
    )


def _named(found: set[CertifiedStatement]) -> str:
    return ", ".join(f"{f.number} r{f.revision} ({f.sha256[:8]}…)" for f in found)


def _fallen(
    port: CertifiedPort, one: StoredCertificate, said: Sequence[CertifiedStatement]
) -> Iterator[str]:
    for statement in said:
        own = port.certificate_of(statement.number, statement.revision)
        if own is None:
            yield (
                f"证明 {one.number} 有效，而 {statement.month} 没有自己的证明。"
                f"certificate {one.number} stands; {statement.month} has none of its own"
            )
        elif not own.status.in_force:
            yield (
                f"证明 {one.number} 有效，而 {own.month} 的 {own.number} 已失效（{own.status}）。"
                f"certificate {one.number} stands; {own.number} of {own.month} is {own.status}"
            )

"""Step 10: the hosts' own reports, exact bytes under each host's report key.

1. the signature over `kashi/v1/report` and the header verifies under the key the evidence names;
2. the header speaks of that host, and epoch and sequence only grow;
3. a report that follows the one before names its hash;
4. every revealed block has the salted digest that the header signed; a withheld one is empty;
5. the hashes, in order of host, epoch and sequence, have the root that the evidence names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from kashi_verify import merkle, wire
from kashi_verify.bundle import Bundle
from kashi_verify.detail import Detail, report_named
from kashi_verify.elliptic import check_message_signature, load_p256
from kashi_verify.findings import CheckFailed
from kashi_verify.limits import REPORTS_MAX

Data = Mapping[str, Any]
_PREFIX: Final = b"kashi/v1/report\n"
_BLOCK_PREFIX: Final = b"kashi/v1/block\n"


@dataclass(frozen=True, slots=True)
class Reported:
    """A report that was checked."""

    host_id: str
    epoch: int
    sequence: int
    sha256: bytes

    @property
    def name(self) -> Detail:
        """How messages call it."""
        return report_named(self.host_id, self.epoch, self.sequence)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A report taken apart: its header's fields, its first signature and its blocks."""

    header_bytes: bytes
    header: wire.Message
    signature: bytes
    blocks: Sequence[wire.Message]


def parse(message: bytes) -> Parsed:
    """Take a report apart; nothing is checked but its form."""
    report = wire.read_message(message)
    signatures = wire.repeated(report, 2)
    if not signatures:
        raise CheckFailed("有报告没有签名。A report carries no signature")
    header = wire.octets(report, 1)
    return Parsed(
        header,
        wire.read_message(header),
        signatures[0],
        [wire.read_message(block) for block in wire.repeated(report, 3)],
    )


def check_reports(bundle: Bundle, evidence: Data) -> list[Reported]:
    """Check every report of the bundle, in order.

    Raises:
        CheckFailed: one does not hold; the message names it.
    """
    found: list[Reported] = []
    hosts = evidence["hosts"]
    if [host["host_id"] for host in hosts] != sorted({host["host_id"] for host in hosts}):
        raise CheckFailed(
            "证据中的主机次序不对，或有重复。"
            "The evidence's hosts are not in order, or one stands twice"
        )
    for host in hosts:
        found.extend(_host_reports(bundle, host))
        if len(found) > REPORTS_MAX:
            raise CheckFailed(
                f"证据包的报告多于 {REPORTS_MAX} 份。"
                f"The bundle holds more than {REPORTS_MAX} reports"
            )
    expected = evidence["reports"]
    root = merkle.root([merkle.leaf_hash(report.sha256) for report in found]).hex()
    if len(found) != expected["count"] or root != expected["root"]:
        raise CheckFailed(
            f"报告 {len(found)} 份，根为 {root}；证据所指为 {expected['count']} 份，根为 "
            f"{expected['root']}。"
            f"{len(found)} reports with root {root}; the evidence names {expected['count']} with "
            f"root {expected['root']}"
        )
    return found


def _host_reports(bundle: Bundle, host: Data) -> Iterator[Reported]:
    host_id = host["host_id"]
    try:
        der = bytes.fromhex(host["report_public_key"])
    except ValueError as error:
        raise CheckFailed(
            f"主机 {host_id} 的报告密钥不是十六进制。"
            f"The report key of host {host_id} is not hexadecimal"
        ) from error
    key = load_p256(der, Detail(f"主机 {host_id} ", f"host {host_id}"))
    before: Reported | None = None
    for message in bundle.messages(f"reports/{host_id}.bin"):
        parsed = parse(message)
        report = _check_report(parsed, host_id, key)
        if before is not None:
            _check_link(before, report, wire.octets(parsed.header, 6))
        before = report
        yield report


def _check_report(parsed: Parsed, host_id: str, key: ec.EllipticCurvePublicKey) -> Reported:
    digest = sha256(_PREFIX + parsed.header_bytes).digest()
    report = Reported(
        wire.text(parsed.header, 1),
        wire.integer(parsed.header, 4),
        wire.integer(parsed.header, 5),
        digest,
    )
    if report.host_id != host_id:
        raise CheckFailed(
            f"{report.name.zh} 列在主机 {host_id} 的报告中。"
            f"{report.name.en} stands among those of host {host_id}"
        )
    check_message_signature(key, parsed.signature, _PREFIX + parsed.header_bytes, report.name)
    _check_blocks(parsed, report)
    return report


def _check_blocks(parsed: Parsed, report: Reported) -> None:
    digests = [wire.read_message(digest) for digest in wire.repeated(parsed.header, 13)]
    if len(digests) != len(parsed.blocks):
        raise CheckFailed(
            f"{report.name.zh}：{len(parsed.blocks)} 个区块，{len(digests)} 个摘要。"
            f"{report.name.en}: {len(parsed.blocks)} blocks, {len(digests)} digests"
        )
    for place, (block, digest) in enumerate(zip(parsed.blocks, digests, strict=True)):
        salt, content = wire.octets(block, 2), wire.octets(block, 3)
        if wire.integer32(block, 1) != wire.integer32(digest, 1):
            raise CheckFailed(
                f"{report.name.zh}：区块 {place} 与其摘要的种类不同。"
                f"{report.name.en}: block {place} is of another kind than its digest"
            )
        if not salt and not content:
            continue
        if sha256(_BLOCK_PREFIX + salt + content).digest() != wire.octets(digest, 2):
            raise CheckFailed(
                f"{report.name.zh}：区块 {place} 与其摘要不符。"
                f"{report.name.en}: block {place} does not match its digest"
            )


def _check_link(before: Reported, report: Reported, previous: bytes) -> None:
    if (report.epoch, report.sequence) <= (before.epoch, before.sequence):
        raise CheckFailed(
            f"{report.name.zh} 不在 {before.name.zh} 之后。"
            f"{report.name.en} does not come after {before.name.en}"
        )
    follows = (report.epoch, report.sequence) == (before.epoch, before.sequence + 1)
    if follows and previous != before.sha256:
        raise CheckFailed(
            f"{report.name.zh} 所指的前一份是另一份报告。"
            f"{report.name.en} names another report before it"
        )

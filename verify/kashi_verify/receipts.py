"""Step 11: the server's receipts, one a report, signed under the server's own root.

1. the chain of `certificates/server.pem` leads to the root whose hash the evidence names;
2. receipts stand in the order of the reports and name host, epoch, sequence and hash;
3. each signature over `kashi/v1/receipt` and the payload verifies;
4. a report counts when its receipt says accepted, or when the evidence lists it as restored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from kashi_verify import wire
from kashi_verify.bundle import Bundle
from kashi_verify.chain import check_chain, check_signer_usage, der, load_pem, order_chain
from kashi_verify.detail import SERVER, Detail, report_named
from kashi_verify.elliptic import check_message_signature, p256
from kashi_verify.findings import CheckFailed, Findings
from kashi_verify.reports import Reported

Data = Mapping[str, Any]
PREFIX: Final = b"kashi/v1/receipt\n"
_ACCEPTED: Final = 1
_QUARANTINED: Final = 5
_PEM_BYTES_MAX: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Receipted:
    """What the receipts say: their signed payloads, and which reports count."""

    payloads: Sequence[bytes]
    counted: frozenset[tuple[str, int, int]]


def server_key(bundle: Bundle, evidence: Data, at: datetime) -> ec.EllipticCurvePublicKey:
    """The key of receipts and checkpoints, its chain checked to the root the evidence names.

    Raises:
        CheckFailed: the chain does not hold, or ends in another root.
    """
    certificates = load_pem(bundle.read("certificates/server.pem", _PEM_BYTES_MAX))
    chain = order_chain(certificates[0], certificates[1:])
    root = sha256(der(chain[-1])).hexdigest()
    if root != evidence["server_root_sha256"]:
        raise CheckFailed(
            f"服务器根证书的哈希为 {root}，与证据所指不同。"
            f"The server's root hashes to {root}, not as the evidence names it"
        )
    check_chain(chain, at, SERVER)
    check_signer_usage(chain[0], SERVER, documents=False)
    return p256(chain[0].public_key(), SERVER)


def check_receipts(
    bundle: Bundle,
    evidence: Data,
    reports: Sequence[Reported],
    key: ec.EllipticCurvePublicKey,
    findings: Findings,
) -> Receipted:
    """Check one receipt a report.

    Raises:
        CheckFailed: one is missing, foreign, or does not verify.
    """
    restored = {(one["host_id"], one["epoch"], one["sequence"]) for one in evidence["restored"]}
    messages = (
        message
        for host in evidence["hosts"]
        for message in bundle.messages(f"receipts/{host['host_id']}.bin")
    )
    payloads: list[bytes] = []
    counted: set[tuple[str, int, int]] = set()
    for report in reports:
        payload, verdict = _check_receipt(next(messages, b""), report, key)
        place = (report.host_id, report.epoch, report.sequence)
        payloads.append(payload)
        if verdict == _ACCEPTED or place in restored:
            counted.add(place)
        else:
            name = report.name
            findings.flag(
                "quarantined",
                f"{name.zh} 被隔离，不计入。{name.en} is quarantined and does not count",
            )
    if next(messages, None) is not None:
        raise CheckFailed("回执多于报告。There are more receipts than reports")
    for place in sorted(restored & counted):
        name = report_named(*place)
        findings.flag("restored", f"{name.zh}已恢复计入。{name.en} was restored")
    return Receipted(payloads, frozenset(counted))


def _check_receipt(
    message: bytes, report: Reported, key: ec.EllipticCurvePublicKey
) -> tuple[bytes, int]:
    receipt = wire.read_message(message)
    payload_bytes = wire.octets(receipt, 1)
    payload = wire.read_message(payload_bytes)
    said = (wire.text(payload, 1), wire.integer(payload, 2), wire.integer(payload, 3))
    if said != (report.host_id, report.epoch, report.sequence):
        raise CheckFailed(
            f"{report.name.zh} 旁的回执属于另一份报告。"
            f"The receipt beside {report.name.en} is of another report"
        )
    if wire.octets(payload, 4) != report.sha256:
        raise CheckFailed(
            f"{report.name.zh} 的回执所记哈希不同。"
            f"The receipt of {report.name.en} names another hash"
        )
    name = Detail(f"{report.name.zh} 的回执", f"the receipt of {report.name.en}")
    check_message_signature(key, wire.octets(receipt, 2), PREFIX + payload_bytes, name)
    verdict = wire.integer(payload, 5)
    if verdict not in (_ACCEPTED, _QUARANTINED):
        raise CheckFailed(f"{name.zh} 的判定为 {verdict}。{name.en} has verdict {verdict}")
    return payload_bytes, verdict

"""Receipts: the server's immutable answer to a stored report."""

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing
from kashi.errors import FormError
from kashi.v1 import metering_pb2, report_pb2

from kashi_server.domain.sequence import Judgement, QuarantineReason, Verdict

_ECDSA: Final = ec.ECDSA(hashes.SHA256())

_VERDICTS: Final = {
    Verdict.ACCEPTED: metering_pb2.VERDICT_ACCEPTED,
    Verdict.QUARANTINED: metering_pb2.VERDICT_QUARANTINED,
}
_REASONS: Final = {
    None: metering_pb2.QUARANTINE_REASON_UNSPECIFIED,
    QuarantineReason.HOST_HELD: metering_pb2.QUARANTINE_REASON_HOST_HELD,
    QuarantineReason.REPLAY_METER: metering_pb2.QUARANTINE_REASON_REPLAY_METER,
    QuarantineReason.BEFORE_ENROLMENT: metering_pb2.QUARANTINE_REASON_BEFORE_ENROLMENT,
    QuarantineReason.OVERLAP: metering_pb2.QUARANTINE_REASON_OVERLAP,
    QuarantineReason.BEYOND_SKEW: metering_pb2.QUARANTINE_REASON_BEYOND_SKEW,
    QuarantineReason.COUNTERS: metering_pb2.QUARANTINE_REASON_COUNTERS,
    QuarantineReason.EPOCH_LIMIT: metering_pb2.QUARANTINE_REASON_EPOCH_LIMIT,
    QuarantineReason.DESCRIPTION: metering_pb2.QUARANTINE_REASON_DESCRIPTION,
    QuarantineReason.CADENCE: metering_pb2.QUARANTINE_REASON_CADENCE,
}

_KNOWN: Final = frozenset(int(reason) for reason in QuarantineReason)


class ReceiptSigner:
    """Makes receipts. The key's id is worked out once, not with every signature."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._key_id = signing.key_id(key.public_key())

    def sign(
        self,
        host_id: str,
        place: tuple[int, int],
        report_sha256: bytes,
        judgement: Judgement,
        received_utc_ms: int,
    ) -> bytes:
        """A serialised Receipt for the report at (epoch, sequence)."""
        payload = metering_pb2.ReceiptPayload(
            host_id=host_id,
            epoch=place[0],
            sequence=place[1],
            report_sha256=report_sha256,
            verdict=_VERDICTS[judgement.verdict],
            quarantine_reason=_REASONS[judgement.reason],
            received_utc_ms=received_utc_ms,
        ).SerializeToString()
        signature = report_pb2.Signature(
            algorithm=report_pb2.SIGNATURE_ALGORITHM_P256_SHA256,
            key_id=self._key_id,
            value=self._key.sign(signing.RECEIPT + payload, _ECDSA),
        )
        return metering_pb2.Receipt(payload=payload, signature=signature).SerializeToString()


def read_receipt(
    receipt: bytes, key: ec.EllipticCurvePublicKey | None = None
) -> tuple[metering_pb2.ReceiptPayload, Judgement]:
    """What a receipt says; with a key its signature is checked. A reason of a later version is kept
    in the payload and told as unknown.

    Raises:
        kashi.errors.ContractError: it does not verify, or says what no receipt says.
    """
    message = metering_pb2.Receipt.FromString(receipt)
    if key is not None:
        signing.verify(key, message.signature, signing.RECEIPT, message.payload)
    payload = metering_pb2.ReceiptPayload.FromString(message.payload)
    if payload.verdict not in _VERDICTS.values():
        raise FormError(f"a receipt with verdict {payload.verdict}")
    verdict, number = Verdict(payload.verdict), int(payload.quarantine_reason)
    if number and number not in _KNOWN:
        return payload, Judgement(verdict, None, f"unknown reason {number}")
    return payload, Judgement(verdict, QuarantineReason(number) if number else None)


def log_entry(receipt: bytes) -> bytes:
    """What the log keeps of a report: the receipt's prefix and the payload that was signed.

    Whoever holds the receipt can make the entry and needs nothing else for it.
    """
    return signing.RECEIPT + metering_pb2.Receipt.FromString(receipt).payload

"""Notices: how the server stands to a host whose reports were carried by somebody else.

A host that calls by itself believes the answer for the connection it came over. One whose reports
go through a relay or in a file believes only what is signed: the receipts, and a notice that says
where its chain stands and which of its reports were not taken.
"""

from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing
from kashi.v1 import metering_pb2

from kashi_server.domain.sequence import Verdict
from kashi_server.services.submission import Answer

_REFUSED: Final = {
    Verdict.FORK: metering_pb2.VERDICT_FORK,
    Verdict.REJECTED: metering_pb2.VERDICT_REJECTED,
}


def sign_notice(
    key: ec.EllipticCurvePrivateKey,
    host_id: str,
    reports: Sequence[bytes],
    answer: Answer,
    answered_utc_ms: int,
) -> bytes:
    """A serialised SignedNotice to the host whose `reports` got this answer.

    A gap is no refusal: the host sends on from the head. A refused report is named by all its
    bytes, so that one altered on the way is not taken for the host's own.
    """
    payload = metering_pb2.NoticePayload(
        host_id=host_id,
        head=metering_pb2.Head(
            epoch=answer.head.epoch, sequence=answer.head.sequence, sha256=answer.head.sha256
        ),
        answered_utc_ms=answered_utc_ms,
        refused=[
            metering_pb2.RefusedReport(
                wire_sha256=signing.sha256(wire),
                verdict=_REFUSED[result.judgement.verdict],
                detail=result.judgement.detail,
            )
            for wire, result in zip(reports, answer.results, strict=True)
            if result.judgement.verdict in _REFUSED
        ],
    ).SerializeToString()
    return metering_pb2.SignedNotice(
        payload=payload, signature=signing.sign(key, signing.NOTICE, payload)
    ).SerializeToString()


def carried_response(answer: Answer, notice: bytes) -> metering_pb2.SubmitResponse:
    """What of an answer may be carried: every part of it is signed."""
    return metering_pb2.SubmitResponse(
        receipts=[result.receipt for result in answer.results if result.receipt],
        checkpoint=answer.checkpoint,
        notice=notice,
    )

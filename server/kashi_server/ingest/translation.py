"""The metering port's messages and the services' plain values; generated types stop here."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from kashi import limits
from kashi.v1 import metering_pb2
from kashi.v1.report_pb2 import Signature

from kashi_server.domain.sequence import Verdict
from kashi_server.errors import InvalidValue
from kashi_server.services.ingestion import Answer

_VERDICTS: Final = {
    Verdict.ACCEPTED: metering_pb2.VERDICT_ACCEPTED,
    Verdict.DUPLICATE: metering_pb2.VERDICT_DUPLICATE,
    Verdict.GAP: metering_pb2.VERDICT_GAP,
    Verdict.FORK: metering_pb2.VERDICT_FORK,
    Verdict.QUARANTINED: metering_pb2.VERDICT_QUARANTINED,
    Verdict.REJECTED: metering_pb2.VERDICT_REJECTED,
}


def reports_from_request(request: bytes) -> tuple[str, Sequence[bytes]]:
    """The host that a serialised SubmitRequest names, "" for the caller, and the reports.

    Raises:
        InvalidValue: it is none, or carries too many reports.
    """
    try:
        message = metering_pb2.SubmitRequest.FromString(request)
    except DecodeError as error:
        raise InvalidValue("内容不是 SubmitRequest。the bytes are not a SubmitRequest") from error
    if len(message.reports) > limits.REPORTS_PER_CALL_MAX:
        raise InvalidValue(
            f"一次调用含 {len(message.reports)} 份报告，最多 "
            f"{limits.REPORTS_PER_CALL_MAX} 份。"
            f"{len(message.reports)} reports in one call; send at most"
            f" {limits.REPORTS_PER_CALL_MAX}"
        )
    return message.host_id, list(message.reports)


def response_from_answer(answer: Answer, notice: bytes = b"") -> bytes:
    """A serialised SubmitResponse; with a notice for the host behind a relay."""
    return metering_pb2.SubmitResponse(
        results=[
            metering_pb2.SubmitResult(
                verdict=_VERDICTS[result.judgement.verdict],
                receipt=result.receipt,
                detail=result.judgement.detail,
            )
            for result in answer.results
        ],
        head=metering_pb2.Head(
            epoch=answer.head.epoch, sequence=answer.head.sequence, sha256=answer.head.sha256
        ),
        checkpoint=answer.checkpoint,
        notice=notice,
    ).SerializeToString()


def renewal_from_request(request: bytes) -> tuple[str, bytes, Signature]:
    """Host ("" for the caller), certificate request and signature of a serialised RenewRequest.

    Raises:
        InvalidValue: it is none.
    """
    try:
        message = metering_pb2.RenewRequest.FromString(request)
    except DecodeError as error:
        raise InvalidValue("内容不是 RenewRequest。the bytes are not a RenewRequest") from error
    return message.host_id, message.csr, message.signature


def response_from_chain(chain: Sequence[bytes]) -> bytes:
    """A serialised RenewResponse."""
    return metering_pb2.RenewResponse(certificate_chain=chain).SerializeToString()

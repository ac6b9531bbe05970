"""Requests to be enrolled that come as files: the same checks as at the enrolment port.

Whoever finds such a file finds no token in it: the request names the token by the first bytes of
its hash and shows by a keyed hash that its maker has it. A request without a token is let in by an
officer, whose list names the file by its hash.
"""

import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError
from kashi import signing
from kashi.v1 import carry_pb2, enrolment_pb2

from kashi_server.errors import Refused
from kashi_server.services.carrying import certificate_record
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.introducing import Greeting, introduction_of, response_of

Approve = Callable[[bytes], bytes]
"""Lets in a request; SHA-256 of the token that stands for it."""


def no_approval(_request: bytes) -> bytes:
    """Nobody approved anything."""
    raise Refused(
        "请求未附令牌，请由经办人以 --approve 清单批准其文件。"
        "the request comes without a token; let an officer approve its file: --approve LIST"
    )


class CarriedEnrolments:
    """Answers requests to enrol or to renew that came as files.

    Args:
        enrolment: the service behind the enrolment port.
        greeting: what newly enrolled hosts are told.
        receipt_key: signs answers: a host knows it by the root it was given.
    """

    def __init__(
        self, enrolment: Enrolment, greeting: Greeting, receipt_key: ec.EllipticCurvePrivateKey
    ) -> None:
        self._enrolment = enrolment
        self._greeting = greeting
        self._receipt_key = receipt_key

    def answer(
        self, record: carry_pb2.CarryRecord, approve: Approve = no_approval
    ) -> carry_pb2.CarryRecord:
        """The answer to one request.

        Raises:
            Refused: the request does not hold; InvalidValue: one of its facts cannot be.
        """
        match record.WhichOneof("record"):
            case "renewal":
                asked = record.renewal
                chain = self._enrolment.renew_carried(asked.host_id, asked.csr, asked.signature)
                return certificate_record(asked.host_id, chain)
            case "enrolment":
                return self._identity(record.enrolment, approve)
            case other:
                raise Refused(
                    f"请求文件中不应有 {other}。{other} does not belong in a file of requests"
                )

    def _identity(
        self, carried: carry_pb2.CarriedEnrolment, approve: Approve
    ) -> carry_pb2.CarryRecord:
        try:
            request = enrolment_pb2.EnrolRequest.FromString(carried.request)
        except DecodeError as error:
            raise Refused(
                "enrolment.request 不是 EnrolRequest。enrolment.request is no EnrolRequest"
            ) from error
        if request.token:
            raise Refused(
                "enrolment.request 含有令牌，见过该文件的人都能使用它；"
                "请作废后重新签发。"
                "enrolment.request carries a token; whoever saw the file can use it"
            )
        introduction = introduction_of(request)
        token = self._token(carried) if carried.token_hint else approve(carried.request)
        enrolled = self._enrolment.enrol_carried(introduction, token)
        payload = response_of(enrolled, self._greeting).SerializeToString()
        signature = signing.sign(self._receipt_key, signing.ENROLMENT, payload)
        return carry_pb2.CarryRecord(
            identity=enrolment_pb2.SignedEnrolment(payload=payload, signature=signature)
        )

    def _token(self, carried: carry_pb2.CarriedEnrolment) -> bytes:
        for token_sha256 in self._enrolment.tokens_of_hint(carried.token_hint):
            proof = signing.request_proof(token_sha256, carried.request)
            if hmac.compare_digest(proof, carried.token_proof):
                return token_sha256
        raise Refused(
            "enrolment.token_proof：令牌不是本服务器签发，或属于其他请求。"
            "enrolment.token_proof: the token was not issued here, or is another's"
        )

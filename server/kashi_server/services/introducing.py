"""How a host introduces itself: the contract's message as plain values, refused where it cannot be.

The enrolment port and requests that come as files are read alike.
"""

from dataclasses import dataclass
from typing import Final

from kashi.limits import TEXT_CHARACTERS_MAX
from kashi.v1 import enrolment_pb2

from kashi_server.domain.key_token import KeyToken
from kashi_server.errors import InvalidValue
from kashi_server.services.enrolment import Enrolled
from kashi_server.services.hosts import HostFacts
from kashi_server.services.possession import Introduction

SHA256_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What every newly enrolled host is told of the server.

    Attributes:
        receipt_chain: DER, the signer's certificate first, the server root last.
        metering_address: host:port as hosts reach it.
        demo: the server counts replayed workloads.
    """

    receipt_chain: tuple[bytes, ...]
    metering_address: str
    demo: bool


def introduction_of(request: enrolment_pb2.EnrolRequest) -> Introduction:
    """What an EnrolRequest says.

    Raises:
        InvalidValue: one of its facts cannot be.
    """
    return Introduction(
        secret=request.token,
        csr=request.csr,
        report_public_key=request.report_public_key,
        possession=request.possession,
        facts=host_facts(request.facts),
        relay_names=tuple(request.relay_names),
    )


def response_of(enrolled: Enrolled, greeting: Greeting) -> enrolment_pb2.EnrolResponse:
    """What a newly enrolled host is told."""
    return enrolment_pb2.EnrolResponse(
        host_id=enrolled.host_id,
        certificate_chain=enrolled.chain,
        receipt_certificate_chain=greeting.receipt_chain,
        metering_address=greeting.metering_address,
        enrolled_utc_ms=enrolled.enrolled_utc_ms,
        operator_party_id=enrolled.operator_party_id,
        demo=greeting.demo,
    )


def host_facts(facts: enrolment_pb2.HostFacts) -> HostFacts:
    """What a host says of itself, refused where it cannot be.

    Raises:
        InvalidValue: a text is too long or holds control characters, or a hash has another length.
    """
    if len(facts.machine_sha256) not in (0, SHA256_BYTES):
        raise InvalidValue(
            "facts.machine_sha256 不是 SHA-256。facts.machine_sha256 is not a SHA-256"
        )
    return HostFacts(
        hostname=_text("hostname", facts.hostname),
        machine_sha256=facts.machine_sha256,
        operating_system=_text("operating_system", facts.operating_system),
        agent_version=_text("agent_version", facts.agent_version),
        architecture=_text("architecture", facts.architecture),
        key_token=_key_token(facts.key_token) if facts.HasField("key_token") else None,
    )


def _key_token(token: enrolment_pb2.KeyToken) -> KeyToken:
    return KeyToken(
        manufacturer=_text("key_token.manufacturer", token.manufacturer),
        model=_text("key_token.model", token.model),
        serial=_text("key_token.serial", token.serial),
        made_inside=token.made_inside,
        never_extractable=token.never_extractable,
        always_sensitive=token.always_sensitive,
    )


def _text(name: str, value: str) -> str:
    if len(value) > TEXT_CHARACTERS_MAX or not value.isprintable():
        raise InvalidValue(
            f"facts.{name} 须为不超过 {TEXT_CHARACTERS_MAX} 个字符的可见文本。"
            f"facts.{name} is not a printable text of up to {TEXT_CHARACTERS_MAX}"
        )
    return value

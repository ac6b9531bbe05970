"""How a host shows that the keys it names are its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing
from kashi.errors import SignatureError
from kashi.v1.report_pb2 import Signature

from kashi_server.errors import Refused
from kashi_server.services.authority import public_key_of
from kashi_server.services.hosts import Host, HostFacts

RELAY_NAMES_MAX: Final = 16

_RELAY_NAME: Final = re.compile(
    r"[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """How a host introduces itself: the token's secret, two keys, and what it says of itself.

    `secret` is empty where the token is shown otherwise; `relay_names` are a relay's alone.
    """

    secret: str
    csr: bytes
    report_public_key: bytes
    possession: Signature
    facts: HostFacts
    relay_names: tuple[str, ...] = ()


def proven_tls_key(introduction: Introduction) -> ec.EllipticCurvePublicKey:
    """The TLS key of an introduction, once both keys are shown to be possessed, and differ.

    Raises:
        Refused: they are not.
    """
    tls_key = public_key_of(introduction.csr)
    statement = signing.possession_statement(
        introduction.secret, introduction.csr, introduction.report_public_key
    )
    try:
        report_key = signing.load_public_key(introduction.report_public_key)
        signing.verify(report_key, introduction.possession, signing.POSSESSION, statement)
    except SignatureError as error:
        raise Refused(
            f"未能证明持有报告密钥。the report key is not shown to be possessed: {error}"
        ) from error
    if signing.public_key_bytes(report_key) != introduction.report_public_key:
        raise Refused("报告密钥不是唯一的 DER 形式。the report key is not in its one DER form")
    if report_key == tls_key:
        raise Refused(
            "报告密钥与 TLS 密钥不得相同：前者长期使用，后者每日更换。"
            "the report key must not be the TLS key: one lives long, one a day"
        )
    return tls_key


def check_recovery(host: Host, nonce: bytes, csr: bytes, signature: Signature) -> None:
    """Check that a host's report key signed a nonce and a request.

    Raises:
        Refused: it did not.
    """
    key = signing.load_public_key(host.report_public_key_der)
    statement = signing.recovery_statement(nonce, csr)
    try:
        signing.verify(key, signature, signing.RECOVERY, statement)
    except SignatureError as error:
        raise Refused(
            "该随机数未以主机的报告密钥签名。"
            f"the nonce is not signed by the host's report key: {error}"
        ) from error


def check_relay_names(names: Sequence[str]) -> None:
    """Refuse what is no DNS name and no IP address.

    Raises:
        Refused: the name is quoted.
    """
    if len(names) > RELAY_NAMES_MAX:
        raise Refused(
            f"relay_names：共 {len(names)} 个，最多 {RELAY_NAMES_MAX} 个。"
            f"relay_names: {len(names)} of them; give at most {RELAY_NAMES_MAX}"
        )
    for name in names:
        if len(name) > 253 or _RELAY_NAME.fullmatch(name) is None:
            raise Refused(
                f"relay_names：{name[:64]!r} 既不是域名，也不是 IP 地址。"
                f"relay_names: {name[:64]!r} is no DNS name and no IP address"
            )


def check_renewal(host: Host, csr: bytes, signature: Signature) -> None:
    """Check that a host's report key signed a request that somebody else brought.

    Raises:
        Refused: it did not.
    """
    key = signing.load_public_key(host.report_public_key_der)
    statement = signing.renewal_statement(host.host_id, csr)
    try:
        signing.verify(key, signature, signing.RENEWAL, statement)
    except SignatureError as error:
        raise Refused(
            "该请求未以主机的报告密钥签名。"
            f"the request is not signed by the host's report key: {error}"
        ) from error


def key_sha256(key: ec.EllipticCurvePublicKey) -> bytes:
    """By what a TLS key is known."""
    return signing.sha256(signing.public_key_bytes(key))

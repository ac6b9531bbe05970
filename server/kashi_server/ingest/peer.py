"""Who calls: a host's identity comes from its TLS certificate and from nothing it says.

The certificate was checked against the hosts' root when the connection was made; a connection lives
on, so its dates are looked at again on every call.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from kashi_server.errors import Refused

HOST_URI_PREFIX: Final = "spiffe://kashi/host/"
RELAY_URI_PREFIX: Final = "spiffe://kashi/relay/"
PEERS_KEPT_MAX: Final = 16_384

_PEM: Final = "x509_pem_cert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What a client certificate says; `serial` in 40 hexadecimal digits.

    Attributes:
        host_id: the host, or the relay.
        relay: it is a relay: it has no reports of its own and brings those of its party's hosts.
    """

    host_id: str
    serial: str
    valid_from_utc_ms: int
    valid_until_utc_ms: int
    relay: bool = False

    @property
    def name(self) -> str:
        """How the log names it."""
        return f"{'relay' if self.relay else 'host'} {self.host_id}"

    def check_dates(self, now_utc_ms: int) -> None:
        """Refuse a certificate that is not valid now.

        Raises:
            Refused: it has expired, or is not valid yet.
        """
        if now_utc_ms >= self.valid_until_utc_ms:
            raise Refused(
                "客户端证书已过期，请以报告密钥恢复。"
                "the client certificate has expired; recover with the report key"
            )
        if now_utc_ms < self.valid_from_utc_ms:
            raise Refused(
                "客户端证书尚未生效，请检查主机时钟。"
                "the client certificate is not valid yet; check the host's clock"
            )


class Peers:
    """Reads client certificates, each only once."""

    def __init__(self) -> None:
        self._known: dict[bytes, Peer] = {}

    def of(self, auth_context: Mapping[str, Iterable[bytes]]) -> Peer:
        """The peer of a call.

        Raises:
            Refused: there is no client certificate, or it is no host's.
        """
        pem = next(iter(auth_context.get(_PEM, ())), None)
        if pem is None:
            raise Refused("调用未附客户端证书。the call comes without a client certificate")
        peer = self._known.get(pem)
        if peer is None:
            if len(self._known) >= PEERS_KEPT_MAX:
                self._known.clear()
            peer = self._known[pem] = read_peer(pem)
        return peer


def read_peer(pem: bytes) -> Peer:
    """What a client certificate says.

    Raises:
        Refused: it is not for clients, or names anything but exactly one host.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise Refused("客户端证书不是主机证书。the client certificate is no host's") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    relay = uris[:1] != [] and uris[0].startswith(RELAY_URI_PREFIX)
    if (
        ExtendedKeyUsageOID.CLIENT_AUTH not in usage
        or len(uris) != 1
        or (len(names) != 1 and not relay)
    ):
        raise Refused("客户端证书不是主机证书。the client certificate is no host's")
    prefix = RELAY_URI_PREFIX if relay else HOST_URI_PREFIX
    host_id = uris[0].removeprefix(prefix)
    if uris[0] != prefix + host_id or not _is_uuid(host_id):
        raise Refused("客户端证书未写明主机。the client certificate names no host")
    return Peer(
        host_id=host_id,
        serial=f"{certificate.serial_number:040x}",
        valid_from_utc_ms=round(certificate.not_valid_before_utc.timestamp()) * 1000,
        valid_until_utc_ms=round(certificate.not_valid_after_utc.timestamp()) * 1000,
        relay=relay,
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

"""Who this host is: a long-lived report key, a short-lived TLS certificate, and what the server
told at enrolment.

Files in the identity folder, each 0600 and replaced in one durable step:

    report.key     the P-256 key that signs reports and recovers the host; never replaced. Where a
                   key token holds that key there is no such file, but report-key.json: which one
    tls.pem        the TLS key and its certificate chain together, so that they always fit
    tls-next.key   the key of a certificate that was asked for and not yet received and settled
    host.json      host id, addresses, roots, the receipt certificate chain
    holder.salt    keys the names of holders; never leaves the host
"""

import base64
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kashi_agent import naming
from kashi_agent.durable import make_folder, remove_durable, write_durable
from kashi_agent.errors import AgentError, NotEnrolledError, RefusedError
from kashi_agent.held_key import read_record
from kashi_agent.key_token import KeyToken
from kashi_agent.link_fields import TEXT_CHARACTERS_MAX, Fields, LinkError, expected
from kashi_agent.report_key import KEY_FILE, KeyInToken, check_no_token
from kashi_agent.token_settings import TokenSettings

HOST_FORMAT = "kashi/v1/host"
HOST_BYTES_MAX: Final = 1 << 20
_ENROL: Final = "kashi-agent enrol --server HOST:PORT --token-file FILE"
_OTHER_HOLDERS: Final = (
    "换一个会使同一批人成为另一些占用者",
    "another would make other holders of the same people",
)
DER_TEXT_MAX: Final = 1 << 16
"""A certificate in base64."""
_FOREIGN = (
    "带来的证书未链接到主机根证书，未作保存。"
    "The certificate that was brought does not lead to the hosts' root; nothing was kept"
)
_BROKEN_CHAIN: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.ExtensionNotFound,
)
_PEM = serialization.Encoding.PEM
_DER = serialization.Encoding.DER


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What the server told at enrolment. Certificates in DER, the signer's first."""

    host_id: str
    operator_party_id: str
    enrolment_address: str
    metering_address: str
    enrolled_utc_ms: int
    demo: bool
    server_root: bytes
    receipt_chain: tuple[bytes, ...]

    def receipt_key(self) -> ec.EllipticCurvePublicKey:
        """The key whose receipts and checkpoints this host believes.

        Raises:
            RefusedError: the chain does not lead to the server's root.
        """
        return verified_receipt_key(self.receipt_chain, self.server_root)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """A TLS key and its certificate chain, PEM, and when the certificate is valid."""

    key_pem: bytes
    chain_pem: bytes
    not_before: datetime
    not_after: datetime

    @property
    def hosts_root(self) -> bytes:
        """The last certificate of the chain in DER: what vouches for hosts and relays."""
        return x509.load_pem_x509_certificates(self.chain_pem)[-1].public_bytes(_DER)

    def renewal_due(self, now: datetime, *, share: float) -> bool:
        """Whether the given share of the lifetime has passed."""
        return now >= self.not_before + (self.not_after - self.not_before) * share

    def expired(self, now: datetime) -> bool:
        """Whether a server would refuse it."""
        return now >= self.not_after


class IdentityStore:
    """The identity folder."""

    def __init__(self, folder: Path, key_token: TokenSettings | None = None) -> None:
        """`key_token`: what holds the report key, None: a file."""
        self.folder = folder
        self._in_token = None if key_token is None else KeyInToken(folder, key_token)

    @property
    def enrolled(self) -> bool:
        """Whether this host has an identity."""
        return (self.folder / "host.json").exists()

    @property
    def tls_path(self) -> Path:
        """The TLS key and its certificate chain, PEM."""
        return self.folder / "tls.pem"

    def host(self) -> Host:
        """What the server told at enrolment.

        Raises:
            NotEnrolledError: there was none.
            AgentError: the file is damaged.
        """
        path = self.folder / "host.json"
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise NotEnrolledError(
                f"本机尚未登记：{path} 不存在；请向主管人员索取令牌，然后运行：{_ENROL}。"
                f"This host is not enrolled: {path} does not exist; ask your officer for a token "
                f"and run: {_ENROL}"
            ) from error
        try:
            return _host_of(Fields.of_line(content, HOST_BYTES_MAX))
        except LinkError as error:
            raise AgentError(
                f"{path} 已损坏；请从备份恢复，或重新登记本机。{path} is damaged; restore it from "
                f"a backup, or enrol this host anew: {error}"
            ) from error

    def save_host(self, host: Host) -> None:
        """Keep what the server told."""
        fields = {
            "format": HOST_FORMAT,
            **asdict(host),
            "server_root": _text(host.server_root),
            "receipt_chain": [_text(der) for der in host.receipt_chain],
        }
        content = json.dumps(fields, ensure_ascii=False, indent=2).encode() + b"\n"
        write_durable(self.folder / "host.json", content)

    def report_key(self) -> ec.EllipticCurvePrivateKey:
        """The report key: made for a host that is to be enrolled, before anybody hears of it. One
        in a key token is asked for when it is to sign.

        Raises:
            KeyTokenError: a token that is to have it has not, or has it though a file is to.
            AgentError: it is damaged, or an enrolled host lost it: no other is the one the server
                knows.
        """
        if self._in_token is not None:
            return self._in_token.key(enrolled=self.enrolled)
        check_no_token(self.folder)
        if self.enrolled and not (self.folder / KEY_FILE).exists():
            why = ("服务器不认其他密钥", "the server knows no other")
            raise AgentError(_lost(self.folder / KEY_FILE, *why))
        return self._key(KEY_FILE)

    def key_token(self) -> KeyToken | None:
        """What holds the report key, as it said when the key was taken; None: a file. Only after
        `report_key`."""
        return None if self._in_token is None else read_record(self._in_token.record).token

    def next_tls_key(self) -> ec.EllipticCurvePrivateKey:
        """The key of the certificate to ask for; the same until one was received for it."""
        key = self._key("tls-next.key")
        if self.enrolled and self._holds(key.public_key()):
            self.forget_asked()  # what a power cut left of it
            key = self._key("tls-next.key")
        return key

    def forget_asked(self) -> None:
        """The key that was asked with is in `tls.pem`, and whose it is in `host.json`: it has done
        its work. Where it stays it is passed over, so that no disk that fails can undo a step that
        stands."""
        with suppress(OSError):
            remove_durable(self.folder / "tls-next.key")

    def save_tls(self, key: ec.EllipticCurvePrivateKey, chain: tuple[bytes, ...]) -> TlsIdentity:
        """Keep a certificate chain with its key; one that is kept already stays as it is.

        The key asked with stays beside it until `host.json` says whose it is: an enrolment that was
        cut short goes on with the keys that the server knows.

        Raises:
            RefusedError: the first certificate is not for this key.
        """
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        if self.enrolled and certificates and self._leaf() == certificates[0]:
            return self.tls()
        if not certificates or certificates[0].public_key() != key.public_key():
            raise RefusedError(
                "服务器发来的证书属于另一密钥，未作保存。"
                "The server sent a certificate for another key; nothing was kept"
            )
        pem = _private_pem(key) + b"".join(
            certificate.public_bytes(_PEM) for certificate in certificates
        )
        write_durable(self.tls_path, pem)
        if self.enrolled:
            self.forget_asked()
        return self.tls()

    def tls(self) -> TlsIdentity:
        """The TLS key and certificate.

        Raises:
            NotEnrolledError: there is none.
            AgentError: the file is damaged; `kashi-agent run` recovers it by the report key.
        """
        path = self.tls_path
        try:
            pem = path.read_bytes()
        except FileNotFoundError as error:
            raise NotEnrolledError(
                f"本机没有连接证书：{path}。This host has no TLS certificate: {path}"
            ) from error
        marker = pem.find(b"-----BEGIN CERTIFICATE-----")
        try:
            leaf = x509.load_pem_x509_certificate(pem[marker:])
            serialization.load_pem_private_key(pem[:marker], None)
        except (ValueError, TypeError) as error:
            raise AgentError(f"{path} 已损坏。{path} is damaged: {error}") from error
        return TlsIdentity(
            key_pem=pem[:marker],
            chain_pem=pem[marker:],
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
        )

    def holder_salt(self) -> bytes:
        """The salt under which holders get their keys: made for a host that is to be enrolled.

        Raises:
            AgentError: it is damaged, or an enrolled host lost it.
        """
        path = self.folder / "holder.salt"
        if self.enrolled and not path.exists():
            raise AgentError(_lost(path, *_OTHER_HOLDERS))
        if not path.exists():
            make_folder(self.folder)
            write_durable(path, secrets.token_bytes(naming.SALT_BYTES))
        salt = path.read_bytes()
        if len(salt) != naming.SALT_BYTES:
            found, due, (zh, en) = len(salt), naming.SALT_BYTES, _OTHER_HOLDERS
            raise AgentError(
                f"{path} 已损坏：{found} 字节，应为 {due}；{zh}，请从备份恢复。{path} is damaged: "
                f"{found} bytes instead of {due}; {en}: restore it from a backup"
            )
        return salt

    def _holds(self, key: ec.EllipticCurvePublicKey) -> bool:
        """Whether the certificate is for this key."""
        leaf = self._leaf()
        return leaf is not None and leaf.public_key() == key

    def _leaf(self) -> x509.Certificate | None:
        """The host's own certificate; None where none can be read."""
        try:
            return x509.load_pem_x509_certificate(self.tls().chain_pem)
        except AgentError:
            return None

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        path = self.folder / name
        if not path.exists():
            make_folder(self.folder)
            write_durable(path, _private_pem(ec.generate_private_key(ec.SECP256R1())))
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise AgentError(f"{path} 不是私钥。{path} is not a private key: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise AgentError(
                f"{path} 不是 P-256 密钥，请从备份恢复。"
                f"{path} is not a P-256 key; restore it from a backup"
            )
        return key


def _lost(path: Path, zh: str, en: str) -> str:
    return (
        f"{path} 不见了，而本机已登记；{zh}：请从备份恢复，或由主管人员吊销此身份后重新登记本机。"
        f"{path} is gone, and this host is enrolled; {en}: restore it from a backup, or have your "
        "officer revoke this identity and enrol the host anew"
    )


def tls_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS#10 request in DER. It names nothing: the server says who the host is."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kashi host")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(_DER)


def verified_receipt_key(chain: tuple[bytes, ...], root: bytes) -> ec.EllipticCurvePublicKey:
    """The first certificate's key, once the chain is followed to the root.

    1. Each certificate was issued by the next one, which may issue certificates.
    2. The last is the root, or was issued by it.
    3. The key is P-256.

    Raises:
        RefusedError: one of the steps fails.
    """
    trusted = x509.load_der_x509_certificate(root)
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        _check_links([*certificates, trusted])
    except _BROKEN_CHAIN as error:
        raise RefusedError(
            "回执证书未链接到登记令牌附带的服务器根证书。"
            "The receipt certificate does not lead to the server's root that came with the "
            "enrolment token"
        ) from error
    key = certificates[0].public_key() if certificates else None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise RefusedError(
            "服务器的回执密钥不是 P-256 密钥。The server's receipt key is not a P-256 key"
        )
    return key


def check_issued(chain: tuple[bytes, ...], root: bytes) -> None:
    """Check that a TLS certificate that somebody brought was issued under the hosts' root.

    Raises:
        RefusedError: it was not, or no root leads there.
    """
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        _check_links(certificates)
    except _BROKEN_CHAIN as error:
        raise RefusedError(_FOREIGN) from error
    if len(certificates) < 2 or chain[-1] != root:
        raise RefusedError(_FOREIGN)


def _check_links(certificates: Sequence[x509.Certificate]) -> None:
    """Each is the next one itself, or was issued by it, which may issue certificates."""
    for certificate, issuer in pairwise(certificates):
        if certificate != issuer:
            certificate.verify_directly_issued_by(issuer)
            constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
            if not constraints.value.ca:
                raise ValueError("a certificate in the chain may not issue others")


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode()


def _host_of(fields: Fields) -> Host:
    if (format_name := fields.text("format", TEXT_CHARACTERS_MAX)) != HOST_FORMAT:
        raise expected(f" {HOST_FORMAT!r}", f"{HOST_FORMAT!r}", format_name, "format")
    host = Host(
        host_id=_printable(fields, "host_id"),
        operator_party_id=_printable(fields, "operator_party_id"),
        enrolment_address=_address(fields, "enrolment_address", unknown=True),
        metering_address=_address(fields, "metering_address"),
        enrolled_utc_ms=fields.integer("enrolled_utc_ms"),
        demo=fields.flag("demo"),
        server_root=_certificate("server_root", fields.text("server_root", DER_TEXT_MAX)),
        receipt_chain=tuple(
            _certificate("receipt_chain", text) for text in fields.array("receipt_chain")
        ),
    )
    if not host.receipt_chain:
        raise LinkError("为空。The list is empty", "receipt_chain")
    fields.done()
    return host


def _printable(fields: Fields, name: str) -> str:
    text = fields.text(name, TEXT_CHARACTERS_MAX)
    if not text or not text.isprintable():
        raise expected("可显示的文本", "printable text", text, name)
    return text


def _address(fields: Fields, name: str, *, unknown: bool = False) -> str:
    """HOST:PORT; "" where it may be unknown, as that of a server that was asked by file."""
    text = fields.text(name, TEXT_CHARACTERS_MAX)
    if unknown and not text:
        return ""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not text.isprintable():
        raise expected(" HOST:PORT", "HOST:PORT", text, name)
    return text


def _certificate(name: str, text: object) -> bytes:
    try:
        der = base64.b64decode(text if isinstance(text, str) else "?", validate=True)
        x509.load_der_x509_certificate(der)
    except ValueError as error:
        what = "其中没有 base64 的证书。It holds no certificate in base64"
        raise LinkError(what, name) from error
    return der

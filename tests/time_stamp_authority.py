"""A time-stamping authority on loopback: RFC 3161 over HTTP, with a root and a signer of its own.

The tokens are made by pyHanko's stamper for tests, behind a real HTTP port; what it may do wrong is
set from outside.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import algos, cms, keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore


@dataclass(slots=True)
class Authority:
    """The authority: where it answers, its root, and what it is told to do wrong.

    `wrong`: None, `refuse`, `other` (stamps something else), `garbage`, `status`, `endless`,
    `forged` (one bit of its signature is another).
    """

    root: x509.Certificate
    key: rsa.RSAPrivateKey
    stamper: DummyTimeStamper
    address: str = ""
    wrong: str | None = None
    asked: list[bytes] = field(default_factory=list)
    pss: bool = False

    def answer(self, query: bytes) -> bytes:
        """The reply to a query."""
        self.asked.append(query)
        request = tsp.TimeStampReq.load(query)
        if self.wrong == "refuse":
            # The library writes no answer without a token; by hand it is one sequence in another.
            status = {"status": "rejection", "status_string": ["not today"]}
            content = tsp.PKIStatusInfo(status).dump()
            return bytes([0x30, len(content), *content])
        if self.wrong == "garbage":
            return b"not a reply"
        if self.wrong == "endless":
            return bytes(1 << 20)
        if self.wrong == "other":
            request["message_imprint"]["hashed_message"] = bytes(32)
        reply = asyncio.run(self.stamper.async_request_tsa_response(request))
        signer = reply["time_stamp_token"]["content"]["signer_infos"][0]
        if self.pss:
            self._sign_by_pss(signer)
        if self.wrong == "forged":
            value = bytearray(signer["signature"].native)
            value[5] ^= 1
            signer["signature"] = bytes(value)
        return bytes(reply.dump(force=True))

    def _sign_by_pss(self, signer: cms.SignerInfo) -> None:
        """Sign again what the stamper signed, as newer authorities do."""
        signer["signature"] = self.key.sign(
            signer["signed_attrs"].untag().dump(),
            padding.PSS(padding.MGF1(hashes.SHA256()), 32),
            hashes.SHA256(),
        )
        mask = {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}}
        signer["signature_algorithm"] = algos.SignedDigestAlgorithm(
            {
                "algorithm": "rsassa_pss",
                "parameters": {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "mask_gen_algorithm": mask,
                    "salt_length": 32,
                },
            }
        )


def make_authority(at: datetime, *, alone: bool = True, clock: datetime | None = None) -> Authority:
    """A root and a signer for time-stamping alone; the signer's clock stands at `at`.

    With `alone` false it may do something else too; `clock`: where its clock stands instead.
    """
    root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root = _certificate("Stamp root", root_key, "Stamp root", root_key, at, authority=True)
    signer = _certificate("Stamps", key, "Stamp root", root_key, at, authority=False, alone=alone)
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # the library ships no types
    store.register(asn1_x509.Certificate.load(root.public_bytes(Encoding.DER)))
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    stamper = DummyTimeStamper(
        tsa_cert=asn1_x509.Certificate.load(signer.public_bytes(Encoding.DER)),
        tsa_key=keys.PrivateKeyInfo.load(private),
        certs_to_embed=store,
        fixed_dt=clock or at,
    )
    return Authority(root=root, key=key, stamper=stamper)


def _certificate(
    subject: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    at: datetime,
    *,
    authority: bool,
    alone: bool = True,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        more = [] if alone else [ExtendedKeyUsageOID.CLIENT_AUTH]
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, *more])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


@contextmanager
def serving(authority: Authority) -> Iterator[Authority]:
    """The authority on a port of loopback that the system chose."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            content = authority.answer(query)
            self.send_response(503 if authority.wrong == "status" else 200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                assert authority.wrong == "endless"  # the client has seen enough

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        authority.address = f"http://127.0.0.1:{server.server_address[1]}/"
        try:
            yield authority
        finally:
            server.shutdown()
            thread.join()


def at_utc_ms(utc_ms: int) -> datetime:
    """UTC milliseconds as an instant."""
    return datetime.fromtimestamp(utc_ms // 1000, UTC)

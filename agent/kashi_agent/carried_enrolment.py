"""Enrolment and renewal by request and response files, for a host that reaches no server.

The private keys never leave the host, and the file holds no token: it names the token by the first
bytes of its hash and shows by a keyed hash that this host has it. A request without a token waits
for an officer who approves it by the hash of its file.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from google.protobuf.message import DecodeError
from kashi import signing
from kashi.carry import CarryFile, write_carry_file
from kashi.errors import ContractError
from kashi.v1 import carry_pb2, enrolment_pb2

from kashi_agent.durable import remove_durable, write_durable
from kashi_agent.enrolment import EnrolmentToken, HostFacts, introduction, settle
from kashi_agent.errors import AgentError, FileError, RefusedError, cannot_read
from kashi_agent.identity import (
    Host,
    IdentityStore,
    TlsIdentity,
    check_issued,
    tls_request,
    verified_receipt_key,
)
from kashi_agent.shipping_wire import renewal_request

PENDING: Final = "request.json"
"""Beside the keys while a request is on its way: the root by which its answer is believed."""


def write_enrolment_request(
    path: Path,
    store: IdentityStore,
    facts: HostFacts,
    *,
    known_by: EnrolmentToken | bytes,
    utc_ms: int,
    relay_names: tuple[str, ...] = (),
) -> None:
    """Write a request to be enrolled. May be repeated: the keys stay.

    `known_by`: a token, or the server's root alone (DER): then an officer approves the file.

    Raises:
        OSError: it cannot be written.
    """
    token = known_by if isinstance(known_by, EnrolmentToken) else None
    root = known_by if isinstance(known_by, bytes) else known_by.server_root
    request = introduction(store, "", facts, relay_names).SerializeToString()
    carried = carry_pb2.CarriedEnrolment(request=request)
    if token is not None:
        token_sha256 = signing.sha256(token.secret.encode())
        carried.token_hint = token_sha256[:8]
        carried.token_proof = signing.request_proof(token_sha256, request)
    pending = {"server_root": base64.b64encode(root).decode()}
    write_durable(store.folder / PENDING, json.dumps(pending).encode())
    _write(path, facts.hostname, utc_ms, carry_pb2.CarryRecord(enrolment=carried))


def write_renewal_request(path: Path, store: IdentityStore, utc_ms: int) -> None:
    """Write a request for the next TLS certificate of a host that has an identity."""
    host = store.host()
    csr = tls_request(store.next_tls_key())
    renewal = renewal_request(host.host_id, csr, store.report_key())
    _write(path, host.host_id, utc_ms, carry_pb2.CarryRecord(renewal=renewal))


def take_response(path: Path, store: IdentityStore) -> tuple[Host, TlsIdentity]:
    """Take the server's answer to a request of this host.

    Raises:
        FileError: the file is damaged, or holds nothing for this host.
        RefusedError: the server this host knows did not sign it.
    """
    records = [record for _, record in read_carry(path, carry_pb2.CARRY_KIND_RESPONSES)]
    if store.enrolled:
        return store.host(), _renewed(path, store, records)
    for record in records:
        if record.WhichOneof("record") == "identity":
            return _enrolled(path, store, record.identity)
    raise FileError(
        f"{path}：identity：文件中没有登记申请的答复。"
        f"{path}: identity: the file holds no answer to a request to be enrolled"
    )


def server_root_of(path: Path) -> bytes:
    """The server's root in DER, from the PEM file that the office hands out.

    Raises:
        FileError: it is none.
    """
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FileError(
            f"{path} 中没有 PEM 证书。{path} holds no certificate in PEM: {error}"
        ) from error
    return certificate.public_bytes(serialization.Encoding.DER)


def read_carry(path: Path, kind: int) -> Iterator[tuple[int, carry_pb2.CarryRecord]]:
    """The records of a carry file with their numbers, each when it is asked for.

    Raises:
        FileError: it is damaged, is for something else, or cannot be read.
    """
    try:
        yield from CarryFile(path, kind).records()
    except ContractError as error:
        raise FileError(str(error)) from error
    except OSError as error:
        raise FileError(cannot_read(path, error)) from error


def _enrolled(
    path: Path, store: IdentityStore, signed: enrolment_pb2.SignedEnrolment
) -> tuple[Host, TlsIdentity]:
    """1. A request of this host is on its way. 2. Its root vouches for the key that signed.
    3. The certificate is for this host's key."""
    pending = store.folder / PENDING
    try:
        root = base64.b64decode(json.loads(pending.read_bytes())["server_root"], validate=True)
        x509.load_der_x509_certificate(root)
    except FileNotFoundError as error:
        raise AgentError(
            "本机没有提出过申请，请先执行：kashi-agent enrol --request FILE。"
            "This host asked for nothing; begin with: kashi-agent enrol --request FILE"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(
            f"{pending}：server_root 已损坏，请重新申请。"
            f"{pending}: server_root is damaged; ask anew: {error}"
        ) from error
    try:
        answer = enrolment_pb2.EnrolResponse.FromString(signed.payload)
        key = verified_receipt_key(tuple(answer.receipt_certificate_chain), root)
        signing.verify(key, signed.signature, signing.ENROLMENT, signed.payload)
    except (ContractError, DecodeError) as error:
        raise RefusedError(
            f"{path}：identity.signature 不是服务器的签名。"
            f"{path}: identity.signature: not the server's: {error}"
        ) from error
    host, tls = settle(store, "", root, answer)
    remove_durable(pending)
    return host, tls


def _renewed(path: Path, store: IdentityStore, records: list[carry_pb2.CarryRecord]) -> TlsIdentity:
    own = store.host().host_id
    for record in records:
        if record.WhichOneof("record") == "certificate" and record.certificate.host_id == own:
            chain = tuple(record.certificate.answer.certificate_chain)
            check_issued(chain, store.tls().hosts_root)
            return store.save_tls(store.next_tls_key(), chain)
    raise FileError(
        f"{path}：certificate：文件中没有主机 {own} 的证书。"
        f"{path}: certificate: the file holds none for host {own}"
    )


def _write(path: Path, made_by: str, utc_ms: int, record: carry_pb2.CarryRecord) -> None:
    opening = carry_pb2.CarryOpening(
        kind=carry_pb2.CARRY_KIND_REQUESTS, made_utc_ms=utc_ms, made_by=made_by
    )
    write_carry_file(path, opening, [record])

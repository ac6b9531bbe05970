"""Enrolment: a host's identity, its renewal, and its recovery after any outage.

Every answer may be lost on its way, so every step may be repeated: the same keys get the same
answer, byte for byte, and cost nothing. Other keys on a used token are refused and alarmed.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.v1.report_pb2 import Signature

from kashi_server.domain.host_reason import ENROLLED
from kashi_server.errors import Refused
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.authority import Keyring, der, public_key_of
from kashi_server.services.enrolment_port import EnrolmentUnit, EnrolmentWork
from kashi_server.services.evidence_inputs import KEY_CLAIM_ENTRY
from kashi_server.services.hosts import (
    Alarm,
    CertificateStanding,
    Host,
    HostCertificate,
    HostState,
)
from kashi_server.services.issuing import HostCertificates
from kashi_server.services.nonces import RANDOM_BYTES, check_nonce, make_nonce
from kashi_server.services.possession import (
    Introduction,
    check_recovery,
    check_relay_names,
    check_renewal,
    key_sha256,
    proven_tls_key,
)
from kashi_server.services.tokens import (
    LIFETIME_MS_MAX,
    SECRET_BYTES,
    IssuedToken,
    TokenRecord,
    encode,
    hint_of,
    secret_sha256,
    token_text,
)

RECOVERIES_ALLOWED: Final = 5
"""How often a new host may recover before an officer raises it."""

REVOKED: Final = (
    "本主机已吊销，请以新令牌和新密钥重新接入。"
    "this host is revoked; enrol it with a new token and new keys"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A host's identity; the chain in DER, the host's certificate first, the root last."""

    host_id: str
    operator_party_id: str
    enrolled_utc_ms: int
    chain: tuple[bytes, ...]


class Enrolment:
    """Gives hosts their identity.

    Args:
        work: opens units of work.
        keyring: issues certificates and makes nonces.
        clock: UTC milliseconds.
        random_bytes: so many random bytes.
        new_host_id: a fresh UUID in text.
    """

    def __init__(
        self,
        work: EnrolmentWork,
        keyring: Keyring,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        new_host_id: Callable[[], str],
    ) -> None:
        self._work = work
        self._keyring = keyring
        self._certificates = HostCertificates(keyring.host_issuer, clock)
        self._clock = clock
        self._random_bytes = random_bytes
        self._new_host_id = new_host_id

    def issue_token(
        self, operator_party_id: str, issued_by: str, lifetime_ms: int = LIFETIME_MS_MAX
    ) -> IssuedToken:
        """Make a token for one host of a party.

        Raises:
            InvalidValue: no such party can be, or the lifetime exceeds 24 hours.
        """
        now = self._clock()
        secret = encode(self._random_bytes(SECRET_BYTES))
        token = TokenRecord(
            token_sha256=secret_sha256(secret),
            operator_party_id=operator_party_id,
            issued_utc_ms=now,
            issued_by=issued_by,
            expires_utc_ms=now + lifetime_ms,
        )
        act = PrivilegedAct(
            utc_ms=now,
            actor=issued_by,
            act="token-issued",
            reference=hint_of(token.token_sha256),
            reason=f"enrol a host of {operator_party_id}",
        )
        with self._work.begin() as unit:
            unit.identity.add_token(token)
            record(unit, act)
            unit.commit()
        return IssuedToken(text=token_text(secret, der(self._keyring.server_root)), record=token)

    def enrol(self, introduction: Introduction) -> Enrolled:
        """Consume a token and register the host's keys, both or neither.

        1. Both keys are shown to be possessed, and differ.
        2. The token is known.
        3. A token used before: the same keys get the same answer, others are refused and alarmed.
        4. A fresh token has not expired, and the report key is nobody's yet.
        5. Host, certificate and consumption become durable together.

        Raises:
            Refused: one of these does not hold.
        """
        return self._enrol(introduction, secret_sha256(introduction.secret), carried=False)

    def enrol_carried(self, introduction: Introduction, token_sha256: bytes) -> Enrolled:
        """`enrol` for a request that came as a file; whose token it is was shown otherwise.

        Raises:
            Refused: as `enrol`.
        """
        return self._enrol(introduction, token_sha256, carried=True)

    def tokens_of_hint(self, hint: bytes) -> tuple[bytes, ...]:
        """SHA-256 of the tokens that begin so."""
        with self._work.begin(writes=False) as unit:
            return tuple(unit.identity.tokens_beginning(hint))

    def approve(
        self, request: bytes, operator_party_id: str, officer: str, list_sha256: bytes
    ) -> bytes:
        """An officer lets in one request of a list; SHA-256 of the token that stands for it.

        The same request approved again is the same token: then it gets the same answer.

        Raises:
            Refused: it was approved for another party before.
        """
        stands_for = hmac.digest(self._keyring.nonce_secret, b"approved\n" + request, "sha256")
        now = self._clock()
        token = TokenRecord(
            token_sha256=stands_for,
            operator_party_id=operator_party_id,
            issued_utc_ms=now,
            issued_by=officer,
            expires_utc_ms=now + LIFETIME_MS_MAX,
        )
        act = PrivilegedAct(
            utc_ms=now,
            actor=officer,
            act="request-approved",
            reference=hint_of(stands_for),
            reason=f"enrol a host of {operator_party_id} by the list {list_sha256.hex()}",
        )
        with self._work.begin() as unit:
            before = unit.identity.token(stands_for)
            if before is not None and before.operator_party_id != operator_party_id:
                raise Refused(
                    f"此请求此前已为 {before.operator_party_id} 批准。"
                    f"this request was approved before for {before.operator_party_id}"
                )
            if before is None:
                unit.identity.add_token(token)
                record(unit, act)
                unit.commit()
        return stands_for

    def _enrol(self, introduction: Introduction, token_sha256: bytes, *, carried: bool) -> Enrolled:
        tls_key = proven_tls_key(introduction)
        check_relay_names(introduction.relay_names)
        with self._work.begin() as unit:
            token = unit.identity.token(token_sha256)
            if token is None:
                raise Refused(
                    "此令牌不是本服务器签发，请索取新令牌。"
                    "this token was not issued here; ask for a new one"
                )
            if token.host_id is not None:
                return self._enrolled_before(unit, token, introduction, tls_key)
            if token.expires_utc_ms <= self._clock():
                raise Refused(
                    "此令牌已过期，请索取新令牌。this token has expired; ask for a new one"
                )
            self._refuse_known_key(unit, token, introduction.report_public_key)
            host = self._new_host(token, introduction)
            self._note_known_machine(unit, host)
            unit.identity.add_host(host)
            _log_claim(unit, host)
            certificate = self._certificates.first(unit.identity, host, tls_key, carried=carried)
            unit.identity.consume_token(
                token_sha256, host.host_id, certificate.public_key_sha256, self._clock()
            )
            unit.commit()
        return self._answer(host, certificate)

    def challenge(self, host_id: str) -> bytes:
        """A nonce to be signed within two minutes; given for any id, so that it tells nothing."""
        return make_nonce(
            self._keyring.nonce_secret, host_id, self._random_bytes(RANDOM_BYTES), self._clock()
        )

    def recover(
        self, host_id: str, csr: bytes, nonce: bytes, signature: Signature
    ) -> tuple[bytes, ...]:
        """A new TLS certificate against a signature of the report key over a nonce.

        Raises:
            Refused: nonce, signature or request do not hold, the host is revoked, or it has used
                up its recoveries.
        """
        check_nonce(self._keyring.nonce_secret, host_id, nonce, self._clock())
        tls_key = public_key_of(csr)
        with self._work.begin() as unit:
            host = unit.identity.host(host_id, lock=True)
            if host is None:
                raise Refused(
                    "没有此编号的主机可以恢复，请以新令牌接入。"
                    "no host of this id can recover here; enrol it with a new token"
                )
            if host.state is HostState.REVOKED:
                raise Refused(REVOKED)
            check_recovery(host, nonce, csr, signature)
            repeated = self._certificates.still_good(unit.identity, host_id, tls_key)
            if repeated is not None:
                return self._certificates.chain(repeated)
            certificate = self._recovered(unit, host, tls_key)
            unit.commit()
        return self._certificates.chain(certificate)

    def renew(self, host_id: str, csr: bytes) -> tuple[bytes, ...]:
        """The next certificate of a host whose current one was checked by the caller.

        The current one stays good until the next is first used.

        Raises:
            Refused: the request does not hold, the host is revoked, or it asks too often.
        """
        tls_key = public_key_of(csr)
        with self._work.begin() as unit:
            host = unit.identity.host(host_id, lock=True)
            if host is None or host.state is HostState.REVOKED:
                raise Refused(REVOKED)
            found = unit.identity.certificate_of_key(host_id, key_sha256(tls_key))
            if found is not None and found.standing is CertificateStanding.NEXT:
                return self._certificates.chain(found)
            certificate = self._certificates.following(unit.identity, host, tls_key)
            unit.commit()
        return self._certificates.chain(certificate)

    def renew_carried(self, host_id: str, csr: bytes, signature: Signature) -> tuple[bytes, ...]:
        """The next certificate of a host or relay whose request somebody else brought.

        Its report key vouches for the request. A request that is brought again, however late, gets
        the answer it got, and changes nothing.

        Raises:
            Refused: request or signature do not hold, the host is revoked, asks too often, or has
                a newer certificate.
        """
        tls_key = public_key_of(csr)
        with self._work.begin() as unit:
            host = unit.identity.host(host_id, lock=True)
            if host is None or host.state is HostState.REVOKED:
                raise Refused(REVOKED)
            check_renewal(host, csr, signature)
            found = unit.identity.certificate_of_key(host_id, key_sha256(tls_key))
            if found is None:
                found = self._certificates.following(unit.identity, host, tls_key, carried=True)
                unit.commit()
            elif found.standing is CertificateStanding.PAST:
                raise Refused(
                    "此请求已答复过，该主机已有更新的证书。"
                    "this request was answered before; the host has a newer certificate"
                )
        return self._certificates.chain(found)

    def _enrolled_before(
        self,
        unit: EnrolmentUnit,
        token: TokenRecord,
        introduction: Introduction,
        tls_key: ec.EllipticCurvePublicKey,
    ) -> Enrolled:
        assert token.host_id is not None
        host = unit.identity.host(token.host_id)
        assert host is not None
        same = (
            host.report_public_key_der == introduction.report_public_key
            and token.tls_key_sha256 == key_sha256(tls_key)
        )
        if not same:
            self._alarm(unit, "token-reused", "other keys on a used token", host)
            unit.commit()
            raise Refused(
                "此令牌已被另一台主机使用，已向经办人告警。"
                "this token was used by another host; an officer has been alarmed"
            )
        certificate = unit.identity.certificate_of_key(host.host_id, key_sha256(tls_key))
        if host.state is HostState.REVOKED or certificate is None:
            raise Refused(REVOKED)
        if certificate.standing is CertificateStanding.PAST:
            raise Refused(
                "此令牌早已使用过，该主机已有更新的证书。"
                "this token was used long ago; the host has a newer certificate"
            )
        return self._answer(host, certificate)

    def _refuse_known_key(
        self, unit: EnrolmentUnit, token: TokenRecord, report_public_key: bytes
    ) -> None:
        host = unit.identity.host_of_report_key(report_public_key)
        if host is not None:
            self._alarm(
                unit,
                "key-enrolled-again",
                f"its report key came with a token of {token.operator_party_id}",
                host,
            )
            unit.commit()
            raise Refused(
                "此报告密钥已属于一台主机，请恢复该主机，或另作密钥。"
                "this report key already is a host's; recover it, or make a new key"
            )

    def _note_known_machine(self, unit: EnrolmentUnit, host: Host) -> None:
        # A machine set up anew, or a copied image: nothing is refused, but an officer should see.
        for other in unit.identity.hosts_of_machine(host.facts.machine_sha256):
            if other.state is not HostState.REVOKED:
                detail = f"the machine of host {other.host_id}, which is {other.state}"
                self._alarm(unit, "machine-enrolled-again", detail, host)

    def _alarm(self, unit: EnrolmentUnit, kind: str, detail: str, host: Host) -> None:
        alarm = Alarm(
            utc_ms=self._clock(),
            kind=kind,
            detail=detail,
            host_id=host.host_id,
            operator_party_id=host.operator_party_id,
        )
        unit.identity.raise_alarm(alarm)

    def _new_host(self, token: TokenRecord, introduction: Introduction) -> Host:
        now = self._clock()
        return Host(
            host_id=self._new_host_id(),
            operator_party_id=token.operator_party_id,
            report_public_key_der=introduction.report_public_key,
            enrolled_utc_ms=now,
            state=HostState.ACTIVE,
            state_reason=ENROLLED,
            state_utc_ms=now,
            release_requested_by=None,
            recoveries_used=0,
            recoveries_allowed=RECOVERIES_ALLOWED,
            facts=introduction.facts,
            relay_names=introduction.relay_names,
        )

    def _recovered(
        self, unit: EnrolmentUnit, host: Host, tls_key: ec.EllipticCurvePublicKey
    ) -> HostCertificate:
        if host.recoveries_used >= host.recoveries_allowed:
            self._alarm(unit, "recoveries-used-up", f"{host.recoveries_used} of them", host)
            unit.commit()
            raise Refused(
                f"本主机已恢复 {host.recoveries_used} 次，须由经办人增加次数。"
                f"this host has recovered {host.recoveries_used} times; an officer must allow more"
            )
        certificate = self._certificates.following(unit.identity, host, tls_key)
        unit.identity.count_recovery(host.host_id)
        return certificate

    def _answer(self, host: Host, certificate: HostCertificate) -> Enrolled:
        return Enrolled(
            host_id=host.host_id,
            operator_party_id=host.operator_party_id,
            enrolled_utc_ms=host.enrolled_utc_ms,
            chain=self._certificates.chain(certificate),
        )


def _log_claim(unit: EnrolmentUnit, host: Host) -> None:
    """What a host claims of its key's hardware stands in the log from its enrolment on."""
    claim = host.key_claim()
    if claim is not None:
        unit.log.append_pending(KEY_CLAIM_ENTRY, host.host_id, claim)

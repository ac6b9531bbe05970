"""The carrier: brings calls to the server with a certificate that is valid, and says what is wrong
when it cannot.

It renews the certificate when a third of its life has passed, with jitter, so that hosts enrolled
together do not renew together; one that the server refuses is recovered by the report key. This
host's clock alone decides nothing: it may be wrong by more than the certificate lives.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final, Generic, Protocol, TypeVar

from kashi_agent.errors import (
    AgentError,
    CertificateRefusedError,
    RefusedError,
    UnreachableError,
)
from kashi_agent.identity import Host, IdentityStore, TlsIdentity, tls_request
from kashi_agent.shipping import Answer, Wire
from kashi_agent.tls_probe import CERTIFICATE_REFUSED, probe_tls

RENEWAL_SHARE: Final = 1 / 3
RENEWAL_JITTER: Final = 0.1
RECOVERY_PAUSE_MS: Final = 600_000


class ClosableWire(Wire, Protocol):
    """A wire that holds a connection."""

    def close(self) -> None:
        """Hang up."""


class CertifiedWire(ClosableWire, Protocol):
    """A wire whose connection shows a certificate."""

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Exchange the TLS certificate for the next one; the chain in DER. Raises like `submit`."""


_Wire = TypeVar("_Wire", bound=CertifiedWire)
_Given = TypeVar("_Given")


class Carrier(Generic[_Wire]):
    """Implements `Wire` over a connection that changes with the certificate."""

    def __init__(
        self,
        *,
        store: IdentityStore,
        connect: Callable[[Host, TlsIdentity], _Wire],
        recover: Callable[[IdentityStore], TlsIdentity],
        utc_ms: Callable[[], int],
        random: Random,
        probe: Callable[[str, bytes, Path | None], str] = probe_tls,
        host: Host | None = None,
    ) -> None:
        """`host`: whom to reach and by which root, if not the server of the store."""
        self._store = store
        self._host = host or store.host()
        self._connect = connect
        self._recover = recover
        self._utc_ms = utc_ms
        self._probe = probe
        self._share = RENEWAL_SHARE * (1 + random.uniform(-RENEWAL_JITTER, RENEWAL_JITTER))
        self._wire: _Wire | None = None
        self._tls: TlsIdentity | None = None
        self._behind = timedelta()
        self._recovered_utc_ms: int | None = None
        self.renewals = 0
        self.recoveries = 0

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Hand over reports, with another certificate if this one is refused.

        Raises as `Wire.submit`, the reason found out.
        """
        return self.perform(lambda wire: wire.submit(reports))

    def perform(self, call: Callable[[_Wire], _Given]) -> _Given:
        """Make a call over a connection that stands, with another certificate if this one is
        refused. Raises like `submit`."""
        try:
            return self._perform(call)
        except (CertificateRefusedError, UnreachableError) as error:
            refused = isinstance(error, CertificateRefusedError) or self._seems_expired()
            if not refused or not self._may_recover():
                raise
            self.recover()
            return self._perform(call)

    def _perform(self, call: Callable[[_Wire], _Given]) -> _Given:
        wire = self._ready()
        try:
            return call(wire)
        except UnreachableError as error:
            self.close()
            found = self._probe(
                self._host.metering_address, self._host.server_root, self._store.tls_path
            )
            if found.startswith(CERTIFICATE_REFUSED):
                raise CertificateRefusedError(found) from error
            raise UnreachableError(found or str(error)) from error
        except RefusedError:
            self.close()
            raise

    def stay_valid(self) -> None:
        """See to the certificate though there is nothing to carry. Raises like `submit`."""
        self._ready()

    def recover(self) -> None:
        """Get a new certificate by the report key: the one we have is refused."""
        self.close()
        self._recovered_utc_ms = self._utc_ms()
        self._take(self._recover(self._store))
        self.recoveries += 1

    def _may_recover(self) -> bool:
        """At most every ten minutes: the server counts recoveries, and allows few."""
        last = self._recovered_utc_ms
        return last is None or abs(self._utc_ms() - last) >= RECOVERY_PAUSE_MS

    def _ready(self) -> _Wire:
        """A connection with a certificate that is valid; renewed first when it is time."""
        tls = self._current()
        if self._wire is None:
            self._wire = self._connect(self._host, tls)
        if tls.renewal_due(self._now(tls), share=self._share):
            self._renew_now()
        assert self._wire is not None
        return self._wire

    def _current(self) -> TlsIdentity:
        if self._tls is None:
            try:
                self._tls = self._store.tls()
            except AgentError:
                if not self._may_recover():
                    raise
                self.recover()  # lost or damaged: the report key gets another
        assert self._tls is not None
        return self._tls

    def _take(self, tls: TlsIdentity) -> None:
        """Use a certificate that the server just made, and learn from it how far off our clock is:
        else one that is a day ahead would ask for another with every call."""
        now = datetime.fromtimestamp(self._utc_ms() / 1000, UTC)
        sound = tls.not_before <= now and not tls.renewal_due(now, share=self._share)
        self._tls, self._behind = tls, timedelta() if sound else tls.not_before - now

    def _now(self, tls: TlsIdentity) -> datetime:
        """The time by our clock and by what it was off, until it is put right."""
        now = datetime.fromtimestamp(self._utc_ms() / 1000, UTC)
        return now + self._behind if now + self._behind >= tls.not_before else now

    def _seems_expired(self) -> bool:
        """Where nobody can be asked why a handshake failed, as behind a proxy."""
        return self._tls is not None and self._tls.expired(self._now(self._tls))

    def _renew_now(self) -> None:
        """Renew; a failure is no reason not to report, as long as the certificate is valid."""
        assert self._wire is not None
        try:
            key = self._store.next_tls_key()
            self._take(self._store.save_tls(key, self._wire.renew(tls_request(key))))
        except (AgentError, OSError):  # a full disk as well: what is delivered gives it room
            return
        self.close()
        self._wire = self._connect(self._host, self._current())
        self.renewals += 1

    def close(self) -> None:
        """Hang up; the next call connects anew."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

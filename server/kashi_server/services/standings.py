"""How calling hosts stand: looked up on every call, at most five seconds old."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from kashi_server.errors import Refused
from kashi_server.services.hosts import (
    CertificateStanding,
    HostCertificate,
    HostStanding,
    HostsWork,
    standing_of,
)

STANDING_CACHE_MS: Final = 5_000
"""How old a cached standing may be: holds and revocations take effect within this."""

_CACHE_SIZE_MAX: Final = 65_536


class CertificateExpired(Refused):
    """The caller's certificate ended: it says who calls, and no longer proves it."""


@dataclass(frozen=True, slots=True)
class _Cached:
    standing: HostStanding
    expires_utc_ms: int
    until_ms: int


class HostStandings:
    """Looks up how a calling host stands, at most five seconds old.

    Args:
        work: opens units of work.
        clock: UTC milliseconds.
        monotonic_ms: milliseconds that never step; the cache ages by them.
    """

    def __init__(
        self, work: HostsWork, clock: Callable[[], int], monotonic_ms: Callable[[], int]
    ) -> None:
        self._work = work
        self._clock = clock
        self._monotonic_ms = monotonic_ms
        self._cache: dict[tuple[str, str], _Cached] = {}

    def of(self, host_id: str, serial: str) -> HostStanding:
        """How the host with this certificate stands; held and revoked hosts are returned as such.

        The first use of a host's next certificate makes it the current one, and the one before
        past: this is what lets a lost answer to a renewal do no harm.

        Args:
            host_id: from the certificate's URI.
            serial: the certificate's serial in 40 hexadecimal digits.

        Raises:
            CertificateExpired: the certificate's time is over.
            Refused: the certificate is unknown, past or another host's.
        """
        key = (host_id, serial)
        found = self._cache.get(key)
        if found is None or found.until_ms <= self._monotonic_ms():
            found = self._look_up(host_id, serial)
            self._keep(key, found)
        if found.expires_utc_ms <= self._clock():
            raise CertificateExpired(
                "证书已过期，请以报告密钥恢复。"
                "the certificate has expired; recover with the report key"
            )
        return found.standing

    def brought(self, host_id: str) -> HostStanding:
        """How a host stands whose reports somebody else brings: its signature speaks for it.

        Raises:
            Refused: there is no such host, or it is a relay.
        """
        key = (host_id, "")
        found = self._cache.get(key)
        if found is None or found.until_ms <= self._monotonic_ms():
            until_ms = self._monotonic_ms() + STANDING_CACHE_MS
            with self._work.begin(writes=False) as unit:
                host = unit.identity.host(host_id)
            if host is None or host.relay_names:
                raise Refused(
                    f"主机 {host_id[:64]} 未接入本服务器。"
                    f"host {host_id[:64]} is not enrolled on this server"
                )
            found = _Cached(standing_of(host), 0, until_ms)
            self._keep(key, found)
        return found.standing

    def look_up_all(self, callers: Iterable[tuple[str, str]]) -> None:
        """Look up, in one query, every caller of a group whose standing is too old.

        Only what is plain is taken: an unknown or replaced certificate, or the first use of a next
        one, is left to `of`.

        Args:
            callers: host id and serial of each.
        """
        now_ms = self._monotonic_ms()
        old = [
            key
            for key in callers
            if (found := self._cache.get(key)) is None or found.until_ms <= now_ms
        ]
        if len(old) < 2:
            return
        with self._work.begin(writes=False) as unit:
            looked_up = unit.identity.callers([serial for _host_id, serial in old])
        wanted = set(old)
        for caller in looked_up:
            key = (caller.standing.host_id, caller.serial)
            if key in wanted and caller.certificate_standing is CertificateStanding.CURRENT:
                until_ms = now_ms + STANDING_CACHE_MS
                self._keep(key, _Cached(caller.standing, caller.expires_utc_ms, until_ms))

    def forget(self, host_id: str) -> None:
        """Look the host up anew on its next call."""
        for key in [key for key in self._cache if key[0] == host_id]:
            self._cache.pop(key, None)

    def _keep(self, key: tuple[str, str], found: _Cached) -> None:
        if len(self._cache) >= _CACHE_SIZE_MAX:
            self._cache.clear()
        self._cache[key] = found

    def _look_up(self, host_id: str, serial: str) -> _Cached:
        until_ms = self._monotonic_ms() + STANDING_CACHE_MS
        with self._work.begin(writes=False) as unit:
            certificate = unit.identity.certificate(serial)
            host = unit.identity.host(host_id)
        if host is None or certificate is None or certificate.host_id != host_id:
            raise Refused(
                "证书不属于本服务器的任何主机。the certificate belongs to no host of this server"
            )
        if certificate.standing is CertificateStanding.PAST:
            raise Refused(
                "证书已更换，请使用新证书。the certificate was replaced; use the newer one"
            )
        if certificate.standing is CertificateStanding.NEXT:
            self._promote(certificate)
        return _Cached(standing_of(host), certificate.expires_utc_ms, until_ms)

    def _promote(self, certificate: HostCertificate) -> None:
        with self._work.begin() as unit:
            unit.identity.promote_certificate(certificate.host_id, certificate.serial)
            unit.commit()
        self.forget(certificate.host_id)

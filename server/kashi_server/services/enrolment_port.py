"""What enrolment asks of storage."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from kashi_server.services.acts import PendingPort
from kashi_server.services.hosts import Alarm, Host, HostCertificate, HostsPort
from kashi_server.services.tokens import TokenRecord


class EnrolmentPort(HostsPort, Protocol):
    """What storage does for enrolment."""

    def add_token(self, token: TokenRecord) -> None:
        """Store a token."""

    def token(self, token_sha256: bytes) -> TokenRecord | None:
        """A token, locked until the unit ends."""

    def tokens_beginning(self, hint: bytes) -> Sequence[bytes]:
        """SHA-256 of the tokens whose first bytes are these."""

    def consume_token(
        self, token_sha256: bytes, host_id: str, tls_key_sha256: bytes, utc_ms: int
    ) -> None:
        """Mark a token as used, by whom and with which TLS key."""

    def host_of_report_key(self, report_public_key_der: bytes) -> Host | None:
        """The host that holds a report key."""

    def hosts_of_machine(self, machine_sha256: bytes) -> Sequence[Host]:
        """The hosts that said they are this machine; none for a machine that did not say."""

    def add_host(self, host: Host) -> None:
        """Store a host.

        Raises:
            Refused: its report key is taken.
        """

    def add_certificate(self, certificate: HostCertificate) -> None:
        """Store a certificate; a next one takes the place of an unused next one."""

    def certificate_of_key(self, host_id: str, public_key_sha256: bytes) -> HostCertificate | None:
        """A host's newest certificate over a TLS key."""

    def certificates_issued(self, host_id: str, since_utc_ms: int) -> int:
        """How many certificates a host was issued since an instant."""

    def count_recovery(self, host_id: str) -> None:
        """One more recovery used."""

    def raise_alarm(self, alarm: Alarm) -> None:
        """Store an alarm."""


class EnrolmentUnit(Protocol):
    """A unit of work as enrolment needs it."""

    @property
    def identity(self) -> EnrolmentPort:
        """The repository."""

    @property
    def log(self) -> PendingPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class EnrolmentWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[EnrolmentUnit]:
        """Open one."""

"""Privileged acts: who did what to what, when and why; kept in a table and in the log."""

from dataclasses import asdict, dataclass
from typing import Final, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.errors import InvalidValue

LOG_KIND: Final = "privileged-act"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivilegedAct:
    """One act of an officer, or of whoever may do it."""

    utc_ms: int
    actor: str
    act: str
    reference: str
    reason: str

    def __post_init__(self) -> None:
        """Refuse an act that names nobody or gives no reason."""
        if not self.actor.strip():
            raise InvalidValue(
                "特权操作须注明办理人。a privileged act needs the name of who does it"
            )
        if not self.reason.strip():
            raise InvalidValue(
                f"办理“{self.act}”须说明理由，请以 --reason 注明。"
                f"'{self.act}' needs a reason; give one with --reason"
            )


class ActsPort(Protocol):
    """Where acts are kept."""

    def record_act(self, act: PrivilegedAct) -> None:
        """Add to the privileged acts."""


class PendingPort(Protocol):
    """The end of the log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Add an entry; it gets its index once it is committed."""


class ActsUnit(Protocol):
    """A unit of work as acts need it."""

    @property
    def identity(self) -> ActsPort:
        """The repository."""

    @property
    def log(self) -> PendingPort:
        """The log."""


def record(unit: ActsUnit, act: PrivilegedAct) -> None:
    """Keep an act where it can be looked up, and where it cannot be taken back."""
    unit.identity.record_act(act)
    unit.log.append_pending(LOG_KIND, act.reference, canonical_bytes(asdict(act)))

"""What two officers decide of papers: in one unit of work, kept with who, when and why."""

from collections.abc import Callable
from typing import Protocol, cast

from kashi_server.services.acts import ActsPort, PrivilegedAct, record
from kashi_server.services.invoice_watch import InvoiceWatch
from kashi_server.services.papers_port import PapersLogPort, PapersUnit, PapersWork
from kashi_server.services.two_officers import AccountsRead, OfficersDecision, check_officers


class DecidingUnit(Protocol):
    """What else a unit of work of papers carries: who decides, and where that is kept."""

    @property
    def accounts(self) -> AccountsRead:
        """Accounts, to know who is an officer."""

    @property
    def identity(self) -> ActsPort:
        """Privileged acts."""

    @property
    def log(self) -> PapersLogPort:
        """The log."""


class PaperDeciding:
    """Where two officers decide; each kind of decision adds its own."""

    def __init__(self, work: PapersWork, clock: Callable[[], int], watch: InvoiceWatch) -> None:
        """Over a database, as its owner; `clock` gives UTC milliseconds; `watch` is told."""
        self._work = work
        self._clock = clock
        self._watch = watch


def check_deciding(unit: PapersUnit, decision: OfficersDecision) -> None:
    """Make sure that both who decided are officers here.

    Raises:
        Refused: one of them is not, or the account is closed.
    """
    # One unit of work carries the repositories of every room.
    check_officers(cast("DecidingUnit", unit).accounts, decision)


def keep_acts(
    unit: PapersUnit, decision: OfficersDecision, act: str, reference: str, utc_ms: int
) -> None:
    """Keep who did it, when and why: an act of each of the two."""
    for officer in decision.officers:
        done = PrivilegedAct(
            utc_ms=utc_ms,
            actor=officer,
            act=act,
            reference=reference,
            reason=decision.reason,
        )
        record(cast("DecidingUnit", unit), done)

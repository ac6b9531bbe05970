"""What corrections and settlements ask of storage, in plain values."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.booked_line import BookedLine
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import Month
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.errors import InvalidValue
from kashi_server.services.accounts import Account
from kashi_server.services.acts import ActsPort
from kashi_server.services.expense_port import ExpenseUnit, HostsPort
from kashi_server.services.settlements_port import SettlementsPort

RUN_FORMAT = "kashi/v1/correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisedStatement:
    """A statement as a run made it: which one, and what parts it from the revision before.

    `contract_id` None: a statement of usage without a contract; `corrects_revision` None: the
    statement did not exist before.
    """

    number: str
    revision: int
    user_id: str
    contract_id: str | None
    corrects_revision: int | None
    sha256: str
    amount_fen: int
    eligible_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRun:
    """A correction that was made: of which month, at which cut-offs, by whom, why.

    Attributes:
        ordinal: 1 is the month's first correction.
        booked_month: the month in whose settlement the difference stands.
        statements: what it made, by number.
        lines_sha256: hash of the booked lines' canonical data, in order.
    """

    run_id: str
    month: Month
    ordinal: int
    booked_month: Month
    cut_off: CutOff
    officers: tuple[str, str]
    reason: str
    made_utc_ms: int
    statements: tuple[RevisedStatement, ...]
    lines_sha256: str

    def __post_init__(self) -> None:
        """Refuse a correction that is booked before it could be."""
        if self.booked_month <= self.month:
            raise InvalidValue(
                f"{self.month} 的更正须记入其后的月份。"
                f"a correction of {self.month} is booked in a later month"
            )
        if self.officers[0] == self.officers[1]:
            raise InvalidValue(
                "更正须由两名不同的经办人办理。two different officers make a correction"
            )
        if not self.statements:
            raise InvalidValue(
                f"更正 {self.run_id} 没有产生任何结算单。"
                f"correction {self.run_id} makes no statement"
            )

    def to_bytes(self) -> bytes:
        """What the log keeps of it."""
        return canonical_bytes(
            {
                "format": RUN_FORMAT,
                "run_id": self.run_id,
                "month": str(self.month),
                "ordinal": self.ordinal,
                "booked_in": str(self.booked_month),
                "cut_off": self.cut_off.to_data(),
                "officers": list(self.officers),
                "reason": self.reason,
                "made_utc_ms": self.made_utc_ms,
                "statements": [
                    {
                        "number": one.number,
                        "revision": one.revision,
                        "user": one.user_id,
                        "contract": one.contract_id,
                        "corrects_revision": one.corrects_revision,
                        "sha256": one.sha256,
                        "amount_fen": one.amount_fen,
                        "eligible_fen": one.eligible_fen,
                    }
                    for one in self.statements
                ],
                "lines_sha256": self.lines_sha256,
            }
        )


class CorrectionsPort(SettlementsPort, Protocol):
    """Runs, what they booked, and settlements."""

    def runs(self, month: Month | None = None) -> Sequence[CorrectionRun]:
        """Corrections by month and ordinal."""

    def lines(self, run_id: str) -> Sequence[BookedLine]:
        """What a run booked, in order."""

    def column_faults(self) -> Iterable[str]:
        """Rows of rated lines, revisions and booked lines whose columns are not what their
        canonical content says, in words."""

    def add_run(
        self,
        run: CorrectionRun,
        statements: Sequence[Statement],
        lines: Mapping[str, Sequence[BookedLine]],
    ) -> None:
        """Store a run, the revisions it made, and the lines it books, by statement."""


class IdentityPort(HostsPort, ActsPort, Protocol):
    """What corrections ask of the identity family: hosts, and where acts are kept."""


class AccountsPort(Protocol):
    """What is asked of the accounts."""

    def all(self) -> Sequence[Account]:
        """Every account."""


class CorrectionUnit(ExpenseUnit, Protocol):
    """A unit of work as corrections need it."""

    @property
    def corrections(self) -> CorrectionsPort:
        """Runs and settlements."""

    @property
    def identity(self) -> IdentityPort:
        """Hosts, and privileged acts."""

    @property
    def accounts(self) -> AccountsPort:
        """Accounts."""


class CorrectionWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[CorrectionUnit]:
        """Open one."""

"""A correction run: what changes in a closed month, why, and under which name it is made.

The run's id is the hash of what goes into it: the month, the revisions that stand, the lines that
come out of the facts. The same correction has the same id whoever makes it and whenever, so it can
be made once only; and one that changes no line is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from kashi_server.domain.booked_line import BookedLine, Booking, LineData, booked_between
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRevision:
    """The revision of a statement that stands: its hash and its lines as data."""

    number: str
    revision: int
    sha256: str
    lines: Sequence[LineData]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCorrection:
    """What a revision says of the correction that made it.

    Attributes:
        run_id: the run.
        corrects_revision: the revision before; None where the statement did not exist.
        corrects_sha256: its hash.
        booked_in: the month in whose settlement the difference is booked.
        reason: why, in the officers' words.
        reversed_lines: ids of the lines taken back.
        added_lines: ids of the lines that stand instead.
        amount_fen: by how much the amount changes; negative where it falls.
        eligible_fen: the same of the eligible amount.
    """

    run_id: str
    corrects_revision: int | None
    corrects_sha256: str | None
    booked_in: Month
    reason: str
    reversed_lines: tuple[str, ...]
    added_lines: tuple[str, ...]
    amount_fen: int
    eligible_fen: int

    def __post_init__(self) -> None:
        """Refuse a correction of nothing."""
        if not self.reversed_lines and not self.added_lines:
            raise InvalidValue(
                f"更正 {self.run_id} 没有改变任何计费明细。correction {self.run_id} changes no line"
            )
        if (self.corrects_revision is None) != (self.corrects_sha256 is None):
            raise InvalidValue(
                "被更正的版本须连同其散列值写明。a corrected revision is named with its hash"
            )

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "run_id": self.run_id,
            "corrects_revision": self.corrects_revision,
            "corrects_sha256": self.corrects_sha256,
            "booked_in": str(self.booked_in),
            "reason": self.reason,
            "reversed_lines": list(self.reversed_lines),
            "added_lines": list(self.added_lines),
            "amount_fen": self.amount_fen,
            "eligible_fen": self.eligible_fen,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything in which a closed month differs from what its facts say now.

    Attributes:
        run_id: hash of what it follows from.
        booked: reversals and new lines, by statement.
    """

    month: Month
    run_id: str
    booked: Mapping[str, tuple[BookedLine, ...]]

    @property
    def numbers(self) -> tuple[str, ...]:
        """The statements that change, in order."""
        return tuple(sorted(self.booked))

    @property
    def amount_fen(self) -> int:
        """By how much the month's amount changes."""
        return sum(line.amount_fen for lines in self.booked.values() for line in lines)

    def statement(
        self, number: str, before: StandingRevision | None, booked_in: Month, reason: str
    ) -> StatementCorrection:
        """What the new revision of one of its statements says of it."""
        lines = self.booked[number]
        return StatementCorrection(
            run_id=self.run_id,
            corrects_revision=None if before is None else before.revision,
            corrects_sha256=None if before is None else before.sha256,
            booked_in=booked_in,
            reason=reason,
            reversed_lines=tuple(line.line_id for line in lines if line.kind is Booking.REVERSAL),
            added_lines=tuple(line.line_id for line in lines if line.kind is Booking.NEW),
            amount_fen=sum(line.amount_fen for line in lines),
            eligible_fen=sum(line.eligible_fen for line in lines),
        )


def difference(
    month: Month,
    standing: Mapping[str, StandingRevision],
    fresh: Mapping[str, Sequence[LineData]],
) -> Difference | None:
    """Tell a closed month's statements from what its facts come to now.

    Args:
        month: the month.
        standing: the latest revision of every statement of the month, by number.
        fresh: the lines that the facts come to, by number of statement; statements that would be
            empty may be left out or not.

    Returns:
        None where no line differs.
    """
    before = {number: revision.lines for number, revision in standing.items()}
    booked: dict[str, list[BookedLine]] = {}
    for line in booked_between(before, fresh):
        booked.setdefault(line.number, []).append(line)
    if not booked:
        return None
    return Difference(
        month=month,
        run_id=_run_id(month, standing, booked),
        booked={number: tuple(lines) for number, lines in booked.items()},
    )


def _run_id(
    month: Month,
    standing: Mapping[str, StandingRevision],
    booked: Mapping[str, Sequence[BookedLine]],
) -> str:
    inputs = {
        "format": "kashi/v1/correction-inputs",
        "month": str(month),
        "corrects": {
            number: standing[number].sha256 if number in standing else None for number in booked
        },
        "lines": [line.to_data() for _number, lines in sorted(booked.items()) for line in lines],
    }
    return sha256(canonical_bytes(inputs)).hexdigest()

"""The settlement of a contract's month: its own charges, and what corrections book into it.

A correction keeps the time it speaks of and is booked in the month that is open when it is made.
So what a month comes to is its own charges, plus the corrections booked into it, plus what an
earlier month left over. A net that is negative is never cut to zero: nothing is payable then, and
the whole of it is carried into the contract's next statement.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BookedCorrection:
    """What one correction run books for a contract: the month charged for, the run, and fen."""

    month: Month
    run_id: str
    amount_fen: int

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "charge_month": str(self.month),
            "run_id": self.run_id,
            "amount_fen": self.amount_fen,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A contract's month as it is settled, in fen.

    `charges_fen` is the month's own amount when it was closed; `carried_in_fen` and
    `carried_out_fen` are never above 0, `payable_fen` is never below it.
    """

    charges_fen: int
    corrections: tuple[BookedCorrection, ...]
    carried_in_fen: int
    payable_fen: int
    carried_out_fen: int

    def __post_init__(self) -> None:
        """Refuse a settlement in which a fen is lost or made."""
        due_fen = self.charges_fen + self.corrections_fen + self.carried_in_fen
        if self.payable_fen + self.carried_out_fen != due_fen:
            raise InvalidValue(
                f"应付 {self.payable_fen} 分与结转 {self.carried_out_fen} 分"
                f"不等于应结 {due_fen} 分。"
                f"payable {self.payable_fen} and carried {self.carried_out_fen} fen are not the"
                f" {due_fen} fen due"
            )
        if self.payable_fen < 0 or self.carried_out_fen > 0 or self.carried_in_fen > 0:
            raise InvalidValue(
                "只有应退的才结转，只有应付的才支付。"
                "only what is owed back is carried, and only what is due is payable"
            )
        if self.payable_fen and self.carried_out_fen:
            raise InvalidValue(
                "仍有结转时，应付须为零。nothing is payable while something is carried on"
            )

    @property
    def corrections_fen(self) -> int:
        """What the corrections come to."""
        return sum(one.amount_fen for one in self.corrections)

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "charges_fen": self.charges_fen,
            "corrections": [one.to_data() for one in self.corrections],
            "corrections_fen": self.corrections_fen,
            "carried_in_fen": self.carried_in_fen,
            "payable_fen": self.payable_fen,
            "carried_out_fen": self.carried_out_fen,
        }


def settle(
    charges_fen: int, corrections: Iterable[BookedCorrection], carried_in_fen: int
) -> Settlement | None:
    """Settle a contract's month; None where nothing was booked into it and nothing carried."""
    booked = tuple(sorted(corrections))
    if not booked and not carried_in_fen:
        return None
    due_fen = charges_fen + sum(one.amount_fen for one in booked) + carried_in_fen
    return Settlement(
        charges_fen=charges_fen,
        corrections=booked,
        carried_in_fen=carried_in_fen,
        payable_fen=max(due_fen, 0),
        carried_out_fen=min(due_fen, 0),
    )

"""The ledger: double entry in whole fen and whole awards, only ever added to.

A movement takes from accounts and gives to accounts, and sums to zero in every unit. An account
with a floor never goes below it: what is left of a pool, of a company's cap, of a quota or of an
envelope is an account whose floor is 0, so no movement can spend what is not there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.money import FEN_MAX
from kashi_server.errors import InvalidValue

FORMAT: Final = "kashi/v1/movement"
REVERSAL: Final = "reversal"


class Unit(StrEnum):
    """What an account counts."""

    FEN = "fen"
    AWARDS = "awards"


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """An account: `purpose:programme/year` or `purpose:programme/year/holder`.

    `floored`: its balance is never negative. The other side of it, from which money or allowance
    comes into the ledger, has no floor.
    """

    name: str
    unit: Unit = Unit.FEN
    floored: bool = True

    def __post_init__(self) -> None:
        """Refuse a name without purpose and key."""
        purpose, _sign, key = self.name.partition(":")
        if not purpose or not key or self.name != self.name.strip():
            raise InvalidValue(
                f"“{self.name}”不是科目；科目形如 pool:programme/2026。"
                f"'{self.name}' is no account like pool:programme/2026"
            )


@dataclass(frozen=True, slots=True)
class Posting:
    """What one account gets (above zero) or gives (below)."""

    account: Account
    amount: int

    def __post_init__(self) -> None:
        """Refuse a posting of nothing, or of more than the house can count."""
        if self.amount == 0 or abs(self.amount) > FEN_MAX:
            raise InvalidValue(
                f"科目 {self.account.name} 上的 {self.amount} 不成立。"
                f"{self.amount} on {self.account.name} is no posting"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Postings that happen together or not at all.

    Attributes:
        key: who posts the same key again posts nothing more; another content is refused.
        kind: what happened, like `reserve`.
        reference: what it happened to: a claim, a decision.
        officer, reason: who did it and why.
    """

    key: str
    kind: str
    reference: str
    officer: str
    reason: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        """Sum to zero in every unit, name every account once, and say who and why."""
        if not all((self.key, self.kind, self.reference, self.officer, self.reason)):
            raise InvalidValue(
                "变动须写明标识、种类、对象、经办人与理由。"
                "a movement names its key, kind, reference, officer and reason"
            )
        names = [posting.account.name for posting in self.postings]
        if len(names) < 2 or len(set(names)) != len(names):
            raise InvalidValue(
                f"变动 {self.key} 须涉及两个以上科目，每个科目一次。"
                f"movement {self.key} must name two accounts or more, each once"
            )
        for unit, total in totals(self.postings).items():
            if total:
                raise InvalidValue(
                    f"变动 {self.key} 借贷不平，相差 {total} {unit}。"
                    f"movement {self.key} is off by {total} {unit}"
                )
        ordered = tuple(sorted(self.postings, key=lambda posting: posting.account.name))
        object.__setattr__(self, "postings", ordered)

    def reversed(self, officer: str, reason: str) -> "Movement":
        """The exact opposite, linked to this one by its key."""
        return replace(
            self,
            key=f"{REVERSAL}/{self.key}",
            kind=REVERSAL,
            officer=officer,
            reason=reason,
            postings=tuple(Posting(one.account, -one.amount) for one in self.postings),
        )

    def to_data(self) -> dict[str, object]:
        """Plain data in the format `kashi/v1/movement`: what is logged and hashed."""
        return {
            "format": FORMAT,
            "key": self.key,
            "kind": self.kind,
            "reference": self.reference,
            "officer": self.officer,
            "reason": self.reason,
            "postings": [
                {
                    "account": one.account.name,
                    "unit": str(one.account.unit),
                    "floored": one.account.floored,
                    "amount": one.amount,
                }
                for one in self.postings
            ],
        }

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return canonical_bytes(self.to_data())

    @property
    def sha256(self) -> bytes:
        """Hash of the canonical bytes."""
        return sha256(self.to_bytes()).digest()


def totals(postings: Iterable[Posting]) -> Mapping[Unit, int]:
    """Sums by unit."""
    sums: dict[Unit, int] = {}
    for one in postings:
        sums[one.account.unit] = sums.get(one.account.unit, 0) + one.amount
    return sums

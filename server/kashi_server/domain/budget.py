"""The budget of a programme and year, and the way of a claim's money through it.

    authority → pool → reserved → accrued → certified → disbursed → recovered

Beside the money stand allowances: what is left of the company's cap, of the quota and of every
envelope. A reservation takes from all of them at once, so none can be passed, in any order and by
however many officers at a time; a release gives back to all of them.
"""

from dataclasses import dataclass, field
from typing import Final

from kashi_server.domain.ledger import Account, Movement, Posting, Unit
from kashi_server.errors import InvalidValue

STAGES: Final = ("reserved", "accrued", "certified", "disbursed")
"""Where a claim's money stands; it moves on by one at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who did something, why, and under which key."""

    key: str
    officer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A programme's year.

    `envelopes`: the programmes whose pools bound this one as well; `counted`: awards have a quota.
    """

    programme_id: str
    year: int
    envelopes: tuple[str, ...] = ()
    counted: bool = False
    capped: bool = True

    def appropriate(self, act: Act, amount_fen: int) -> Movement:
        """The authority puts money into the pool."""
        return _movement(act, "appropriate", str(self), {
            self._account("authority", floored=False): -amount_fen,
            self._account("pool"): amount_fen,
        })  # fmt: skip

    def allow_company(self, act: Act, company_id: str, cap_fen: int) -> Movement:
        """Open a company's cap for the year."""
        return _movement(act, "allow", f"{self}/{company_id}", {
            self._account("cap", company_id, floored=False): -cap_fen,
            self._account("cap_left", company_id): cap_fen,
        })  # fmt: skip

    def allow_awards(self, act: Act, count: int) -> Movement:
        """Open the year's quota."""
        return _movement(act, "allow", str(self), {
            self._account("quota", unit=Unit.AWARDS, floored=False): -count,
            self._account("quota_left", unit=Unit.AWARDS): count,
        })  # fmt: skip

    def open_envelope(self, act: Act, amount_fen: int) -> Movement:
        """Open what this budget may take from, when it is an envelope itself."""
        return _movement(act, "allow", str(self), {
            self._account("envelope", floored=False): -amount_fen,
            self._account("envelope_left"): amount_fen,
        })  # fmt: skip

    def reserve(self, act: Act, claim: "ClaimMoney", amount_fen: int) -> Movement:
        """Take a claim's money out of the pool and every allowance."""
        return _movement(act, "reserve", claim.claim_id, {
            self._account("pool"): -amount_fen,
            self._account("reserved", claim.claim_id): amount_fen,
            **self._allowances(claim, amount_fen, 1),
        })  # fmt: skip

    def release(
        self, act: Act, claim: "ClaimMoney", amount_fen: int, *, whole: bool = True
    ) -> Movement:
        """Give reserved money back: all of it with the award, or the part above what is due."""
        return _movement(act, "release", claim.claim_id, {
            self._account("reserved", claim.claim_id): -amount_fen,
            self._account("pool"): amount_fen,
            **self._allowances(claim, -amount_fen, -1 if whole else 0),
        })  # fmt: skip

    def advance(self, act: Act, claim: "ClaimMoney", amount_fen: int, stage: str) -> Movement:
        """Move a claim's money into a stage, out of the one before."""
        place = STAGES.index(stage) if stage in STAGES else 0
        if place == 0:
            raise InvalidValue(
                f"“{stage}”不是 {', '.join(STAGES[1:])} 之一。"
                f"'{stage}' is none of {', '.join(STAGES[1:])}"
            )
        return _movement(act, stage, claim.claim_id, {
            self._account(STAGES[place - 1], claim.claim_id): -amount_fen,
            self._account(stage, claim.claim_id): amount_fen,
        })  # fmt: skip

    def retreat(self, act: Act, claim: "ClaimMoney", amount_fen: int, stage: str) -> Movement:
        """Move a claim's money out of a stage, back into the one before."""
        place = STAGES.index(stage) if stage in STAGES else 0
        if not 0 < place < len(STAGES) - 1:
            raise InvalidValue(
                f"“{stage}”阶段的款项不能退回；已拨付的须追回。"
                f"nothing goes back from '{stage}': paid money is clawed back"
            )
        return _movement(act, "retreat", claim.claim_id, {
            self._account(stage, claim.claim_id): -amount_fen,
            self._account(STAGES[place - 1], claim.claim_id): amount_fen,
        })  # fmt: skip

    def charge_interest(self, act: Act, claim: "ClaimMoney", amount_fen: int) -> Movement:
        """Interest on what is clawed back: the company owes it to the authority."""
        return _movement(act, "interest", claim.claim_id, {
            self._account("interest_owed", claim.claim_id, floored=False): -amount_fen,
            self._account("interest"): amount_fen,
        })  # fmt: skip

    def claw_back(self, act: Act, claim: "ClaimMoney", amount_fen: int) -> Movement:
        """Recover disbursed money; it goes back to the authority, and the cap stays used."""
        return _movement(act, "claw_back", claim.claim_id, {
            self._account("disbursed", claim.claim_id): -amount_fen,
            self._account("recovered"): amount_fen,
        })  # fmt: skip

    def _allowances(self, claim: "ClaimMoney", amount_fen: int, awards: int) -> dict[Account, int]:
        taken: dict[Account, int] = {}
        if self.capped:
            taken[self._account("cap_left", claim.company_id)] = -amount_fen
            taken[self._account("cap_used", claim.company_id)] = amount_fen
        for envelope in self.envelopes:
            around = Budget(programme_id=envelope, year=self.year)
            taken[around._account("envelope_left")] = -amount_fen
            taken[around._account("envelope_used")] = amount_fen
        if self.counted and awards:
            taken[self._account("quota_left", unit=Unit.AWARDS)] = -awards
            taken[self._account("quota_used", unit=Unit.AWARDS)] = awards
        return taken

    def _account(
        self, purpose: str, *holder: str, unit: Unit = Unit.FEN, floored: bool = True
    ) -> Account:
        return Account("/".join((f"{purpose}:{self}", *holder)), unit, floored)

    def __str__(self) -> str:
        return f"{self.programme_id}/{self.year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMoney:
    """Whose claim it is."""

    claim_id: str
    company_id: str = field(default="")


def _movement(act: Act, kind: str, reference: str, amounts: dict[Account, int]) -> Movement:
    return Movement(
        key=act.key,
        kind=kind,
        reference=reference,
        officer=act.officer,
        reason=act.reason,
        postings=tuple(Posting(account, amount) for account, amount in amounts.items()),
    )

"""Putting a year's money into a programme's pool, or opening an envelope; by two officers."""

from collections.abc import Callable

from kashi_server.domain.budget import Act
from kashi_server.domain.money import yuan_text
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.claim_steps import Acting, Why, officer_of
from kashi_server.services.claims_port import ClaimsUnit, ClaimsWork
from kashi_server.services.ledger import post


class Appropriating:
    """Puts money where claims are paid from."""

    def __init__(self, work: ClaimsWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def appropriate(
        self, by: Acting, rules: RulesVersion, year: int, amount_fen: int, why: Why
    ) -> bool:
        """Appropriate an amount; False when the same key was appropriated before.

        Of an envelope: opens what the programmes inside may take together.

        Raises:
            InvalidValue: no amount, reason or document is given.
            Refused: the two are not two officers, or the year's pool by the rules is passed.
        """
        if amount_fen <= 0:
            raise InvalidValue("下达的预算须大于零。an appropriation must be above 0")
        if not why.reason.strip() or not why.document.strip():
            raise InvalidValue(
                "下达预算须注明理由与文件。an appropriation names its reason and document"
            )
        with self._work.begin() as unit:
            first, second = officer_of(unit, by.login).login, officer_of(unit, by.second).login
            if first == second:
                raise Refused(
                    "须由两名不同的经办人共同决定。two different officers decide together"
                )
            budget = budget_of(rules, year)
            act = Act(
                key=f"appropriate/{budget}/{why.key or why.document}",
                officer=f"{first}, {second}",
                reason=f"{why.reason} ({why.document})",
            )
            envelope = rules.parameter("kind").value == "envelope"
            make = budget.open_envelope if envelope else budget.appropriate
            movement = make(act, amount_fen)
            source = next(one.account.name for one in movement.postings if one.amount < 0)
            added = post(unit, movement, self._clock())
            _check_pool(unit, rules, source)
            if added:
                record(
                    unit,
                    PrivilegedAct(
                        utc_ms=self._clock(),
                        actor=act.officer,
                        act="appropriated",
                        reference=str(budget),
                        reason=act.reason,
                    ),
                )
                unit.commit()
        return added


def _check_pool(unit: ClaimsUnit, rules: RulesVersion, source: str) -> None:
    """What was appropriated in all stays within what the rules know of the year's pool."""
    pool_fen = rules.fen("pool.year_yuan")
    total_fen = -unit.ledger.amounts((source,)).get(source, 0)
    if pool_fen is not None and total_fen > pool_fen:
        raise Refused(
            f"连同本次，下达预算共 {yuan_text(total_fen)} 元，超过规则规定的本年资金"
            f"池 {yuan_text(pool_fen)} 元（pool.year_yuan）。"
            f"with this {yuan_text(total_fen)} yuan would be appropriated; by the rules the year's"
            f" pool is {yuan_text(pool_fen)} yuan (pool.year_yuan)"
        )

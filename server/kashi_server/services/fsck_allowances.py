"""Allowances against the rules and the claims: what was opened, what was taken, by whom.

An account's floor holds what is left of a cap, a quota or an envelope. That it was opened with what
the rules say, that what is taken of it is what claims stand for, and that two officers moved the
money, is proved here from rows and rules.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from kashi_server.domain.money import yuan_text
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.claim_envelopes import BooksUnit, reserved_from
from kashi_server.services.claims_port import StoredClaim

BY_TWO: Final = ("appropriate", "allow", "reserve", "disbursed", "claw_back", "interest")
"""Movements that two officers decide."""
_TAKEN: Final = ("cap_used:", "quota_used:", "envelope_used:")


def allowance_faults(unit: BooksUnit) -> Iterator[str]:
    """Everything of caps, quotas and envelopes that rules or claims do not say, in words."""
    claims = unit.claims.claims()
    stands = {one.account.name: one.amount for one in unit.ledger.balances()}
    yield from _taken_faults(unit, claims, stands)
    yield from _opened_faults(claims, stands)
    yield from _officer_faults(unit)


def _taken_faults(
    unit: BooksUnit, claims: Sequence[StoredClaim], stands: dict[str, int]
) -> Iterator[str]:
    expected: Counter[str] = Counter()
    for stored in claims:
        awarded_fen = stored.claim.amounts.awarded_fen
        if not awarded_fen:
            continue
        budget = budget_of(stored.rules, stored.batch.year)
        if budget.capped:
            expected[f"cap_used:{budget}/{stored.claim.company_id}"] += awarded_fen
        if budget.counted:
            expected[f"quota_used:{budget}"] += 1
        for envelope in reserved_from(unit, stored):
            expected[f"envelope_used:{envelope}/{budget.year}"] += awarded_fen
    taken = {name for name in stands if name.startswith(_TAKEN)}
    for name in sorted(taken | expected.keys()):
        if stands.get(name, 0) != expected[name]:
            holds = stands.get(name, 0)
            yield (
                f"科目 {name} 余额为 {holds}，各申报核定合计为 {expected[name]}。"
                f"{name} holds {holds}; awards of claims come to {expected[name]}"
            )


def _opened_faults(claims: Sequence[StoredClaim], stands: dict[str, int]) -> Iterator[str]:
    """Caps and quotas were opened with what one of the year's rules versions says, and never more
    than that is taken of them."""
    by_account: dict[str, set[int]] = {}
    for stored in claims:
        for name, limit in _limits(stored.rules, stored):
            by_account.setdefault(name, set()).add(limit)
    for name, limits in sorted(by_account.items()):
        opened = -stands.get(name, 0)
        if opened and opened not in limits:
            said = ", ".join(str(one) for one in sorted(limits))
            yield (
                f"科目 {name} 以 {opened} 开立，规则所定为 {said}。"
                f"{name} was opened with {opened}; the rules say {said}"
            )
        purpose, _, holder = name.partition(":")
        taken = stands.get(f"{purpose}_used:{holder}", 0)
        if taken > max(limits):
            used = f"{purpose}_used:{holder}"
            yield (
                f"科目 {used} 余额为 {taken}，规则至多允许 {max(limits)}。"
                f"{used} holds {taken}; the rules allow {max(limits)}"
            )


def _limits(rules: RulesVersion, stored: StoredClaim) -> Iterator[tuple[str, int]]:
    budget = budget_of(rules, stored.batch.year)
    cap_fen = rules.fen("cap.company_year_yuan")
    if cap_fen is not None:
        yield f"cap:{budget}/{stored.claim.company_id}", cap_fen
    quota = rules.parameter("quota_per_year").value
    if isinstance(quota, int):
        yield f"quota:{budget}", quota


def _officer_faults(unit: BooksUnit) -> Iterator[str]:
    for stored in unit.ledger.movements():
        movement = stored.movement
        if movement is None or movement.kind not in BY_TWO:
            continue
        officers = {one.strip() for one in movement.officer.split(",") if one.strip()}
        if len(officers) != 2:
            yuan = yuan_text(sum(max(0, one.amount) for one in movement.postings))
            yield (
                f"变动 {stored.movement_id}（{stored.key}，{yuan} 元）由"
                f" {movement.officer or '无人'} 决定，{movement.kind} 须由两名经办人决定。"
                f"movement {stored.movement_id} ({stored.key}) of {yuan} yuan was"
                f" decided by {movement.officer or 'nobody'}; two officers decide {movement.kind}"
            )

"""Envelopes around a programme: those that its rules name, and those whose members name it.

A reservation takes from every one of them; a release gives back to those that it was taken from,
whatever is registered since.
"""

from datetime import date
from typing import Protocol

from kashi_server.domain.claim_states import Step
from kashi_server.domain.interval import Interval, minute_of_day
from kashi_server.domain.ledger import Movement
from kashi_server.domain.parameters import NONE
from kashi_server.domain.rules import RulesVersion, in_turn
from kashi_server.services.claims_port import ClaimsPort, ClaimsUnit, StoredClaim
from kashi_server.services.ledger_port import LedgerPort

_LEFT = "envelope_left:"


class BooksUnit(Protocol):
    """A unit of work in which claims and their books are read."""

    @property
    def claims(self) -> ClaimsPort:
        """Claims."""

    @property
    def ledger(self) -> LedgerPort:
        """The ledger."""


def envelopes_around(unit: ClaimsUnit, rules: RulesVersion, year: int) -> tuple[str, ...]:
    """Programmes whose pools bound this one in a year as well, by name.

    Args:
        unit: the unit of work.
        rules: of the programme.
        year: an envelope that names the programme bounds it in the years in which it is in force.
    """
    named = rules.parameter("envelope").value
    found = {str(named)} if named not in (None, NONE) else set()
    whole_year = Interval(minute_of_day(date(year, 1, 1)), minute_of_day(date(year + 1, 1, 1)))
    by_programme: dict[str, list[RulesVersion]] = {}
    for version in unit.expense.rules():
        by_programme.setdefault(version.programme_id, []).append(version)
    for programme_id, versions in by_programme.items():
        # What a later version ended bounds nothing from then on, whatever its own date says.
        held = (one for one, during in in_turn(versions) if during.overlap(whole_year))
        if any(_names(one, rules.programme_id) for one in held):
            found.add(programme_id)
    return tuple(sorted(found))


def _names(version: RulesVersion, programme_id: str) -> bool:
    """Whether these are an envelope's, around a programme."""
    members = version.parameter("envelope.members").value
    is_envelope = version.parameter("kind").value == "envelope"
    return is_envelope and isinstance(members, tuple) and programme_id in members


def reserved_from(unit: BooksUnit, stored: StoredClaim) -> tuple[str, ...]:
    """The envelopes that a claim's last approval took from; empty where nothing was approved."""
    claim_id = stored.claim.claim_id
    approvals = [one for one in unit.claims.events(claim_id) if one.step == Step.APPROVE]
    if not approvals:
        return ()
    last = approvals[-1]
    for place in range(len(last.terms.get("booked", ()))):
        found = unit.ledger.movement(f"claim/{claim_id}/{last.serial}/{place}/reserve")
        if found is not None and found.movement is not None:
            return _taken_from(found.movement)
    return ()


def _taken_from(movement: Movement) -> tuple[str, ...]:
    names = (one.account.name for one in movement.postings)
    return tuple(
        sorted(
            name.removeprefix(_LEFT).rpartition("/")[0] for name in names if name.startswith(_LEFT)
        )
    )

"""Taking a step of a claim: who may, once a key, two officers together, everything in one unit.

A step is: lock the claim, look who acts, do it (pure), write the claim, its event, the ledger's
movements and the log entry; then commit. Whatever is refused leaves nothing behind.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.claim import Changed
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_states import Step, Transition, Who
from kashi_server.domain.interval import SHANGHAI
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.accounts import Account, Role, normal_login
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.claim_booking import book
from kashi_server.services.claim_stands import STANDS, stands_of
from kashi_server.services.claim_words import STEPS
from kashi_server.services.claims_port import ClaimsUnit, ClaimsWork, Proposal, StoredClaim

CLAIM_ENTRY: Final = "claim-event"
PROPOSAL_ENTRY: Final = "claim-proposal"
BATCH_ENTRY: Final = "batch"
_KEYED_BY: Final = "by"
CLOCK: Final = "kashi-server"
"""Who acts where nobody decides: a day that passed, a paper that fell away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who acts, by login; `second`: the officer who decides with them."""

    login: str
    second: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why, on what paper.

    Attributes:
        reason: why.
        document: on what paper.
        key: the same key of the same login again takes the step once.
        serial: number of the step as whoever asks saw the claim; None: whichever is next.
    """

    reason: str = ""
    document: str = ""
    key: str = ""
    serial: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A claim after a step; `awaits`: the step waits for a second officer and is not taken yet."""

    stored: StoredClaim
    awaits: bool = False


@dataclass(slots=True)
class Taking:
    """One step as it is taken; `terms` go into the event."""

    unit: ClaimsUnit
    stored: StoredClaim
    utc_ms: int
    today: date
    terms: dict[str, Any] = field(default_factory=dict)

    @property
    def serial(self) -> int:
        """The step's number."""
        return self.stored.claim.serial + 1


Doing = Callable[[Taking], Changed]


class ClaimSteps:
    """What all steps share. `clock` gives UTC milliseconds; days are those of Asia/Shanghai."""

    def __init__(self, work: ClaimsWork, clock: Callable[[], int], *, demo: bool = False) -> None:
        self._work = work
        self._clock = clock
        self._demo = demo

    def _take(
        self,
        by: Acting,
        claim_id: str,
        step: Step,
        why: Why,
        do: Doing,
        terms: dict[str, Any] | None = None,
    ) -> Taken:
        """Take a step, or keep it as the first officer's proposal."""
        asked = dict(terms or {})
        with self._work.begin() as unit:
            stored = locked(unit, claim_id)
            key = _key_of(by, why)
            if key and (known := unit.claims.event_of(key)) is not None:
                if by.login != CLOCK:
                    account_of(unit, by.login)
                _check_same(known, claim_id, step, _asked_sha256(by, step, why, asked))
                return Taken(stored=stored)
            _check_seen(stored, why)
            allowed = stored.claim.transition(step)
            check_why(allowed, why)
            decided = _actors(unit, allowed, by, stored, self._said(step, why, asked))
            taking = self._taking(unit, stored, asked)
            if key:
                taking.terms["asked_sha256"] = _asked_sha256(by, step, why, asked)
            if decided is None:
                # Everything is tried: a proposal that could not be carried out is refused now.
                self._carry_out(taking, (normal_login(by.login), ""), step, why, do, key)
            else:
                if decided.first_reason:
                    taking.terms["first_reason"] = decided.first_reason
                self._carry_out(taking, decided.logins, step, why, do, key)
                unit.commit()
                return Taken(stored=taking.stored)
        return self._propose(by, stored, step, why, self._said(step, why, asked))

    def _taking(self, unit: ClaimsUnit, stored: StoredClaim, terms: dict[str, Any]) -> Taking:
        utc_ms = self._clock()
        return Taking(unit, stored, utc_ms, day_of(utc_ms), dict(terms))

    def _carry_out(
        self,
        taking: Taking,
        actors: tuple[str, str],
        step: Step,
        why: Why,
        do: Doing,
        key: str = "",
    ) -> None:
        before = taking.stored.claim
        changed = do(taking)
        claim = changed.claim
        taking.stored = replace(taking.stored, claim=claim)
        event = ClaimEvent(
            claim_id=claim.claim_id,
            serial=claim.serial,
            key=key or f"{claim.claim_id}/{claim.serial}",
            step=step,
            before=before.state,
            after=claim.state,
            actor=actors[0],
            second=actors[1],
            utc_ms=taking.utc_ms,
            reason=why.reason,
            document=why.document,
            terms={
                **taking.terms,
                "booked": [[str(one.kind), one.amount_fen] for one in changed.bookings],
                STANDS: stands_of(taking.unit.claims, taking.stored),
            },
        )
        book(taking.unit, taking.stored, changed.bookings, event)
        write(taking.unit, taking.stored, event)
        self._follow(taking, event)

    def _follow(self, taking: Taking, event: ClaimEvent) -> None:
        """What is to follow once a step is committed: see `services.claim_beside`."""

    def _propose(self, by: Acting, stored: StoredClaim, step: Step, why: Why, said: bytes) -> Taken:
        with self._work.begin() as unit:
            proposal = Proposal(
                claim_id=stored.claim.claim_id,
                serial=stored.claim.serial,
                step=step,
                officer=normal_login(by.login),
                terms=said,
                reason=why.reason,
                utc_ms=self._clock(),
            )
            unit.claims.propose(proposal)
            unit.log.append_pending(*proposal_entry(proposal))
            unit.commit()
        return Taken(stored=stored, awaits=True)

    @staticmethod
    def _said(step: Step, why: Why, terms: dict[str, Any]) -> bytes:
        return canonical_bytes({"step": step, "document": why.document, "terms": terms})


def proposal_entry(proposal: Proposal) -> tuple[str, str, bytes]:
    """The log's entry of what an officer proposes: kind, reference, bytes."""
    reference = f"{proposal.claim_id}/{proposal.serial}/{proposal.step}/{proposal.officer}"
    said = {
        "format": "kashi/v1/claim-proposal",
        "claim_id": proposal.claim_id,
        "serial": proposal.serial,
        "step": proposal.step,
        "officer": proposal.officer,
        "terms": json.loads(proposal.terms),
        "reason": proposal.reason,
        "utc_ms": proposal.utc_ms,
    }
    return PROPOSAL_ENTRY, reference, canonical_bytes(said)


def write(unit: ClaimsUnit, stored: StoredClaim, event: ClaimEvent) -> None:
    """Keep a claim and the step that made it so, in the tables and in the log."""
    unit.claims.put_claim(stored)
    add_event(unit, event)


def add_event(unit: ClaimsUnit, event: ClaimEvent) -> None:
    """Keep a step; what an officer does is a privileged act as well."""
    unit.claims.add_event(event)
    unit.log.append_pending(CLAIM_ENTRY, f"{event.claim_id}/{event.serial}", event.to_bytes())
    account = unit.accounts.by_login(event.actor)
    if account is not None and account.role is Role.OFFICER:
        both = f"{event.actor}, {event.second}" if event.second else event.actor
        record(
            unit,
            PrivilegedAct(
                utc_ms=event.utc_ms,
                actor=both,
                act=f"claim-{event.step}",
                reference=event.claim_id,
                reason=event.reason_kept,
            ),
        )


def locked(unit: ClaimsUnit, claim_id: str) -> StoredClaim:
    """A claim for a step: its contracts first, then its invoices, then itself.

    Public money on a contract is held against one line, of all its claims and programmes together:
    their steps come one after the other. Whoever brings a change of an invoice locks that first and
    then the claims on it; in any other order the two could wait for each other.

    Raises:
        NotFound: there is none of that id.
    """
    content = existing(unit, claim_id).content
    unit.claims.lock_contracts(content.contract_ids)
    numbers = {one.number for one in content.invoices}
    numbers |= {one.number for one in unit.claims.held_parts(claim_id)}
    for number in sorted(numbers):
        unit.invoices.lock(number)
    return existing(unit, claim_id, lock=True)


def existing(unit: ClaimsUnit, claim_id: str, *, lock: bool = False) -> StoredClaim:
    """A claim.

    Raises:
        NotFound: there is none of that id.
    """
    stored = unit.claims.claim(claim_id, lock=lock)
    if stored is None:
        raise NotFound(
            f"没有申报“{claim_id}”，请用 claim list 查看。"
            f"there is no claim '{claim_id}'; list them with: claim list"
        )
    return stored


def day_of(utc_ms: int) -> date:
    """The day of Asia/Shanghai of an instant."""
    return datetime.fromtimestamp(utc_ms // 1000, SHANGHAI).date()


def account_of(unit: ClaimsUnit, login: str) -> Account:
    """An account that may act.

    Raises:
        NotFound: there is none, or it is closed.
    """
    account = unit.accounts.by_login(normal_login(login))
    if account is None or account.disabled:
        raise NotFound(
            f"没有可在此办理的账号“{login}”，请用 account list 查看。"
            f"there is no account '{login}' that may act here; see: account list"
        )
    return account


def officer_of(unit: ClaimsUnit, login: str) -> Account:
    """An officer's account.

    Raises:
        NotFound: there is none. Refused: it is not an officer's.
    """
    account = account_of(unit, login)
    if account.role is not Role.OFFICER:
        raise Refused(f"账号“{login}”不是经办人。'{login}' is no officer")
    return account


def company_of(unit: ClaimsUnit, login: str) -> str:
    """The party of a company's account.

    Raises:
        NotFound: there is none. Refused: it is not a company's.
    """
    account = account_of(unit, login)
    if account.role is not Role.COMPANY or account.party_id is None:
        raise Refused(
            f"账号“{login}”不是企业账号，申报须由企业自行提交。"
            f"'{login}' is no company's account: companies file their claims themselves"
        )
    return account.party_id


def _key_of(by: Acting, why: Why) -> str:
    """The key as it is kept: nobody's key is another's, and none is one of the house's own."""
    return f"{_KEYED_BY}/{normal_login(by.login)}/{why.key}" if why.key else ""


def _asked_sha256(by: Acting, step: Step, why: Why, terms: dict[str, Any]) -> str:
    """What was asked for under a key, in one hash."""
    asked = {
        "step": step,
        "by": [normal_login(one) for one in (by.login, by.second) if one],
        "reason": why.reason,
        "document": why.document,
        "terms": terms,
    }
    return sha256(canonical_bytes(asked)).hexdigest()


def _check_same(known: ClaimEvent, claim_id: str, step: Step, asked_sha256: str) -> None:
    if (known.claim_id, known.step) != (claim_id, step):
        raise Refused(
            f"键 {known.key} 已用于申报 {known.claim_id} 的 {STEPS[known.step]}，请换一个。"
            f"the key {known.key} was used for {known.step} of claim {known.claim_id}; give"
            " another one"
        )
    if known.terms.get("asked_sha256") != asked_sha256:
        raise Refused(
            f"键 {known.key} 已用于申报 {known.claim_id} 的 {STEPS[known.step]}，且内容不"
            "同，请换一个。"
            f"the key {known.key} was used for {known.step} of claim {known.claim_id} on other"
            " terms; give another one"
        )


def _check_seen(stored: StoredClaim, why: Why) -> None:
    """Refuse a step that was decided on a claim as it stood before another one."""
    following = stored.claim.serial + 1
    if why.serial is not None and why.serial != following:
        raise Refused(
            f"申报 {stored.claim.claim_id} 已有变化（所见为第 {why.serial} 步，下一"
            f"步为第 {following} 步），请刷新后重试。"
            f"claim {stored.claim.claim_id} has moved on since you saw it (step {why.serial} was"
            f" seen, {following} is next); look again"
        )


def check_why(allowed: Transition, why: Why) -> None:
    """Refuse a step that lacks what it needs.

    Raises:
        InvalidValue: reason or document are missing.
    """
    for name in ("reason", "document"):
        if name in allowed.needs and not getattr(why, name).strip():
            raise InvalidValue(
                f"办理 {STEPS[allowed.step]} 须填写 {name}，请以 --{name} 注明。"
                f"{allowed.step} needs a {name}; give one with --{name}"
            )


@dataclass(frozen=True, slots=True)
class _Decided:
    """Who takes a step: one login, or two; why the first of two proposed it."""

    logins: tuple[str, str]
    first_reason: str = ""


def _actors(
    unit: ClaimsUnit, allowed: Transition, by: Acting, stored: StoredClaim, said: bytes
) -> _Decided | None:
    """Who takes the step; None: a second officer is awaited."""
    match allowed.who:
        case Who.CLOCK:
            if by.login != CLOCK:
                officer_of(unit, by.login)
            return _Decided((by.login, ""))
        case Who.OFFICER:
            return _Decided((officer_of(unit, by.login).login, ""))
        case Who.TWO_OFFICERS:
            return _two(unit, allowed, by, stored, said)
        case Who.COMPANY:
            party_id = stored.claim.company_id
        case Who.PROVIDER:
            party_id = stored.claim.payee_id
    account = account_of(unit, by.login)
    if account.party_id != party_id:
        raise Refused(
            f"申报 {stored.claim.claim_id} 的 {STEPS[allowed.step]} 须由 {party_id} 办理，"
            f"账号“{account.login}”无权办理。"
            f"{allowed.step} of claim {stored.claim.claim_id} is for {party_id} to do, not for"
            f" '{account.login}'"
        )
    return _Decided((account.login, ""))


def _two(
    unit: ClaimsUnit, allowed: Transition, by: Acting, stored: StoredClaim, said: bytes
) -> _Decided | None:
    first = officer_of(unit, by.login).login
    if by.second:
        second = officer_of(unit, by.second).login
        if first == second:
            raise Refused("须由两名不同的经办人共同决定。two different officers decide together")
        return _Decided((first, second))
    claim = stored.claim
    proposed = [
        one
        for one in unit.claims.proposals(claim.claim_id, claim.serial)
        if one.step == allowed.step and one.officer != first and _decides(unit, one.officer)
    ]
    for one in proposed:
        if one.terms == said:
            return _Decided((one.officer, first), one.reason)
    if proposed:
        raise Refused(
            f"经办人 {proposed[-1].officer} 已就申报 {claim.claim_id} 提议 "
            f"{STEPS[allowed.step]}，但内容不同；请先就金额与文件达成一致。"
            f"{proposed[-1].officer} proposed {allowed.step} of claim {claim.claim_id} on other"
            " terms; agree on one amount and document first"
        )
    return None


def _decides(unit: ClaimsUnit, login: str) -> bool:
    """Whether who proposed is an officer still: a closed account decides nothing any more."""
    account = unit.accounts.by_login(login)
    return account is not None and not account.disabled and account.role is Role.OFFICER

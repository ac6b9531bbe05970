"""Claims: a company's from draft to pack, the office's review, batches, vouchers, the ledger."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final, TypedDict

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from kashi_server.domain.claim_content import (
    ClaimContent,
    Declared,
    Officially,
    measures_of,
    whole_number,
)
from kashi_server.domain.claim_states import ClaimState, Step, Transition, Who
from kashi_server.domain.evaluation.case import OtherMoney
from kashi_server.domain.evaluation.input_words import input_words
from kashi_server.domain.money import parse_yuan
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.portal.forms import CheckedForm, Form
from kashi_server.portal.pages import page
from kashi_server.portal.routes.papers import attachment
from kashi_server.portal.visit import OfOffice, SignedIn, Visit
from kashi_server.services.accounts import Role
from kashi_server.services.claim_desk import BatchRow
from kashi_server.services.claim_reading import ShownClaim
from kashi_server.services.claim_words import STEPS
from kashi_server.services.claims import Acting, Taken, Why
from kashi_server.services.closed_funds import ClosedFund
from kashi_server.services.views import NOT_THERE

ROWS_SHOWN: Final = 500
UNFIT: Final = 422
GATHER: Final = "gather"
_SAID: Final = {"yes": True, "no": False}
_OTHER_MONEY: Final[Mapping[str, tuple[OtherMoney, ...]]] = {"none": ()}
_SERIAL_DIGITS_MAX: Final = 9


class _Seen(TypedDict, total=False):
    """What a page says of itself: its own key, and the step it was shown for."""

    key: str
    serial: int


router = APIRouter(include_in_schema=False)


@router.get("/claims")
def claims(visit: SignedIn, state: str = "", batch: str = "") -> Response:
    """The claims a reader sees, by state and batch."""
    every = visit.parts.claims.all(visit.reader)
    shown = [
        one for one in every if state in ("", one.claim.state) and batch in ("", one.batch.batch_id)
    ]
    return page(
        visit,
        "claims.html",
        rows=shown[:ROWS_SHOWN],
        found=len(shown),
        states=[str(one) for one in ClaimState if any(c.claim.state is one for c in every)],
        state=state,
        batches=sorted({one.batch.batch_id for one in every}),
        batch=batch,
        may_file=visit.reader.role is Role.COMPANY,
        to_recover=len(visit.parts.claims.to_recover(visit.reader)),
    )


@router.get("/claims/new")
def new_claim(visit: SignedIn) -> Response:
    """The form for a new claim, filled in as far as papers tell."""
    _company(visit)
    return _form(visit)


@router.post("/claims/new")
def draft(visit: SignedIn, form: CheckedForm) -> Response:
    """Begin a claim with every paper that is there for its contracts and period."""
    login = _company(visit)
    try:
        content = _content(form)
        stored = visit.parts.claims.draft(visit.reader, login, form.text("batch"), content)
    except (Refused, InvalidValue) as problem:
        return _form(visit, str(problem))
    visit.record("claim-draft", stored.claim.claim_id)
    return RedirectResponse(f"/claims/{stored.claim.claim_id}", status_code=303)


@router.get("/claims/{claim_id}")
def claim(visit: SignedIn, claim_id: str) -> Response:
    """One claim: what it holds, what it comes to and why, its way, and what may be done now."""
    return _one(visit, claim_id)


@router.post("/claims/{claim_id}/steps")
def take_step(visit: SignedIn, claim_id: str, form: CheckedForm) -> Response:
    """Take a step of a claim, or propose it as the first of two officers."""
    shown = visit.parts.claims.show(visit.reader, claim_id)
    if visit.reader.role is Role.AUDITOR:
        raise NotFound(NOT_THERE)
    try:
        taken = _take(visit, shown, form)
    except (Refused, InvalidValue) as problem:
        return _one(visit, claim_id, str(problem))
    visit.record(f"claim-{form.text('step').replace('_', '-')}", claim_id)
    waits = "?awaits=1" if taken is not None and taken.awaits else ""
    return RedirectResponse(f"/claims/{claim_id}{waits}", status_code=303)


@router.get("/claims/{claim_id}/pack")
def pack(visit: SignedIn, claim_id: str) -> Response:
    """Everything that one claim needs, in one archive."""
    shown = visit.parts.claims.show(visit.reader, claim_id)
    content = visit.parts.packing.pack(shown, visit.reader)
    visit.record("downloaded", f"claim/{claim_id}/pack")
    return attachment(content, f"{claim_id}.zip", "application/zip")


@router.get("/vouchers")
def vouchers(visit: SignedIn) -> Response:
    """Vouchers, the one that ends first first."""
    return page(visit, "vouchers.html", rows=visit.parts.claims.vouchers(visit.reader))


@router.get("/batches")
def batches(visit: SignedIn) -> Response:
    """Application rounds, and how the reader's claims stand in them."""
    rows = visit.parts.claims.batches(visit.reader)
    return page(visit, "batches.html", rows=rows, closed=closed_of(rows))


def closed_of(rows: Sequence[BatchRow]) -> list[ClosedFund]:
    """The funds that nobody opened, each once, in the order of the batches."""
    return list(dict.fromkeys(fund for row in rows for fund in row.closed))


@router.get("/recoveries")
def recoveries(visit: OfOffice) -> Response:
    """Claims of which paid money may be recovered, the latest told first."""
    return page(visit, "recoveries.html", rows=visit.parts.claims.to_recover(visit.reader))


@router.get("/ledger")
def ledger(visit: OfOffice, account: str = "") -> Response:
    """Balances of public money."""
    every = visit.parts.claims.balances(visit.reader)
    rows = [one for one in every if one.account.name.startswith(account)]
    families = sorted({one.account.name.partition(":")[0] for one in every})
    return page(visit, "ledger.html", rows=rows[:ROWS_SHOWN], families=families, chosen=account)


def _company(visit: Visit) -> str:
    """The login of a company's account: companies file their claims themselves."""
    assert visit.session is not None
    if visit.reader.role is not Role.COMPANY:
        raise NotFound(NOT_THERE)
    return visit.session.account.login


def _content(form: Form) -> ClaimContent:
    return ClaimContent(
        contract_ids=tuple(form.lists.get("contract", ())),
        first=_day(form, "first"),
        last=_day(form, "last"),
        other_money=_OTHER_MONEY.get(form.text("other_money")),
        declared=_declared(form),
    )


def _declared(form: Form) -> Declared:
    matched = form.text("matched")
    return Declared(
        kind=form.text("kind") or None,
        legal_person=_SAID.get(form.text("legal_person")),
        in_jurisdiction=_SAID.get(form.text("in_jurisdiction")),
        credit_clean=_SAID.get(form.text("credit_clean")),
        listed_provider=_SAID.get(form.text("listed_provider")),
        purpose=form.text("purpose") or None,
        service_item=form.text("service_item") or None,
        project=form.text("project") or None,
        tier=form.text("tier") or None,
        matched_fen=parse_yuan(matched) if matched else None,
    )


def _day(form: Form, name: str) -> date:
    try:
        return date.fromisoformat(form.text(name))
    except ValueError as error:
        raise InvalidValue(f"日期“{form.text(name)}”无效。'{form.text(name)}' is no day") from error


def _take(visit: Visit, shown: ShownClaim, form: Form) -> Taken | None:
    """The step that a form names; None: only the papers of a draft were gathered anew."""
    assert visit.session is not None
    desk, claim_id = visit.parts.claims.claims, shown.stored.claim.claim_id
    by = Acting(login=visit.session.account.login)
    if form.text("step") == GATHER:
        if shown.stored.claim.company_id != visit.reader.party_id:
            raise NotFound(NOT_THERE)
        desk.change(by, claim_id, shown.stored.content, gather=True)
        return None
    try:
        step = Step(form.text("step"))
    except ValueError as error:
        raise InvalidValue("没有此步骤。there is no such step") from error
    if step not in {one.step for one in _own_steps(visit, shown)}:
        raise Refused(f"您现在不能办理此步骤（{STEPS[step]}）。{step} is not yours to take now")
    why = Why(reason=form.text("reason"), document=form.text("document"), **_seen(form, claim_id))
    return _doing(visit, form)[step](by, claim_id, why)


def _seen(form: Form, claim_id: str) -> _Seen:
    """The same page sent twice takes the step once; one that is older than the claim takes none."""
    said = form.text("serial")
    if not said:
        return _Seen()
    if not (said.isascii() and said.isdecimal() and len(said) <= _SERIAL_DIGITS_MAX):
        raise InvalidValue(f"步骤序号“{said}”无效，请刷新后重试。'{said}' is no step's number")
    return _Seen(key=f"page/{claim_id}/{int(said)}", serial=int(said))


def _doing(visit: Visit, form: Form) -> Mapping[Step, Callable[[Acting, str, Why], Taken]]:
    """What each step does with the fields of its form."""
    desk = visit.parts.claims.claims
    return {
        Step.SUBMIT: desk.submit,
        Step.WITHDRAW: desk.withdraw,
        Step.CHECK: desk.check,
        Step.RETURN: desk.send_back,
        Step.ASSESS: lambda by, one, why: desk.assess(by, one, _officially(form), why),
        Step.REVIEW: desk.review,
        Step.APPROVE: lambda by, one, why: desk.approve(
            by, one, _fen(form), why, on_estimate=form.text("on_estimate") == "yes"
        ),
        Step.PUBLICISE: desk.publicise,
        Step.ISSUE: lambda by, one, why: desk.issue(
            by,
            one,
            why,
            valid_until=_day(form, "valid_until") if form.text("valid_until") else None,
        ),
        Step.USE: lambda by, one, why: desk.use(
            by, one, why, amount_fen=_fen(form) if form.text("amount") else None
        ),
        Step.REDEEM: desk.redeem,
        Step.VERIFY: lambda by, one, why: desk.verify(
            by, one, why, amount_fen=_fen(form) if form.text("amount") else None
        ),
        Step.PAY: desk.pay,
        Step.REJECT: desk.reject,
        Step.SUSPEND: desk.suspend,
        Step.RESUME: desk.resume,
        Step.CLAW_BACK: lambda by, one, why: desk.claw_back(
            by, one, _fen(form), why, settles=form.text("settles") == "yes"
        ),
        Step.CHARGE_INTEREST: desk.charge_interest,
    }


def _fen(form: Form) -> int:
    return parse_yuan(form.text("amount"))


def _officially(form: Form) -> Officially:
    rank, decided, matched = form.text("rank"), form.text("amount"), form.text("matched")
    return Officially(
        rank=whole_number(rank) if rank else None,
        decided_fen=parse_yuan(decided) if decided else None,
        credit_clean=_SAID.get(form.text("credit_clean")),
        in_jurisdiction=_SAID.get(form.text("in_jurisdiction")),
        exception_approved=_SAID.get(form.text("exception_approved")),
        tier=form.text("tier") or None,
        matched_fen=parse_yuan(matched) if matched else None,
        measures=measures_of(form.text("measures").split()),
    )


def _own_steps(visit: Visit, shown: ShownClaim) -> list[Transition]:
    """The steps that whoever looks may take now."""
    claim, reader = shown.stored.claim, visit.reader
    may = {
        Who.COMPANY: reader.role is Role.COMPANY and reader.party_id == claim.company_id,
        Who.PROVIDER: reader.role is Role.PROVIDER and reader.party_id == claim.payee_id,
        Who.OFFICER: reader.role is Role.OFFICER,
        Who.TWO_OFFICERS: reader.role is Role.OFFICER,
        Who.CLOCK: False,
    }
    return [one for one in shown.possible if may[one.who]]


def _form(visit: Visit, problem: str = "") -> Response:
    papers = visit.parts.papers.papers(visit.reader)
    rows = visit.parts.claims.batches(visit.reader)
    year = visit.parts.views.settled_month(visit.reader)
    return page(
        visit,
        "new_claim.html",
        status_code=UNFIT if problem else 200,
        batches=[row for row in rows if row.batch.status == "open"],
        contracts=[one for one in papers.contracts if one.user_id == visit.reader.party_id],
        first=f"{year.year}-01-01" if year else "",
        last=f"{year.year}-12-31" if year else "",
        problem=problem,
    )


def _one(visit: Visit, claim_id: str, problem: str = "") -> Response:
    shown = visit.parts.claims.show(visit.reader, claim_id)
    trial = visit.parts.claims.trial(visit.reader, claim_id)
    trace: dict[str, Any] | None = None
    if trial is not None and trial.trace:
        trace = json.loads(trial.trace)
    elif trial is None and shown.evaluations:
        trace = json.loads(shown.evaluations[-1].trace)
    return page(
        visit,
        "claim.html",
        status_code=409 if problem else 200,
        shown=shown,
        stored=shown.stored,
        claim=shown.stored.claim,
        content=shown.stored.content,
        trial=trial,
        trace=trace,
        input_words=input_words,
        steps=_own_steps(visit, shown),
        proposals=[
            (one, json.loads(one.terms))
            for one in shown.proposals
            if one.serial == shown.stored.claim.serial
        ],
        may_pack=visit.reader.may_read(shown.stored.claim.company_id),
        is_company=visit.reader.party_id == shown.stored.claim.company_id,
        problem=problem,
    )

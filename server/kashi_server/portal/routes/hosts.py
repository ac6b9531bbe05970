"""Hosts: how they report, what is held, and how a new one is enrolled."""

from collections import defaultdict
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.domain.host_event import standing_faults
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.portal.forms import CheckedForm
from kashi_server.portal.pages import page
from kashi_server.portal.parts import PortalParts
from kashi_server.portal.routes.overview import host_counts, standing
from kashi_server.portal.visit import SignedIn, Visit
from kashi_server.services.accounts import Role
from kashi_server.services.stated import NOTHING_STATED
from kashi_server.services.views import NOT_THERE

GAP_DAYS: Final = 7
EVENTS_SHOWN: Final = 100
STATED_MINUTES: Final = 2 * 1440
"""A host states every fact at least once a day."""
LIFETIME_HOURS: Final = (1, 8, 24)
router = APIRouter(include_in_schema=False)


@router.get("/hosts")
def hosts(visit: SignedIn) -> Response:
    """The hosts a reader operates or owns."""
    reader, views = visit.reader, visit.parts.views
    rows = views.hosts(reader)
    now = visit.parts.clock()
    until = now // MINUTE_MS + 1
    gap_ms: dict[str, int] = defaultdict(int)
    for gap in views.gaps(reader, reader.party_id, Interval(until - 1440, until)):
        gap_ms[gap.host_id] += gap.end_utc_ms - gap.start_utc_ms
    stated = views.stated(reader, Interval(until - STATED_MINUTES, until))
    return page(
        visit,
        "hosts.html",
        gap_ms=gap_ms,
        doubts={host_id: len(of.doubts) for host_id, of in stated.items()},
        hosts=[(row, standing(row, now)) for row in rows],
        counts=host_counts(visit, rows),
        may_enrol=may_enrol(visit),
    )


@router.get("/hosts/{host_id}")
def host(visit: SignedIn, host_id: str) -> Response:
    """One host, its devices and its gaps of the last week."""
    reader, views = visit.reader, visit.parts.views
    row = views.host(reader, host_id)
    now = visit.parts.clock() // MINUTE_MS
    week = Interval(now - GAP_DAYS * 1440, now + 1)
    gaps = [g for g in views.gaps(reader, reader.party_id, week) if g.host_id == host_id]
    events = views.events(reader, host_id, week)
    return page(
        visit,
        "host.html",
        host=row,
        standing=standing(row, visit.parts.clock()),
        devices=views.devices_of(reader, host_id),
        stated=views.stated(reader, week).get(host_id, NOTHING_STATED),
        events=events[:EVENTS_SHOWN],
        faults=standing_faults(list(events)),
        gaps=gaps[:100],
        gap_days=GAP_DAYS,
    )


@router.get("/holds")
def holds(visit: SignedIn) -> Response:
    """What is not counted, or must be looked at, and why."""
    return page(visit, "holds.html", holds=visit.parts.views.holds(visit.reader))


@router.get("/enrolment")
def enrolment(visit: SignedIn) -> Response:
    """The form for a new enrolment token."""
    _refuse_readers(visit)
    return page(visit, "enrolment.html", parties=_parties(visit), hours=LIFETIME_HOURS, token=None)


@router.post("/enrolment")
def issue_token(visit: SignedIn, form: CheckedForm) -> Response:
    """A new token, shown once, in the command that uses it."""
    _refuse_readers(visit)
    party_id = form.text("party_id")
    visit.parts.views.party(visit.reader, party_id)
    lifetime = form.text("hours")
    if lifetime not in {str(hours) for hours in LIFETIME_HOURS}:
        raise InvalidValue(
            f"“{lifetime}”小时不是有效的令牌有效期。'{lifetime}' hours is no lifetime of a token"
        )
    assert visit.session is not None
    issued = visit.parts.tokens.issue_token(
        party_id, visit.session.account.login, int(lifetime) * 3_600_000
    )
    visit.record("token-issued", party_id)
    return page(
        visit,
        "enrolment.html",
        parties=_parties(visit),
        hours=LIFETIME_HOURS,
        token=issued,
        party_id=party_id,
        commands=commands(visit.parts, issued.text),
    )


def commands(parts: PortalParts, token: str) -> dict[str, str]:
    """What a sysadmin runs on the new host, in order; the agent is of the server's version."""
    address = parts.enrolment_address()
    return {
        "install": f"sudo python3 -m pip install kashi-agent=={parts.version}",
        "enrol": f"sudo kashi-agent enrol --server {address} --token {token}",
        "start": "sudo systemctl enable --now kashi-meter kashi-agent\nsudo kashi-agent doctor",
    }


def may_enrol(visit: Visit) -> bool:
    """Whether this account hands out tokens: every role but the auditor's, which only reads."""
    return visit.reader.role is not Role.AUDITOR


def _refuse_readers(visit: Visit) -> None:
    if not may_enrol(visit):
        raise NotFound(NOT_THERE)


def _parties(visit: Visit) -> list[tuple[str, str, str]]:
    found = visit.parts.views.parties(visit.reader)
    return [
        (p.party_id, p.name_zh, p.name_en) for p in found if p.kind in ("company", "provider", "")
    ]

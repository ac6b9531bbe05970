"""A party's own usage, and one device hour by hour."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.domain.interval import Month
from kashi_server.errors import NotFound
from kashi_server.portal.closing_notice import closing_notice
from kashi_server.portal.days import day_window, parse_day
from kashi_server.portal.months import chosen_month
from kashi_server.portal.pages import page
from kashi_server.portal.usage_chart import usage_chart
from kashi_server.portal.visit import SignedIn
from kashi_server.services.views import NOT_THERE

GAPS_SHOWN: Final = 20
router = APIRouter(include_in_schema=False)


@router.get("/usage")
def usage(visit: SignedIn, month: str | None = None) -> Response:
    """A party's month by day and by device, first the last one with statements; an office has no
    usage of its own."""
    reader, views = visit.reader, visit.parts.views
    if reader.party_id is None:
        raise NotFound(NOT_THERE)
    settled = None if month else views.settled_month(reader)
    choice = chosen_month(visit, month or (str(settled) if settled else None))
    seen = views.month_usage(reader, reader.party_id, choice.month)
    statements = views.statements(reader, choice.month)
    return page(
        visit,
        "usage.html",
        party=views.party(reader, reader.party_id),
        choice=choice,
        awaiting=visit.parts.assignments.awaiting(reader),
        to_countersign=visit.parts.stated.awaiting(reader),
        usage=seen,
        statements=statements,
        chart=usage_chart(visit, seen),
        attested=views.attested_usage(reader, reader.party_id, choice.month),
        closing=closing_notice(visit),
        gaps=views.gaps(reader, reader.party_id, choice.month.interval()),
        gaps_shown=GAPS_SHOWN,
    )


@router.get("/devices/{hardware_id}")
def device(visit: SignedIn, hardware_id: str, month: str | None = None) -> Response:
    """One device, day by day, as far as the reader sees it."""
    choice = chosen_month(visit, month)
    record, seen = visit.parts.views.device_usage(
        visit.reader, hardware_id, choice.month.interval()
    )
    return page(
        visit,
        "device.html",
        device=record,
        choice=choice,
        usage=seen,
        chart=usage_chart(visit, seen),
    )


@router.get("/devices/{hardware_id}/days/{day}")
def device_day(visit: SignedIn, hardware_id: str, day: str) -> Response:
    """One device, hour by hour through a day of Asia/Shanghai."""
    shown = parse_day(day)
    window = day_window(shown)
    record, _usage = visit.parts.views.device_usage(visit.reader, hardware_id, window)
    hours = visit.parts.views.device_hours(visit.reader, hardware_id, window)
    return page(
        visit,
        "device_day.html",
        device=record,
        shown=shown,
        month=Month(shown.year, shown.month),
        hours=hours,
    )

"""Claims about what is held: the office sees every kind, others what concerns them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest
from fixtures_certificates import CertifiedMonth
from fixtures_ingest import START_UTC_MS, ReportingHost, enrol
from fixtures_portal import PortalHouse
from kashi.v1 import report_pb2
from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.party import Party, PartyKind
from kashi_server.services.accounts import Role
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.rows import HoldRow
from kashi_server.services.sight import Reader
from kashi_server.services.views import Views
from kashi_server.storage.unit_of_work import Work
from statement_samples import credit_code

OPERATOR, TENANT, STRANGER = credit_code(201), credit_code(202), credit_code(203)
START_MINUTE = START_UTC_MS // MINUTE_MS
SHARED = "GPU-shared-card"


@dataclass(slots=True)
class _OperatedHost(ReportingHost):
    """A host of some party."""

    party_id: str = OPERATOR

    def standing(self, state: HostState = HostState.ACTIVE) -> HostStanding:
        """How it stands."""
        return replace(ReportingHost.standing(self, state), operator_party_id=self.party_id)


def host(number: int, card: str, **values: object) -> _OperatedHost:
    """A host with one card."""
    identifier = f"0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a02{number:02d}"
    return _OperatedHost(identifier, [card], seed=number, **values)  # type: ignore[arg-type]  # the fields above


@pytest.fixture
def troubled(work: Work, ingestion: Ingestion, clock: Callable[[], int]) -> Views:
    """A fork, a replay on an ordinary server, a lost spool, and a card that two hosts claim."""
    forked, replaying, lost = (
        host(1, "GPU-1"),
        host(2, "GPU-2", meter=report_pb2.METER_KIND_REPLAY),
        host(3, "GPU-3"),
    )
    claiming = [host(4, SHARED), host(5, SHARED, party_id=STRANGER)]
    for one in (forked, replaying, lost, *claiming):
        enrol(work, one)
    twin = replace(forked)
    twin.chance.seed("another machine")
    _submit(ingestion, forked, forked.report())
    _submit(ingestion, forked, twin.report())
    _submit(ingestion, replaying, replaying.report(), replaying.report())
    _submit(ingestion, lost, lost.report())
    _submit(ingestion, lost, lost.open_epoch(2))
    for one in claiming:
        _submit(ingestion, one, one.report())
    _lease(work, Interval(START_MINUTE + 2, START_MINUTE + 4))
    return Views(work, clock)


def _submit(ingestion: Ingestion, one: ReportingHost, *reports: bytes) -> None:
    assert isinstance(ingestion.ingest([Submission(one.standing(), list(reports))])[0], Answer)


def _lease(work: Work, interval: Interval) -> None:
    with work.begin() as unit:
        for party_id, kind in (
            (OPERATOR, PartyKind.PROVIDER),
            (TENANT, PartyKind.COMPANY),
            (STRANGER, PartyKind.PROVIDER),
        ):
            unit.expense.put_party(Party(party_id=party_id, kind=kind, name_zh=party_id))
        unit.expense.put_contract(
            Contract(
                contract_id="HT-1",
                provider_id=OPERATOR,
                user_id=TENANT,
                signed_on=date(2026, 6, 1),
                term=Interval(START_MINUTE - 1000, None),
            )
        )
        unit.expense.put_assignment(
            Assignment(
                assignment_id="AS-1",
                contract_id="HT-1",
                hardware_id=SHARED,
                interval=interval,
                proposed_by=OPERATOR,
                confirmed_by=TENANT,
            ),
            START_UTC_MS,
        )
        unit.commit()


def seen(views: Views, party_id: str | None) -> list[HoldRow]:
    """The holds a party sees; None: the office."""
    role = Role.AUDITOR if party_id is None else Role.COMPANY
    return list(views.holds(Reader(account_id=1, role=role, party_id=party_id)))


def test_the_office_sees_every_kind(troubled: Views) -> None:
    """Held host, fork, quarantine and its reason, new epoch, conflict, alarm; latest first."""
    rows = seen(troubled, None)
    assert {row.kind for row in rows} == {
        "host",
        "fork",
        "quarantine",
        "epoch",
        "conflict",
        "alarm",
    }
    (replayed,) = [row for row in rows if row.kind == "quarantine" and row.reason == "2"]
    assert replayed.count == 2
    (conflict,) = [row for row in rows if row.kind == "conflict"]
    assert conflict.utc_ms == START_UTC_MS
    assert [row.utc_ms for row in rows] == sorted((row.utc_ms for row in rows), reverse=True)


def test_an_operator_sees_its_own(troubled: Views) -> None:
    """The operator sees all its hosts' troubles; the other claimant the card in question."""
    assert {row.kind for row in seen(troubled, OPERATOR)} == {
        row.kind for row in seen(troubled, None)
    }
    others = seen(troubled, STRANGER)
    assert [(row.kind, row.subject) for row in others] == [("conflict", SHARED)]


def test_a_tenant_sees_a_conflict_from_the_minute_of_its_lease(troubled: Views) -> None:
    """Nothing of the hosts, and of the claimed card only what falls into the lease."""
    (row,) = seen(troubled, TENANT)
    assert (row.kind, row.host_id) == ("conflict", None)
    assert row.utc_ms == (START_MINUTE + 2) * MINUTE_MS


def test_claimed_minutes_count_for_neither(troubled: Views) -> None:
    """Whoever looks: what two hosts claim is in service and not observed."""
    reader = Reader(account_id=1, role=Role.COMPANY, party_id=TENANT)
    window = Interval(START_MINUTE, START_MINUTE + 10)
    _device, usage = troubled.device_usage(reader, SHARED, window)
    assert usage.total.elapsed_ms == 2 * MINUTE_MS
    assert usage.total.quantities.observed_ms == 0


def test_the_page_says_it_in_words(portal: PortalHouse, portal_month: CertifiedMonth) -> None:
    """A held host and why stand on the page of whom it concerns, in Chinese and in English."""
    with portal_month.work.begin() as unit:
        host_id = unit.facts.host_ids()[0]
        unit.identity.hold_host(host_id, "two heads at one place", portal.clock())
        unit.commit()
    text = portal.signed_in("officer").get("/holds").text
    assert "主机暂挂" in text
    assert "two heads at one place" in text
    assert f'href="/hosts/{host_id}"' in text
    assert "two heads at one place" not in portal.signed_in("company-b").get("/holds").text

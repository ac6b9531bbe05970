"""A held host released by two officers: what it sent counts, in open months and in closed ones."""

import json
from collections.abc import Callable

import pytest
from agreement_texts import assignment_text, contract_text, price_text, tenure_text, two_parties
from corrected_months import DECISION, OFFICERS, Books
from expense_cases import PROVIDER
from fixtures_ingest import MINUTE_MS, START_UTC_MS, ReportingHost, enrol
from kashi_server.domain.interval import Month
from kashi_server.errors import Refused
from kashi_server.log.sequencer import sequence
from kashi_server.services.authority import Keyring
from kashi_server.services.closing import MonthClosing
from kashi_server.services.correcting import Correcting
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.hosts import HostState
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.restoration import Decision, Restoration, Restored
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.storage.tables.identity import hosts
from kashi_server.storage.unit_of_work import Work
from released_hosts import release
from sqlalchemy import update

HOST = "11111111-0000-4000-8000-000000000001"
CARD = "GPU-a"
AFTER_UTC_MS = START_UTC_MS + 40 * 86_400_000
MONTH = Month.of(START_UTC_MS // MINUTE_MS)
WHY = "现场核对 seen on site"
SINCE = "2026-01-01"
AGREED = (
    two_parties()
    + tenure_text(HOST, SINCE)
    + contract_text(SINCE, signed_on=SINCE)
    + assignment_text(CARD, SINCE, confirmed=True)
    + price_text("60.00", SINCE)
)


@pytest.fixture
def held(work: Work, ingestion: Ingestion) -> ReportingHost:
    """A host of the provider: thirty minutes counted, then held by an officer, then thirty more."""
    host = ReportingHost(HOST, [CARD])
    enrol(work, host)
    with work.begin() as unit:
        unit.connection.execute(update(hosts).values(operator_party_id=PROVIDER))
        unit.commit()
    _ingest(ingestion, host, HostState.ACTIVE)
    HostKeeping(work, lambda: START_UTC_MS).hold(HOST, OFFICERS[0], "seal broken")
    _ingest(ingestion, host, HostState.HELD)
    Importing(work, lambda: START_UTC_MS).take([ImportFile("agreed.toml", AGREED)], "officer")
    Rulebook(work, lambda: START_UTC_MS).register(shipped_rules())
    return host


def _ingest(ingestion: Ingestion, host: ReportingHost, state: HostState) -> None:
    answers = ingestion.ingest([Submission(host.standing(state), [host.report(30)])])
    assert isinstance(answers[0], Answer)


def _released(work: Work, clock: Callable[[], int]) -> Restored:
    """Two officers release the host, as the command does: the second one's word restores."""
    with pytest.raises(Refused, match="release it first"):
        Restoration(work, clock).restore_host(HOST, Decision(officer=OFFICERS[0], why=WHY))
    return release(work, clock, HOST, OFFICERS)


def _rented(work: Work, revision: int) -> dict[str, object]:
    with work.begin(writes=False) as unit:
        found = unit.expense.statement(f"KS-{MONTH}-HT-1", revision)
    assert found is not None
    return dict(json.loads(found.content)["totals"])


def test_what_was_held_counts_in_a_month_that_is_open(
    work: Work, keyring: Keyring, held: ReportingHost, clock: Callable[[], int]
) -> None:
    """Released before the close: the sixty minutes at 60 yuan an hour are 60 yuan."""
    assert held.host_id == HOST
    restored = _released(work, clock)
    closing = MonthClosing(
        work, lambda: sequence(work, keyring, clock), lambda: AFTER_UTC_MS, demo=False
    )

    closing.close(MONTH)

    assert (restored.counted, restored.refused) == ([(1, 2)], [])
    totals = _rented(work, 1)
    assert (totals["observed_ms"], totals["amount_fen"]) == (60 * MINUTE_MS, 6_000)
    assert check_logged(work) == []


def test_without_a_release_it_is_a_gap(
    work: Work, keyring: Keyring, held: ReportingHost, clock: Callable[[], int]
) -> None:
    """Held to the end: thirty minutes count, the others are stored and earn nothing."""
    assert held.host_id == HOST
    MonthClosing(
        work, lambda: sequence(work, keyring, clock), lambda: AFTER_UTC_MS, demo=False
    ).close(MONTH)

    totals = _rented(work, 1)
    assert (totals["observed_ms"], totals["amount_fen"]) == (30 * MINUTE_MS, 3_000)


def test_what_was_held_is_late_in_a_month_that_is_closed(
    work: Work, keyring: Keyring, held: ReportingHost, clock: Callable[[], int]
) -> None:
    """Released after the close: the statement stays as it is, and a correction of two officers
    adds the thirty minutes, once."""
    assert held.host_id == HOST
    books = Books(work)

    MonthClosing(
        work, lambda: sequence(work, keyring, clock), lambda: AFTER_UTC_MS, demo=False
    ).close(MONTH)
    before = _rented(work, 1)
    restored = _released(work, clock)
    correcting = Correcting(
        books.work, lambda: sequence(work, keyring, clock), lambda: AFTER_UTC_MS, demo=False
    )

    made = correcting.make(MONTH, DECISION)
    again = correcting.make(MONTH, DECISION)

    assert restored.counted == [(1, 2)]
    assert made is not None
    assert again is None
    assert (made.difference.amount_fen, made.booked_month) == (3_000, MONTH.next())
    assert _rented(work, 1) == before
    assert _rented(work, 2)["observed_ms"] == 60 * MINUTE_MS
    assert [one for one in check_logged(work) if "restoration" in one] == []

"""An insider with the database alters one row: fsck names it, for the log says otherwise."""

from collections.abc import Callable

import pytest
from agreement_texts import assignment_text, contract_text, price_text, tenure_text, two_parties
from expense_cases import TENANT
from fixtures_ingest import MINUTE_MS, START_UTC_MS, ReportingHost, enrol
from insider import alter
from kashi_server.domain.assignment_act import Answer
from kashi_server.domain.interval import Month
from kashi_server.log.sequencer import sequence
from kashi_server.services.assignment import Actor, Assigning
from kashi_server.services.authority import Keyring
from kashi_server.services.closing import MonthClosing
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.hosts import HostState
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.services.restoration import Decision, Restoration
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.storage.expense import ExpenseRepository
from kashi_server.storage.unit_of_work import Work
from statement_samples import credit_code

HOST = "11111111-0000-4000-8000-000000000001"
AFTER_UTC_MS = START_UTC_MS + 40 * 86_400_000
STRANGER = credit_code(77)
INSERTED_PARTY = (
    "INSERT INTO parties (party_id, kind, name_zh, name_en, district)"
    f" VALUES ('{STRANGER}', 'company', '混入的公司', '', '')"
)
INSERTED_RESTORATION = (
    "INSERT INTO restorations SELECT host_id, epoch, 3, restored_utc_ms, officer, why"
    " FROM restorations"
)
SINCE = "2026-01-01"
AGREED = (
    two_parties()
    + tenure_text(HOST, SINCE)
    + contract_text(SINCE, signed_on=SINCE)
    + assignment_text("GPU-a", SINCE)
    + price_text(since=SINCE)
)


@pytest.fixture
def closed(work: Work, keyring: Keyring, ingestion: Ingestion, clock: Callable[[], int]) -> Work:
    """A month with agreements, reports, a quarantined report that was restored; closed."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    ingestion.ingest([Submission(host.standing(), [host.report(30)])])
    ingestion.ingest([Submission(host.standing(HostState.HELD), [host.report(30)])])
    ingestion.ingest([Submission(host.standing(HostState.HELD), [host.report(30)])])
    decision = Decision(officer="officer-1", why="looked at")
    Restoration(work, clock).restore_report(HOST, (1, 2), decision)
    Importing(work, clock).take([ImportFile("agreed.toml", AGREED)], "officer")
    tenant = Actor(login="tenant", party_id=TENANT)
    Assigning(work, clock).answer(tenant, ["A-1"], Answer.CONFIRM)
    Rulebook(work, clock).register(shipped_rules())
    month = Month.of(START_UTC_MS // MINUTE_MS)
    closing = MonthClosing(
        work, lambda: sequence(work, keyring, clock), lambda: AFTER_UTC_MS, demo=False
    )
    assert closing.close(month).statements[0].amount_fen > 0
    return work


def test_what_the_server_wrote_agrees_with_its_log(closed: Work) -> None:
    """Nothing differs that nobody altered, sequenced or still waiting."""
    assert check_logged(closed) == []


@pytest.mark.parametrize(
    ("table", "statement", "said"),
    [
        ("prices", "UPDATE prices SET yuan = '125.00'", "price P-1 is not what"),
        ("prices", "UPDATE prices SET basis = 'held'", "price P-1 is not what"),
        ("prices", "UPDATE prices SET start_minute = start_minute + 1", "price P-1 is not what"),
        ("assignments", "UPDATE assignments SET end_minute = 99000000", "assignment/A-1 is not"),
        ("assignments", "DELETE FROM assignments", "assignment/A-1 is in the log and nowhere"),
        ("contracts", "UPDATE contracts SET unrelated_declared = TRUE", "contract/HT-1 is not"),
        ("tenures", "UPDATE tenures SET kind = 'self_owned'", f"tenure/{HOST}"),
        ("parties", "UPDATE parties SET name_zh = '别的公司'", f"party/{TENANT} is not"),
        (
            "parties",
            INSERTED_PARTY,
            f"party/{STRANGER} stands in no log entry",
        ),
        ("parties", "UPDATE parties SET name_zh = ' '", "cannot be read"),
        ("statements", "UPDATE statements SET amount_fen = amount_fen + 1", "column amount_fen"),
        ("statements", "UPDATE statements SET eligible_fen = 10000000", "column eligible_fen"),
        ("statements", "UPDATE statements SET card_hours = '9'", "column card_hours"),
        ("statements", "UPDATE statements SET estimate_fen = 5", "column estimate_fen"),
        ("rated_lines", "UPDATE rated_lines SET amount_fen = amount_fen * 3", "column amount_fen"),
        ("rated_lines", "UPDATE rated_lines SET eligible = NOT eligible", "column eligible"),
        ("rated_lines", "UPDATE rated_lines SET host_id = 'site:x'", "column host_id"),
        ("rated_lines", "DELETE FROM rated_lines", "is missing"),
        ("restorations", "UPDATE restorations SET restored_utc_ms = 1", "restoration"),
        ("restorations", "DELETE FROM restorations", "restoration"),
        (
            "restorations",
            INSERTED_RESTORATION,
            f"restoration {HOST}/1/3",
        ),
    ],
)
def test_altered_row_is_named(closed: Work, table: str, statement: str, said: str) -> None:
    """A price, a lease, a party, a sum or a decision that the log has otherwise is told."""
    alter(closed, table, statement)

    found = check_logged(closed)

    assert any(said in one for one in found), found


def test_statement_with_another_sum_is_named(closed: Work) -> None:
    """A statement whose bytes were swapped, hash and all, is not the one in the log."""
    with closed.begin(writes=False) as unit:
        (stored,) = [one for one in unit.expense.statements() if one.amount_fen]
    content = stored.content.replace(b'"revision":1', b'"revision":1 ')
    alter(
        closed,
        "statements",
        f"UPDATE statements SET content = {_bytes(closed, content)}"
        f" WHERE number = '{stored.number}'",
    )

    assert (
        f"结算单 {stored.number}/1 与日志所载不符。"
        f"statement {stored.number}/1 is not what the log has of it"
    ) in check_logged(closed)


def _bytes(work: Work, content: bytes) -> str:
    with work.begin(writes=False) as unit:
        sqlite = unit.connection.dialect.name == "sqlite"
    return f"X'{content.hex()}'" if sqlite else f"decode('{content.hex()}', 'hex')"


def test_statements_are_read_one_at_a_time(closed: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """A city's statements are gigabytes: the check never asks for all of them at once, and reads
    each of them."""
    with closed.begin(writes=False) as unit:
        every = unit.expense.statements()
        assert every
        assert list(unit.expense.each_statement()) == every
    monkeypatch.delattr(ExpenseRepository, "statements")

    assert check_logged(closed) == []

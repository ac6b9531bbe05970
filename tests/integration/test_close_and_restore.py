"""A report that officers restore while a month is being closed: wholly in, or wholly out."""

from collections.abc import Callable

from expense_cases import PROVIDER
from fixtures_ingest import MINUTE_MS, START_UTC_MS, ReportingHost, enrol
from kashi_server.domain.interval import Month
from kashi_server.domain.party import Party, PartyKind
from kashi_server.log.sequencer import sequence
from kashi_server.services.authority import Keyring
from kashi_server.services.closing import MonthClosing
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.services.log_port import Checkpoint
from kashi_server.services.rebuilding import rebuilt_hours
from kashi_server.services.restoration import Decision, Restoration
from kashi_server.storage.tables.identity import hosts
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import update

HOST = "11111111-0000-4000-8000-000000000001"
AFTER_UTC_MS = START_UTC_MS + 40 * 86_400_000


def test_statement_counts_what_the_log_at_its_cut_off_counts(
    work: Work, keyring: Keyring, ingestion: Ingestion, clock: Callable[[], int]
) -> None:
    """An officer restores a report just after the log was sequenced for the close.

    The statement must equal what can be rebuilt from the log's prefix that it names.
    """
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    ingestion.ingest([Submission(host.standing(), [host.report(30)])])
    ingestion.ingest([Submission(host.standing(HostState.HELD), [host.report(30)])])
    with work.begin() as unit:
        unit.expense.put_party(
            Party(party_id=PROVIDER, kind=PartyKind.PROVIDER, name_zh="示例算力服务")
        )
        unit.connection.execute(update(hosts).values(operator_party_id=PROVIDER))
        unit.commit()
    restoration = Restoration(work, clock)
    calls: list[int] = []

    def sequence_then_restore() -> Checkpoint:
        head = sequence(work, keyring, clock)
        if not calls:
            decision = Decision(officer="officer-1", why="looked at")
            restoration.restore_report(HOST, (1, 2), decision)
        calls.append(head.size)
        return head

    closing = MonthClosing(work, sequence_then_restore, lambda: AFTER_UTC_MS, demo=False)
    closed = closing.close(Month.of(START_UTC_MS // MINUTE_MS))

    with work.begin(writes=False) as unit:
        size = closed.close.cut_off.checkpoint_size
        rebuilt_ms = sum(
            hour.total().observed_ms for hour in rebuilt_hours(unit.facts, unit.log, size)
        )
    assert sum(one.totals.observed_ms for one in closed.statements) == rebuilt_ms == 60 * MINUTE_MS

"""A month closed and corrected over facts that came by their real way, for tests of replays."""

from collections.abc import Callable

from corrected_months import DECISION, OFFICERS
from expense_cases import PROVIDER, TENANT, assignment, contract, price, tenure
from fixtures_ingest import MINUTE_MS, START_UTC_MS, ReportingHost, enrol
from kashi_server.domain.interval import Month
from kashi_server.domain.party import Party, PartyKind
from kashi_server.log.sequencer import sequence
from kashi_server.services.accounts import AccountDraft, Role
from kashi_server.services.authority import Keyring
from kashi_server.services.closing import MonthClosing
from kashi_server.services.correcting import Correcting
from kashi_server.services.hosts import HostState
from kashi_server.services.import_building import Agreement
from kashi_server.services.importing import store as agree
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.services.log_port import Checkpoint
from kashi_server.services.replaying import Replaying
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.storage.tables.identity import hosts
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import update

HOST = "11111111-0000-4000-8000-000000000001"
OTHER_HOST = "11111111-0000-4000-8000-000000000002"
START = START_UTC_MS // MINUTE_MS
MONTH = Month.of(START)
AFTER_MS = START_UTC_MS + 40 * 86_400_000


class Way:
    """A server's facts by their real way, and a month closed and corrected over them."""

    def __init__(
        self, work: Work, keyring: Keyring, ingestion: Ingestion, clock: Callable[[], int]
    ) -> None:
        self.work, self.ingestion, self.clock = work, ingestion, clock
        self.sequence: Callable[[], Checkpoint] = lambda: sequence(work, keyring, clock)
        self.host = ReportingHost(HOST, ["GPU-1"])
        self.late = ReportingHost(OTHER_HOST, ["GPU-2"], seed=2)
        for one in (self.host, self.late):
            enrol(work, one)
        start = (START // 1440 - 40) * 1440
        with work.begin() as unit:
            unit.connection.execute(update(hosts).values(operator_party_id=PROVIDER))
            for login in OFFICERS:
                unit.accounts.add(
                    AccountDraft(
                        login=login,
                        password_hash="-",
                        role=Role.OFFICER,
                        party_id=None,
                        created_utc_ms=0,
                    )
                )
            for term in (
                Party(party_id=PROVIDER, kind=PartyKind.PROVIDER, name_zh="示例算力服务"),
                Party(party_id=TENANT, kind=PartyKind.COMPANY, name_zh="示例智能科技"),
                tenure(HOST, start=start),
                tenure(OTHER_HOST, start=start),
                contract(start=start),
                assignment(start),
                assignment(start, assignment_id="A-2", hardware_id="GPU-2"),
                price("12.50", start),
            ):
                agree(unit, term, 0)
            unit.commit()
        Rulebook(work, clock).register(shipped_rules())

    def send(self, host: ReportingHost, count: int, state: HostState = HostState.ACTIVE) -> None:
        """Reports of ten minutes each, one with a gap in it."""
        wires = [host.report(10, gaps=[(70_000, 8_500)] if n == 1 else []) for n in range(count)]
        self.ingestion.ingest([Submission(host.standing(state), wires)])

    def close(self, month: Month = MONTH) -> None:
        """Close a month."""
        after_ms = (month.interval().bounded()[1] + 10 * 1440) * MINUTE_MS
        MonthClosing(self.work, self.sequence, lambda: after_ms, demo=False).close(month)

    def correct(self, month: Month = MONTH) -> None:
        """Make the correction there is."""
        correcting = Correcting(self.work, self.sequence, lambda: AFTER_MS, demo=False)
        assert correcting.make(month, DECISION) is not None

    def agree(self, *agreements: Agreement) -> None:
        """Put agreements in the book and the log, closed months or not."""
        with self.work.begin() as unit:
            for one in agreements:
                agree(unit, one, AFTER_MS)
            unit.commit()

    def differing(self, revision: int | None = None, month: Month = MONTH) -> list[tuple[str, int]]:
        """Statements that a replay makes otherwise than they are stored."""
        found = Replaying(self.work, demo=False).replay(month, revision)
        assert found
        return [(one.number, one.revision) for one in found if not one.same]

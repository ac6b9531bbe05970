"""`fsck --months`: closed months that differ today are named, and are no damage."""

import json
from pathlib import Path

from expense_cases import PROVIDER, TENANT, assignment, contract, price, tenure
from fixtures_ingest import MINUTE_MS, START_UTC_MS, ReportingHost, enrol
from kashi_server.bootstrap import Server, opened
from kashi_server.domain.interval import Month
from kashi_server.domain.party import Party, PartyKind
from kashi_server.log.sequencer import sequence
from kashi_server.services.closing import MonthClosing
from kashi_server.services.importing import store
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.storage.tables.identity import hosts
from server_commands import run
from sqlalchemy import update

HOST = "11111111-0000-4000-8000-000000000001"
MONTH = Month.of(START_UTC_MS // MINUTE_MS)
ADDED_MS = START_UTC_MS + 86_400_000
CLOSED_MS = (MONTH.interval().bounded()[1] + 10 * 1440) * MINUTE_MS


def agreed(server: Server) -> None:
    """One device of a provider's host for a company, from long before."""
    start = (START_UTC_MS // MINUTE_MS // 1440 - 40) * 1440
    with server.work.begin() as unit:
        unit.connection.execute(update(hosts).values(operator_party_id=PROVIDER))
        for one in (
            Party(party_id=PROVIDER, kind=PartyKind.PROVIDER, name_zh="示例算力服务"),
            Party(party_id=TENANT, kind=PartyKind.COMPANY, name_zh="示例智能科技"),
            tenure(HOST, start=start),
            contract(start=start),
            assignment(start),
            price("12.50", start),
        ):
            store(unit, one, 0)
        unit.commit()
    Rulebook(server.work, lambda: ADDED_MS).register(shipped_rules())


def test_a_closed_month_that_differs_is_information_and_no_damage(tmp_path: Path) -> None:
    """A report that came in after the close: fsck finds nothing damaged and ends with 0; asked for
    months it names the one that a correction would change, by how much, and ends with 0 as well."""
    directory = tmp_path / "server"
    made = run("init", "--demo", "--directory", str(directory))
    assert made.returncode == 0, made.stderr
    with opened(directory) as server:
        host = ReportingHost(HOST, ["GPU-1"])
        enrol(server.work, host)
        agreed(server)
        ingestion = Ingestion(server.work, server.keyring.receipt_key, lambda: ADDED_MS, demo=True)
        ingestion.ingest([Submission(host.standing(), [host.report(60)])])
        MonthClosing(
            server.work,
            lambda: sequence(server.work, server.keyring, server.clock),
            lambda: CLOSED_MS,
            demo=True,
        ).close(MONTH)
    same = run("fsck", "--months", "-d", str(directory))
    with opened(directory) as server:
        ingestion = Ingestion(server.work, server.keyring.receipt_key, lambda: ADDED_MS, demo=True)
        ingestion.ingest([Submission(host.standing(), [host.report(60)])])
    plain = run("fsck", "-d", str(directory))
    told = run("fsck", "--months", "-d", str(directory))
    data = run("fsck", "--months", "--json", "-d", str(directory))

    assert (same.returncode, "is what its facts give today" in same.stdout) == (0, True)
    assert (plain.returncode, str(MONTH) in plain.stdout) == (0, False)
    assert (told.returncode, "DIFFERS" in told.stdout) == (0, False), told.stdout
    assert f"{MONTH} differs, a correction would change it by 12.50 yuan" in told.stdout
    assert (data.returncode, json.loads(data.stdout)["differences"]) == (0, [])
    assert json.loads(data.stdout)["months"] == {
        "differing": [{"month": str(MONTH), "amount_fen": 12_50}],
        "problem": "",
    }

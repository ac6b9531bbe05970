"""`hosts quarantined`, `restore` and `release`: what counts after all, by two officers."""

import json
import shutil
from pathlib import Path

import pytest
from fixtures_ingest import START_UTC_MS, ReportingHost, enrol
from kashi_server.bootstrap import opened
from kashi_server.services.accounts import Role
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Ingestion, Submission
from server_commands import run
from sqlalchemy import text

HOST = "11111111-0000-4000-8000-000000000001"
FIRST, SECOND = "first-officer", "second-officer"
BOTH = ("--officer", FIRST, "--officer", SECOND)
WHY = ("--reason", "现场核对")


def next_day() -> int:
    """The day after what is reported."""
    return START_UTC_MS + 86_400_000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server with two officers, and a host that is held: half an hour counts, two do not."""
    where = tmp_path_factory.mktemp("template") / "server"
    assert run("init", "--demo", "--directory", str(where)).returncode == 0
    host = ReportingHost(HOST, ["GPU-a"])
    with opened(where) as server:
        for login in (FIRST, SECOND):
            password = f"correct horse of {login}"
            by = tuple(sorted(server.accounts.officers()))
            server.accounts.create(login, password, Role.OFFICER, None, by=by)
            (where / f"{login}.password").write_text(password, encoding="utf-8")
        enrol(server.work, host)
        ingestion = Ingestion(server.work, server.keyring.receipt_key, next_day, demo=True)
        for state in (HostState.ACTIVE, HostState.HELD, HostState.HELD):
            ingestion.ingest([Submission(host.standing(state), [host.report(30)])])
        server.hosts.hold(HOST, FIRST, "seal broken")
    return where


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> str:
    """A copy of it, for one test."""
    return str(shutil.copytree(template, tmp_path / "server"))


def proofs(directory: str, *logins: str) -> list[str]:
    """Their passwords, as options."""
    return [one for login in logins for one in ("--password-file", f"{directory}/{login}.password")]


def waiting(directory: str) -> list[tuple[int, int, str]]:
    """Epoch, sequence and reason of what does not count."""
    said = json.loads(run("hosts", "quarantined", HOST, "--json", "-d", directory).stdout)
    return [(one["epoch"], one["sequence"], one["reason"]) for one in said]


def test_the_list_of_hosts_tells_of_reports_that_do_not_count(directory: str) -> None:
    """How many and since when, beside how the host stands: it need not be held for it."""
    (listed,) = json.loads(run("hosts", "list", "--json", "-d", directory).stdout)
    (first, *_more) = json.loads(
        run("hosts", "quarantined", HOST, "--json", "-d", directory).stdout
    )
    said = run("hosts", "list", "-d", directory).stdout

    assert listed["quarantined"] == len(waiting(directory)) == 2
    assert listed["quarantined_since_utc_ms"] == first["start_utc_ms"]
    assert listed["received_utc_ms"] >= first["start_utc_ms"]
    assert "隔离报告 quarantined reports 2, 自 since " in said
    assert "最近报告 last report " in said


def restorations(directory: str) -> list[dict[str, object]]:
    """What goes to the log of reports that count after all."""
    query = "SELECT entry FROM log_pending WHERE kind = 'restoration' ORDER BY pending_id"
    with opened(Path(directory)) as server, server.work.begin(writes=False) as unit:
        return [json.loads(one) for one in unit.connection.execute(text(query)).scalars()]


def test_two_officers_let_one_report_count(directory: str) -> None:
    """One officer, or one at the console for two, restores nothing; both do, the log names both,
    it is a privileged act, and what waits besides still waits."""
    restoring = ("hosts", "restore", HOST, "1", "2", *WHY, "-d", directory)
    before = waiting(directory)

    refused = [
        run(*restoring, *BOTH[:2], *proofs(directory, FIRST)),
        run(*restoring, *BOTH, *proofs(directory, FIRST, FIRST)),
        run(*restoring, *BOTH, *proofs(directory, SECOND, SECOND)),
    ]
    kept = waiting(directory)
    done = run(*restoring, *BOTH, *proofs(directory, FIRST, SECOND))
    twice = run(*restoring, *BOTH, *proofs(directory, FIRST, SECOND))
    (entry,) = restorations(directory)
    with opened(Path(directory)) as server, server.work.begin(writes=False) as unit:
        acts = [(one.act, one.actor, one.reason) for one in unit.identity.acts()]

    assert before == kept == [(1, 2, "host_held"), (1, 3, "host_held")]
    assert [one.returncode for one in (*refused, done, twice)] == [3, 3, 3, 0, 3], done.stderr
    assert "two different officers" in refused[0].stderr
    assert "has no quarantined report" in twice.stderr
    assert waiting(directory) == [(1, 3, "host_held")]
    assert (entry["sequence"], entry["officer"]) == (2, f"{FIRST}, {SECOND}")
    assert acts[-1] == ("report-restored", f"{FIRST}, {SECOND}", WHY[1])
    assert "the host was held" in run("hosts", "quarantined", HOST, "-d", directory).stdout


def test_the_log_names_both_who_released_a_host(directory: str) -> None:
    """What a release lets count is the word of two officers, and both stand in its entries."""
    release = ("hosts", "release", HOST, *WHY, "-d", directory)

    asked = run(*release, "--officer", SECOND, *proofs(directory, SECOND))
    done = run(*release, "--officer", FIRST, *proofs(directory, FIRST))

    assert (asked.returncode, done.returncode) == (0, 0), done.stderr
    assert "2 of its reports count now" in done.stdout
    assert [(one["sequence"], one["officer"]) for one in restorations(directory)] == [
        (2, f"{SECOND}, {FIRST}"),
        (3, f"{SECOND}, {FIRST}"),
    ]
    assert waiting(directory) == []
    assert run("fsck", "-d", directory).returncode == 0

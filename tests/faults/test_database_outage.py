"""The database goes away and comes back: calls are told so, nothing acknowledged is lost."""

import pytest
from fixtures_database import Database, PostgresqlServer
from fixtures_ingest import ReportingHost, enrol, running_port, stored_sums, sums_of
from kashi.v1 import metering_pb2
from kashi_server.errors import StorageError
from kashi_server.services.authority import Keyring
from kashi_server.storage import engine as engine_module
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text

HOST = "11111111-0000-4000-8000-000000000001"


def cut(server: PostgresqlServer) -> None:
    """End every session on the server, as a restart or a firewall does."""
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname LIKE 'kashi_%'"
    )


def test_connection_cut_while_idle_is_replaced(
    postgresql_server: PostgresqlServer,
    postgresql_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A unit of work after a quiet time finds that its connection is gone and takes another."""
    work = postgresql_database.work
    with work.begin(writes=False) as unit:
        unit.connection.execute(text("SELECT 1"))
    cut(postgresql_server)
    monkeypatch.setattr(engine_module, "IDLE_SECONDS", 0.0)

    with work.begin(writes=False) as unit:
        assert unit.connection.execute(text("SELECT 1")).scalar_one() == 1


def test_connection_cut_in_use_is_told_as_a_storage_error(
    postgresql_server: PostgresqlServer, postgresql_database: Database
) -> None:
    """What was being done is refused in the house's words, and the next unit works again."""
    work = postgresql_database.work

    with pytest.raises(StorageError, match="does not answer"):
        _work_while_cut(work, postgresql_server)

    with work.begin(writes=False) as unit:
        assert unit.connection.execute(text("SELECT 1")).scalar_one() == 1


def _work_while_cut(work: Work, server: PostgresqlServer) -> None:
    with work.begin() as unit:
        unit.connection.execute(text("SELECT 1"))
        cut(server)
        unit.connection.execute(text("SELECT 1"))


def test_host_is_told_unavailable_and_sends_again(
    postgresql_server: PostgresqlServer, postgresql_database: Database, keyring: Keyring
) -> None:
    """A report that meets a dead connection is UNAVAILABLE; sent again it is stored once."""
    work = postgresql_database.work
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    wires = [host.report(), host.report()]
    with running_port(work, keyring) as running:
        client = running.client_of(host)
        client.submit(wires[0])
        cut(postgresql_server)
        request = metering_pb2.SubmitRequest(reports=wires[1:]).SerializeToString()

        status, _detail = client.refused(request)
        answer = client.submit(*wires)

    assert status == "UNAVAILABLE"
    assert [result.verdict for result in answer.results] == [
        metering_pb2.VERDICT_DUPLICATE,
        metering_pb2.VERDICT_ACCEPTED,
    ]
    assert stored_sums(work) == sums_of(wires)

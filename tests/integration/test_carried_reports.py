"""Reports by files for a host that reaches nobody: `export`, `import-reports` and back."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from expense_cases import PROVIDER, TENANT
from fixtures_ingest import stored_sums
from fixtures_server import KashiServer
from kashi.carry import CarryFile, write_carry_file
from kashi.v1 import carry_pb2, metering_pb2, report_pb2
from kashi_agent.cli import main
from kashi_agent.shipping_files import FilesWire
from kashi_server.bootstrap import opened
from kashi_server.cli import EXIT_REFUSED
from prepared_host import MinuteTruth
from relayed_host import RelayedHost, enrolled_by_file, relayed_host

REPORTS = carry_pb2.CARRY_KIND_REPORTS


@pytest.fixture
def server(server_home: KashiServer) -> KashiServer:
    """A demonstration server that nobody can reach: it is never served."""
    server_home.init("--demo")
    return server_home


@pytest.fixture
def host(server: KashiServer, tmp_path: Path) -> Iterator[RelayedHost]:
    """A host enrolled by file whose reports go into files."""
    (store,) = enrolled_by_file(server, tmp_path, ["node-1"])
    made = relayed_host(store, seed="node-1")
    yield made
    made.agent.close()


def settings(host: RelayedHost, relay: str) -> list[str]:
    """The options by which a command finds the host's settings."""
    path = host.folder / "agent.toml"
    path.write_text(
        f'[agent]\nstate_folder = "{host.folder}/state"\nrelay = "{relay}"\n', encoding="utf-8"
    )
    return ["--config", str(path)]


def counted(server: KashiServer) -> MinuteTruth:
    """What the server counts, minute by minute."""
    with opened(server.directory) as inside:
        return {
            (hardware_id, minute): (quantities.observed_ms, quantities.utilised_ns)
            for (_, hardware_id, minute), quantities in stored_sums(inside.work).items()
        }


def test_a_stopped_agents_measurements_are_exported_whole(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """What was measured and never sealed, for want of a server, is in the file; receipts come back,
    and the spool's audit finds nothing."""
    host.live(9)
    host.agent.close()
    way = settings(host, "")
    file = tmp_path / "stick.reports"

    assert main(["export", *way, str(file)]) == 0
    server.command("import-reports", str(file))
    assert main(["import-receipts", *way, f"{file}.receipts"]) == 0

    assert counted(server) == host.truth
    assert main(["verify", *way]) == 0
    host.start()
    assert host.agent.spool.sealed.unacknowledged == 0
    assert host.agent.spool.sealed.acknowledged == host.agent.spool.sealed.head


def test_beside_a_running_agent_sealed_reports_are_exported_and_receipts_wait_for_it(
    server: KashiServer, host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `relay = "files"` the agent seals on time and takes what lies in its inbox."""
    way = settings(host, "files")
    wire = host.way("files")
    host.live(6)
    host.ship_by(wire)
    file = tmp_path / "stick.reports"

    assert main(["export", *way, str(file), "--json"]) == 0
    exported = json.loads(capsys.readouterr().out)
    server.command("import-reports", str(file))
    assert main(["import-receipts", *way, f"{file}.receipts"]) == 0
    assert "takes them with its next report" in capsys.readouterr().out
    assert not host.delivered
    host.live(1)
    host.ship_by(wire)
    host.fetch(wire)

    inbox = host.folder / "state" / "inbox"
    assert exported["whole"]
    assert host.agent.spool.sealed.unacknowledged == 1
    assert list(inbox.iterdir()) == []
    assert counted(server) == {
        key: known for key, known in host.truth.items() if key in counted(server)
    }
    assert len(counted(server)) == 6 * len(host.devices)


def test_an_agent_that_calls_the_server_takes_its_receipts_itself(
    host: RelayedHost, server: KashiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`import-receipts` beside it is refused with the reason, and nothing is left in the inbox."""
    host.live(2)
    host.ship_by(host.way("files"))
    file = tmp_path / "stick.reports"
    assert main(["export", *settings(host, "files"), str(file)]) == 0
    server.command("import-reports", str(file))

    assert main(["import-receipts", *settings(host, ""), f"{file}.receipts"]) == 7
    assert "stop it first" in capsys.readouterr().err
    assert not (host.folder / "state" / "inbox").exists()


def exported(host: RelayedHost, tmp_path: Path, minutes: int = 4) -> Path:
    """A file with some reports."""
    host.live(minutes)
    host.ship_by(host.way("files"))
    file = tmp_path / "stick.reports"
    assert main(["export", *settings(host, "files"), str(file)]) == 0
    return file


def test_a_damaged_file_is_refused_whole(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """With a sound one beside it nothing of either is taken; one sentence names file and record."""
    file = exported(host, tmp_path)
    damaged = tmp_path / "damaged.reports"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)

    said = server.command("import-reports", str(file), str(damaged), expect=EXIT_REFUSED)

    assert said.count("\n") == 1
    assert f"{damaged}: record" in said
    assert counted(server) == {}
    assert not Path(f"{file}.receipts").exists()


def test_a_report_altered_in_a_file_is_not_stored_and_the_rest_is_left(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """What comes before it is stored; exit code 1; the host sends on from the head it is told."""
    file = exported(host, tmp_path)
    carried = CarryFile(file, REPORTS)
    records = [record for _, record in carried.records()]
    wires = list(records[0].reports.reports)
    report = report_pb2.Report.FromString(wires[2])
    report.blocks[0].salt = bytes(16)
    wires[2] = report.SerializeToString()
    del records[0].reports.reports[:]
    records[0].reports.reports.extend(wires)
    spoiled = tmp_path / "spoiled.reports"
    write_carry_file(spoiled, carried.opening, records)

    facts = json.loads(server.command("import-reports", str(spoiled), "--json", expect=1))
    assert main(["import-receipts", *settings(host, "files"), f"{spoiled}.receipts"]) == 0
    way = host.way("files")
    host.live(1)
    host.ship_by(way)
    trouble = host.agent.shipper.state.trouble
    again = tmp_path / "again.reports"
    assert main(["export", *settings(host, "files"), str(again)]) == 0
    server.command("import-reports", str(again))

    verdicts = {row["verdict"]: row["count"] for row in facts["reports"]}
    assert verdicts["accepted"] == 2
    assert verdicts["rejected"] == 1
    assert "altered" in trouble
    assert len(counted(server)) == 5 * len(host.devices)
    assert counted(server) == host.truth
    assert host.agent.spool.sealed.head[0] == 1


def test_a_file_of_a_stranger_or_for_something_else_is_told(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """An unknown host, a record that does not belong, the receipts instead of the reports."""
    file = exported(host, tmp_path)
    carried = CarryFile(file, REPORTS)
    ((_, record),) = carried.records()
    stranger = carry_pb2.CarryRecord()
    stranger.CopyFrom(record)
    stranger.reports.host_id = "22222222-0000-4000-8000-000000000002"
    astray = carry_pb2.CarryRecord(answer=carry_pb2.CarriedAnswer(host_id="x"))
    mixed = tmp_path / "mixed.reports"
    write_carry_file(mixed, carried.opening, [stranger, astray, record])

    facts = json.loads(server.command("import-reports", str(mixed), "--json", expect=1))
    wrong = server.command("import-reports", f"{mixed}.receipts", expect=EXIT_REFUSED)

    first, second = facts["refusals"]
    assert first.startswith(f"{mixed}: record 1: 主机 {stranger.reports.host_id} 未接入")
    assert f"host {stranger.reports.host_id} is not enrolled" in first
    assert second.startswith(f"{mixed}: record 2: 报告文件中不应有 answer")
    assert "answer does not belong" in second
    assert {row["verdict"] for row in facts["reports"]} == {"accepted"}
    assert "opening.kind is a file of receipts" in wrong
    assert counted(server) == host.truth


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no carry file"),
        (b"kashi/v1/carry\n", "cut short"),
        (None, "cannot be read"),
    ],
)
def test_receipts_that_are_none_are_one_sentence(
    host: RelayedHost,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    said: str,
) -> None:
    """File and what is wrong with it, exit code 9."""
    file = tmp_path / "x.receipts"
    if content is not None:
        file.write_bytes(content)

    assert main(["import-receipts", *settings(host, "files"), str(file)]) == 9

    error = capsys.readouterr().err
    assert error.startswith(f"kashi-agent: {file}")
    assert said in error
    assert error.count("\n") == 1


def test_receipts_without_number_do_not_fill_the_memory(
    host: RelayedHost,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file may be long; what it holds for one host is refused where it is more than can be, and
    an agent that finds such a file in its inbox goes on."""
    monkeypatch.setattr("kashi_agent.shipping_files.RECEIPTS_BYTES_MAX", 2_500)
    answer = metering_pb2.SubmitResponse(receipts=[bytes(1_000)])
    record = carry_pb2.CarryRecord(
        answer=carry_pb2.CarriedAnswer(host_id=host.host_id, answer=answer)
    )
    file = tmp_path / "f.receipts"
    opening = carry_pb2.CarryOpening(kind=carry_pb2.CARRY_KIND_RECEIPTS)
    write_carry_file(file, opening, [record] * 3)
    inbox = host.folder / "state" / "inbox"
    wire = FilesWire(inbox, host.host_id)

    assert main(["import-receipts", *settings(host, "files"), str(file)]) == 9
    assert "over 2500 bytes" in capsys.readouterr().err
    inbox.mkdir(parents=True)
    file.rename(inbox / file.name)
    assert wire.submit([]).receipts == ()
    assert wire.submit([]).receipts == ()
    assert list(inbox.iterdir()) == []


def test_a_file_that_cannot_be_read_keeps_no_other_waiting(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """It is passed over and stays where it is; what lies beside it is taken."""
    file = exported(host, tmp_path)
    server.command("import-reports", str(file))
    inbox = host.folder / "state" / "inbox"
    (inbox / "a.receipts").mkdir(parents=True)
    Path(f"{file}.receipts").rename(inbox / "b.receipts")
    wire = FilesWire(inbox, host.host_id)

    assert wire.submit([]).receipts
    assert wire.submit([]).receipts == ()
    assert [path.name for path in inbox.iterdir()] == ["a.receipts"]


def test_a_brought_file_is_durable_and_for_the_agent_to_read(
    server: KashiServer, host: RelayedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever file mask its bringer has; its content is synchronised before its name is there."""
    file = exported(host, tmp_path)
    server.command("import-reports", str(file))
    inbox = host.folder / "state" / "inbox"
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    mask = os.umask(0o077)
    try:
        assert main(["import-receipts", *settings(host, "files"), f"{file}.receipts"]) == 0
    finally:
        os.umask(mask)

    (brought,) = inbox.iterdir()
    assert brought.stat().st_ino in synced
    assert brought.stat().st_mode & 0o777 == 0o644


def test_root_writes_through_no_link_in_the_inbox(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """The folder is the agent's: a link that lies in the way leads root's copy nowhere else."""
    file = exported(host, tmp_path)
    server.command("import-reports", str(file))
    inbox, victim = host.folder / "state" / "inbox", tmp_path / "victim"
    inbox.mkdir(parents=True)
    victim.write_text("kept", encoding="utf-8")
    (inbox / f".{file.name}-0.receipts.part").symlink_to(victim)

    assert main(["import-receipts", *settings(host, "files"), f"{file}.receipts"]) == 0

    assert victim.read_text(encoding="utf-8") == "kept"
    assert [path.name for path in inbox.iterdir()] == [f"{file.name}-0.receipts"]
    assert not next(inbox.iterdir()).is_symlink()


def test_receipts_for_another_host_are_told(
    server: KashiServer, host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is sound and holds nothing for this host."""
    file = exported(host, tmp_path)
    server.command("import-reports", str(file))
    (store,) = enrolled_by_file(server, tmp_path, ["node-2"])
    other = relayed_host(store, seed="node-2")
    other.agent.close()

    assert main(["import-receipts", *settings(other, "files"), f"{file}.receipts"]) == 9
    assert "holds none for host" in capsys.readouterr().err


def test_an_export_that_cannot_be_written_is_told(
    host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that does not exist: one sentence, exit code 9."""
    file = tmp_path / "none" / "x"

    assert main(["export", *settings(host, "files"), str(file)]) == 9
    assert f"{file} cannot be written" in capsys.readouterr().err


AGREEMENTS = """\
[[party]]
party_id = "{provider}"
kind = "provider"
name_zh = "示例算力服务"

[[party]]
party_id = "{tenant}"
kind = "company"
name_zh = "示例智能科技"

[[tenure]]
host_id = "{host}"
owner = "{provider}"
operator = "{provider}"
kind = "leased_out"
from = 2026-09-01T00:00:00+08:00

[[contract]]
contract_id = "HT-1"
provider = "{provider}"
user = "{tenant}"
signed_on = 2026-09-01
from = 2026-10-01T00:00:00+08:00

[[assignment]]
assignment_id = "A-1"
contract = "HT-1"
hardware_id = "GPU-late-0"
from = 2026-10-01T00:00:00+08:00
proposed_by = "{provider}"
confirmed_by = "{tenant}"

[[price]]
price_id = "P-1"
contract = "HT-1"
model = "Test H100"
yuan_per_card_hour = "60.00"
basis = "leased_observed"
from = 2026-10-01T00:00:00+08:00
"""
OCTOBER_UTC_MS = 1_791_784_800_000
"""2026-10-12, on a whole hour."""


def test_a_file_that_comes_after_the_close_changes_no_statement(
    server: KashiServer, tmp_path: Path
) -> None:
    """What was carried in time is on the statement; what comes later is stored, receipted and
    counted as a fact, and the closed month's bytes stay what they were."""
    (store,) = enrolled_by_file(server, tmp_path, ["late"])
    host = relayed_host(store, seed="late", cards=1, utc_ms=OCTOBER_UTC_MS)
    agreements = tmp_path / "agreements.toml"
    agreements.write_text(
        AGREEMENTS.format(provider=PROVIDER, tenant=TENANT, host=host.host_id), encoding="utf-8"
    )
    server.command("import", str(agreements), *server.officer)
    in_time = exported(host, tmp_path, minutes=30)
    server.command("import-reports", str(in_time))
    server.command("close", "2026-10")
    before = server.command("statements", "--number", "KS-2026-10-HT-1")

    late = exported(host, tmp_path, minutes=30)
    server.command("import-reports", str(late))
    after = server.command("statements", "--number", "KS-2026-10-HT-1")
    host.agent.close()

    totals = json.loads(before)["totals"]
    assert (totals["observed_ms"], totals["amount_fen"]) == (1_800_000, 3_000)
    assert after == before
    assert counted(server) == host.truth
    assert len(host.truth) == 60

"""Reports by files for a host that reaches nobody: `export`, `import-reports` and back."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from agreement_texts import assignment_text, contract_text, price_text, tenure_text, two_parties
from fixtures_ingest import stored_sums
from fixtures_server import KashiServer
from kashi.carry import CarryFile, write_carry_file
from kashi.v1 import carry_pb2, metering_pb2, report_pb2
from kashi_agent.cli import main
from kashi_agent.errors import DiskFullError
from kashi_agent.shipping_files import FilesWire
from kashi_server.bootstrap import opened
from kashi_server.cli import EXIT_REFUSED
from prepared_host import MinuteTruth
from relayed_host import RelayedHost, enrolled_by_file, relayed_host
from sample_status import a_status

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


def spool_bytes(host: RelayedHost) -> dict[str, bytes]:
    """Everything in the spool's folder."""
    return {path.name: path.read_bytes() for path in (host.folder / "state" / "spool").iterdir()}


def test_a_stopped_agents_measurements_are_exported_whole(
    server: KashiServer, host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `relay = "files"` the agent seals what is left when it ends, so that everything it
    measured is in the file; receipts come back, and the spool's audit finds nothing."""
    way = settings(host, "files")
    host.live(4)
    host.ship_by(host.way("files"))
    host.live(5)
    assert host.agent.finish()
    host.agent.close()
    file = tmp_path / "stick.reports"

    assert main(["export", *way, str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"]
    server.command("import-reports", str(file))
    assert main(["import-receipts", *way, f"{file}.receipts"]) == 0

    assert counted(server) == host.truth
    assert main(["verify", *way]) == 0
    host.start()
    assert host.agent.spool.sealed.unacknowledged == 0
    assert host.agent.spool.sealed.acknowledged == host.agent.spool.sealed.head


@pytest.mark.parametrize("relay", ["", "files"])
def test_an_export_seals_nothing_so_a_host_that_was_set_back_does_not_fork_itself(
    server: KashiServer,
    host: RelayedHost,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    relay: str,
) -> None:
    """A snapshot of the host comes back after the server has had later reports of it: what the
    host then measured is in no file before an agent has sealed it by the head that it was told, the
    spool is left to the byte, and it is said that something is missing and what to do."""
    sealing = host.way("files")
    spool, snapshot = host.folder / "state" / "spool", host.folder / "snapshot"
    host.live(4)
    host.ship_by(sealing)
    shutil.copytree(spool, snapshot)
    host.live(4)
    host.ship_by(sealing)
    host.agent.close()
    way, file = settings(host, relay), tmp_path / "stick.reports"
    assert main(["export", *way, str(file)]) == 0
    server.command("import-reports", str(file))
    shutil.rmtree(spool)
    shutil.copytree(snapshot, spool)
    host.start()
    host.live(3)
    host.agent.close()
    before, again = spool_bytes(host), tmp_path / "again.reports"
    capsys.readouterr()

    assert main(["export", *way, str(again), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    facts = json.loads(server.command("import-reports", str(again), "--json"))
    assert main(["export", *way, str(again)]) == 0
    said = capsys.readouterr().out

    assert spool_bytes(host) == before
    assert told["whole"] is False
    verdicts = {row["verdict"]: row["count"] for row in facts["reports"]}
    assert verdicts == {"duplicate": told["reports"]}
    assert "not sealed yet is not in the file" in said
    assert ('relay = "files"' in said) == (relay == "")


@pytest.mark.parametrize(
    ("last_word", "zh", "en"),
    [
        ({"knows_server": True}, "每个报告间隔封存一次", "seals every report interval"),
        ({"knows_server": True, "written_utc_ms": 1}, "此刻尚未得知", "was not told yet"),
        ({"knows_server": False}, "此刻尚未得知", "was not told yet"),
        (
            {"trouble": "缓存写不进内容。The spool takes nothing: full", "knows_server": True},
            "未能封存：缓存写不进内容",
            "could not seal it: The spool takes nothing: full",
        ),
        (
            {"unsigned": "令牌。token", "trouble": "令牌出错。The token failed"},
            "未能封存：令牌出错",
            "could not seal it: The token failed",
        ),
    ],
)
def test_why_something_is_not_sealed_is_what_its_agent_last_said(
    host: RelayedHost,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    last_word: dict[str, object],
    zh: str,
    en: str,
) -> None:
    """One that runs and was told where the chain goes on seals in time: no server is blamed. One
    that was not told, or has ended, waits for it; a disk or a token is named with its own words."""
    host.live(2)
    a_status(**last_word).write(host.folder / "state" / "status.json")
    way = settings(host, "")
    capsys.readouterr()

    assert main(["export", *way, str(tmp_path / "stick.reports")]) == 0
    said = capsys.readouterr().out

    assert (zh in said, en in said) == (True, True)
    reasons = ("每个报告间隔封存一次", "此刻尚未得知", "未能封存")
    assert sum(reason in said for reason in reasons) == 1


def test_a_host_that_was_set_back_goes_on_by_its_newest_receipts(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """They are taken while no agent runs; the server's notice in them says what the host forgot,
    and the agent that starts then opens an epoch behind it, however often it starts before it has
    anything to seal: no number is used twice."""
    spool, snapshot = host.folder / "state" / "spool", host.folder / "snapshot"
    way, files = settings(host, "files"), [tmp_path / name for name in ("first", "again")]
    host.live(4)
    host.ship_by(host.way("files"))
    shutil.copytree(spool, snapshot)
    host.live(4)
    host.ship_by(host.way("files"))
    host.agent.close()
    assert main(["export", *way, str(files[0])]) == 0
    server.command("import-reports", str(files[0]))
    shutil.rmtree(spool)
    shutil.copytree(snapshot, spool)

    assert main(["import-receipts", *way, f"{files[0]}.receipts"]) == 0
    for _ in range(2):
        host.start()
        host.ship_by(host.way("files"))
        host.agent.close()
    host.start()
    host.live(3)
    host.ship_by(host.way("files"))
    assert main(["export", *way, str(files[1])]) == 0
    facts = json.loads(server.command("import-reports", str(files[1]), "--json"))

    verdicts = {row["verdict"] for row in facts["reports"]}
    assert verdicts <= {"accepted", "quarantined"}, "the time it forgot is told apart, as a gap"
    assert host.agent.spool.sealed.head[0] == 2
    assert counted(server) == host.truth


def test_what_could_still_lose_its_number_is_not_exported(
    host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report that is written and not yet durable can be gone after a power cut, its number with
    another report then: it leaves the host by no file before it is durable."""
    host.live(3)
    host.ship_by(host.way("files"))
    sealed = host.agent.spool.sealed
    durable = sealed.size
    newest = sealed.read(sealed.entries()[-1])
    sealed.append(
        replace(newest, sequence=newest.sequence + 1, sha256=bytes(32), journal_through=10**6)
    )
    way, file = settings(host, "files"), tmp_path / "stick.reports"

    assert main(["export", *way, str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    ((_, record),) = CarryFile(file, REPORTS).records()

    assert (told["reports"], told["whole"]) == (durable, False)
    assert len(record.reports.reports) == durable


def test_beside_a_running_agent_sealed_reports_are_exported_and_receipts_wait_for_it(
    server: KashiServer, host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `relay = "files"` the agent seals on time and takes what lies in its inbox; what it has
    not sealed yet is not called exported."""
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
    assert (exported["reports"], exported["whole"]) == (6, False)
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
    said = capsys.readouterr().err
    assert "stop it first (systemctl stop kashi-agent), import, start it again" in said
    assert 'set relay = "files" in agent.toml' in said
    assert "自行向服务器取回执" in said
    assert not (host.folder / "state" / "inbox").exists()


def exported(host: RelayedHost, tmp_path: Path, minutes: int = 4) -> Path:
    """A file with some reports."""
    host.live(minutes)
    host.ship_by(host.way("files"))
    file = tmp_path / "stick.reports"
    assert main(["export", *settings(host, "files"), str(file)]) == 0
    return file


def test_a_server_that_was_restored_from_a_backup_gets_all_that_the_host_keeps(
    server: KashiServer, host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it acknowledged since the backup has receipts and is in no ordinary export: the next
    reports would wait for it for ever. `export --all` brings it, once, and they count."""
    way, wire = settings(host, "files"), host.way("files")
    backup, first = tmp_path / "backup", exported(host, tmp_path)
    shutil.copytree(server.directory, backup)
    server.command("import-reports", str(first))
    assert main(["import-receipts", *way, f"{first}.receipts"]) == 0
    host.fetch(wire)
    assert host.delivered
    shutil.rmtree(server.directory)
    shutil.copytree(backup, server.directory)
    host.live(2)
    host.ship_by(wire)
    assert host.agent.finish()
    host.agent.close()
    rest, everything = tmp_path / "rest.reports", tmp_path / "all.reports"

    assert main(["export", *way, str(rest)]) == 0
    server.command("import-reports", str(rest), expect=1)
    assert counted(server) == {}
    capsys.readouterr()
    assert main(["export", "--all", *way, str(everything), "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)["reports"]
    told = json.loads(server.command("import-reports", str(everything), "--json"))
    again = json.loads(server.command("import-reports", str(everything), "--json"))

    assert {row["verdict"]: row["count"] for row in told["reports"]} == {"accepted": kept}
    assert {row["verdict"]: row["count"] for row in again["reports"]} == {"duplicate": kept}
    assert counted(server) == host.truth


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


def test_a_file_without_reports_is_told_and_answered_by_no_file(
    server: KashiServer, tmp_path: Path
) -> None:
    """Its receipts would be none, which the host refuses; there is nothing to carry back."""
    empty = tmp_path / "empty.reports"
    opening = carry_pb2.CarryOpening(kind=REPORTS, made_utc_ms=1, made_by="node-1")
    write_carry_file(empty, opening, [])

    said = server.command("import-reports", str(empty))
    facts = server.command("import-reports", str(empty), "--json")

    assert "没有报告，不写回执" in said
    assert "holds no report: no receipts are written" in said
    assert "verdict" not in said
    assert '"reports": []' in facts
    assert not empty.with_name("empty.reports.receipts").exists()


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
    host.fetch(wire)
    assert host.fetch(wire).receipts == ()
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

    assert host.fetch(wire).receipts
    assert host.fetch(wire).receipts == ()
    assert [path.name for path in inbox.iterdir()] == ["a.receipts"]


def test_a_file_stays_until_it_was_taken(
    server: KashiServer, host: RelayedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a full disk kept the agent from taking is brought again, however often, behind others
    that wait; it is removed once it was taken."""
    file = exported(host, tmp_path)
    server.command("import-reports", str(file))
    inbox = host.folder / "state" / "inbox"
    inbox.mkdir(parents=True)
    Path(f"{file}.receipts").rename(inbox / "a.receipts")
    (inbox / "b.receipts").write_bytes(b"nothing to bring")
    wire = FilesWire(inbox, host.host_id)

    def full(*_: object) -> None:
        raise DiskFullError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(host.agent.spool, "acknowledge", full)
        with pytest.raises(DiskFullError):
            host.fetch(wire)
        assert host.fetch(wire).receipts == ()
        for _ in range(2):
            with pytest.raises(DiskFullError):
                host.fetch(wire)
        assert [path.name for path in inbox.iterdir()] == ["a.receipts"]
        assert not host.delivered
    assert host.fetch(wire).receipts
    assert host.delivered
    assert host.fetch(wire).receipts == ()
    assert list(inbox.iterdir()) == []


def test_a_file_that_took_the_place_of_another_is_not_removed_for_it(
    server: KashiServer, host: RelayedHost, tmp_path: Path
) -> None:
    """Exports repeat their names, and so do the files that come back: one that is put there after
    the one before it was taken, and before that was removed, is brought as well."""
    file = exported(host, tmp_path)
    server.command("import-reports", str(file))
    inbox = host.folder / "state" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "a.receipts").write_bytes(b"nothing to bring")
    wire = FilesWire(inbox, host.host_id)

    host.fetch(wire)
    Path(f"{file}.receipts").rename(inbox / "a.receipts")

    assert host.fetch(wire).receipts
    assert host.delivered
    assert host.fetch(wire).receipts == ()
    assert list(inbox.iterdir()) == []


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
    """The file is sound and holds nothing for this host: it is told as such, no damage, and what
    lies beside it is taken."""
    file = exported(host, tmp_path)
    server.command("import-reports", str(file))
    (store,) = enrolled_by_file(server, tmp_path, ["node-2"])
    other = relayed_host(store, seed="node-2")
    other.live(2)
    other.ship_by(other.way("files"))
    way, own = settings(other, "files"), tmp_path / "own.reports"
    assert main(["export", *way, str(own)]) == 0
    server.command("import-reports", str(own))
    other.agent.close()
    capsys.readouterr()

    assert main(["import-receipts", *way, f"{file}.receipts"]) == 0
    assert f"holds no receipts for host {other.host_id}" in capsys.readouterr().out
    assert main(["import-receipts", *way, f"{file}.receipts", f"{own}.receipts"]) == 0
    assert "0 reports wait for theirs" in capsys.readouterr().out


def test_an_export_of_nothing_says_that_there_is_nothing_to_carry(
    host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is made all the same and its answer is no damage: it says that it brings nothing,
    also beside a running agent, whose inbox it does not enter."""
    way, file = settings(host, "files"), tmp_path / "stick.reports"
    answer = tmp_path / "stick.reports.receipts"
    write_carry_file(answer, carry_pb2.CarryOpening(kind=carry_pb2.CARRY_KIND_RECEIPTS), [])

    assert main(["export", *way, str(file)]) == 0
    told = capsys.readouterr().out
    assert main(["import-receipts", *way, str(answer)]) == 0
    said = capsys.readouterr().out
    assert main(["import-receipts", *way, str(answer), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)

    assert file.exists()
    assert "没有可携带的内容" in told
    assert "nothing to carry" in told
    assert "文件完好" in said
    assert facts == {"receipts": 0, "unacknowledged": None}
    assert not (host.folder / "state" / "inbox").exists()


def test_an_export_that_cannot_be_written_is_told(
    host: RelayedHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that does not exist: one sentence, exit code 9."""
    file = tmp_path / "none" / "x"

    assert main(["export", *settings(host, "files"), str(file)]) == 9
    assert f"{file} cannot be written" in capsys.readouterr().err


OCTOBER = "2026-10-01"
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
    agreed = (
        two_parties()
        + tenure_text(host.host_id)
        + contract_text(OCTOBER, signed_on="2026-09-01")
        + assignment_text("GPU-late-0", OCTOBER, confirmed=True)
        + price_text("60.00", OCTOBER, model="Test H100")
    )
    agreements.write_text(agreed, encoding="utf-8")
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

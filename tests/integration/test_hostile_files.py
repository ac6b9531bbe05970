"""Files made by somebody hostile: what they may cost is a sentence, never a host or a traceback."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import server_commands
from fixtures_identity import OTHER_PARTY, PARTY
from fixtures_server import OFFICER, KashiServer
from kashi import signing
from kashi.carry import CarryFile, write_carry_file
from kashi.v1 import carry_pb2, enrolment_pb2, metering_pb2
from kashi_agent.cli import main
from kashi_server.bootstrap import opened
from kashi_server.commands.plain import plain
from kashi_server.commands.proving import require_officer
from kashi_server.services.ingestion import Answer, Failure, Ingestion, Submission
from kashi_server.services.tokens import secret_sha256
from relayed_host import enrolled_by_file, relayed_host

REQUESTS = carry_pb2.CARRY_KIND_REQUESTS
REPORTS = carry_pb2.CARRY_KIND_REPORTS
ESCAPE = "\x1b[2K\x1b]0;owned\x07"

# Object ids, as DER writes them: the curve P-256, and one that is nobody's.
P256 = bytes.fromhex("06082a8648ce3d030107")
NO_CURVE = bytes.fromhex("06082a8648ce3d030177")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> KashiServer:
    """A demonstration server that nobody can reach: it is never served."""
    made = KashiServer(tmp_path_factory.mktemp("office") / "server")
    made.init("--demo", "--address", "localhost")
    return made


@dataclass(frozen=True, kw_only=True)
class Office:
    """An officer with a list, and the requests that lie before him."""

    server: KashiServer
    folder: Path

    def asked(self, name: str) -> Path:
        """The request of a host without a token."""
        (root,) = self.server.directory.rglob("server-root.pem")
        request, state = self.folder / f"{name}.request", self.folder / name
        words = ["--request", str(request), "--server-root", str(root), "--yes"]
        assert main(["enrol", "--state", str(state), *words]) == 0
        return request

    def words(self, *files: Path, party: str = PARTY) -> list[str]:
        """The command that lets these files in, as they are now."""
        listed = [f"{signing.sha256(file.read_bytes()).hex()}  {file.name}\n" for file in files]
        path = self.folder / "hosts.list"
        path.write_text("".join(listed), encoding="utf-8")
        password = self.server.directory.parent / "password"
        return [
            "enrol-requests", *map(str, files), "--approve", str(path), "--party", party,
            "--officer", OFFICER, "--password-file", str(password),
        ]  # fmt: skip

    def hosts(self) -> int:
        """How many hosts there are."""
        return len(json.loads(self.server.command("hosts", "list", "--json")))


@pytest.fixture
def office(server: KashiServer, tmp_path: Path) -> Office:
    """It."""
    return Office(server=server, folder=tmp_path)


def record_of(request: Path) -> carry_pb2.CarryRecord:
    """What a file asks."""
    ((_, record),) = CarryFile(request, REQUESTS).records()
    return record


def write(path: Path, kind: carry_pb2.CarryKind, *records: carry_pb2.CarryRecord) -> Path:
    """A file with these records."""
    write_carry_file(path, carry_pb2.CarryOpening(kind=kind), records)
    return path


def _strange_request(request: bytes, alter: Callable[[enrolment_pb2.EnrolRequest], None]) -> bytes:
    made = enrolment_pb2.EnrolRequest.FromString(request)
    alter(made)
    return made.SerializeToString()


def _strange_csr(request: enrolment_pb2.EnrolRequest) -> None:
    request.csr = request.csr.replace(P256, NO_CURVE)


def _strange_key(request: enrolment_pb2.EnrolRequest) -> None:
    request.report_public_key = request.report_public_key.replace(P256, NO_CURVE)


@pytest.mark.parametrize("alter", [_strange_csr, _strange_key])
def test_a_key_of_a_curve_that_is_none_is_refused(
    office: Office, alter: Callable[[enrolment_pb2.EnrolRequest], None]
) -> None:
    """Whoever has a token may write any key: it is refused in words, for this file alone."""
    secret = office.server.token(PARTY).split(".")[1]
    record = record_of(office.asked("a"))
    carried_ = record.enrolment
    carried_.request = _strange_request(carried_.request, alter)
    carried_.token_hint = secret_sha256(secret)[:8]
    carried_.token_proof = signing.request_proof(secret_sha256(secret), carried_.request)
    file = write(office.folder / "strange.request", REQUESTS, record)

    said = office.server.command("enrol-requests", str(file), expect=1)

    assert "strange.request: 未受理 refused: " in said
    assert "Traceback" not in said


def test_an_officer_lets_in_one_host_a_file(office: Office) -> None:
    """Whose file is on the list brings no second host in it."""
    records = [record_of(office.asked(name)) for name in ("a", "b")]
    file, before = write(office.folder / "two.request", REQUESTS, *records), office.hosts()

    said = office.server.command(*office.words(file), expect=1)

    assert "holds 2 requests" in said
    assert office.hosts() == before


def test_a_file_that_changes_after_it_was_read_lets_in_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is let in is what the list names, not what lies there a moment later."""
    approved, other = office.asked("a"), office.asked("b").read_bytes()
    words, before = office.words(approved), office.hosts()

    def swapped(*arguments: object) -> None:
        approved.write_bytes(other)
        require_officer(*arguments)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr("kashi_server.commands.carried.require_officer", swapped)
    done = server_commands.run(*words, "--directory", str(office.server.directory))

    assert done.returncode == 1
    assert "changed" in done.stdout
    assert office.hosts() == before


def test_a_request_is_approved_for_one_party(office: Office) -> None:
    """An officer who names another party than the first time is told, and gets no answer that
    looks as if it had been done."""
    file = office.asked("a")
    office.server.command(*office.words(file))

    said = office.server.command(*office.words(file, party=OTHER_PARTY), expect=1)

    assert f"approved before for {PARTY}" in said


def test_two_files_of_one_name_do_not_overwrite_each_others_answers(office: Office) -> None:
    """Both answers would have one name in the folder: nothing is done before that is settled."""
    files = []
    for name in ("x", "y"):
        (office.folder / name).mkdir()
        files.append(office.asked(name).rename(office.folder / name / "host.request"))
    words, before = office.words(*files), office.hosts()

    said = office.server.command(*words, "--out", str(office.folder), expect=3)

    assert "host.request.response" in said
    assert office.hosts() == before


def test_what_a_file_says_moves_no_terminal(office: Office) -> None:
    """Control characters in a host's id are shown as what they are."""
    asked = metering_pb2.SubmitRequest(host_id=ESCAPE)
    file = write(office.folder / "f.reports", REPORTS, carry_pb2.CarryRecord(reports=asked))

    said = office.server.command("import-reports", str(file), expect=1)

    assert "\x1b" not in said
    assert "\\x1b[2K" in said


def test_refusals_without_number_do_not_fill_the_memory(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are told, the others counted."""
    monkeypatch.setattr("kashi_server.services.carrying.REFUSALS_TOLD_MAX", 3)
    record = carry_pb2.CarryRecord(reports=metering_pb2.SubmitRequest(host_id="x"))
    file = write(office.folder / "f.reports", REPORTS, *[record] * 10)
    words = ["import-reports", str(file), "--directory", str(office.server.directory)]

    told = server_commands.run(*words)
    facts = json.loads(server_commands.run(*words, "--json").stdout)

    assert told.stdout.count("refused: ") == 3
    assert "7 more" in told.stdout
    assert (len(facts["refusals"]), facts["refusals_untold"]) == (3, 7)


def test_what_the_database_refuses_of_one_host_keeps_no_other_from_being_taken(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is read to its end; the host whose report it was is named."""
    stores = enrolled_by_file(office.server, office.folder, ["bad", "good"])
    hosts = [relayed_host(store, seed=store.host().host_id) for store in stores]
    records = []
    for host in hosts:
        host.live(2)
        host.ship_by(host.way("files"))
        wires = [host.agent.spool.sealed.read(e).wire for e in host.agent.spool.sealed.entries()]
        request = metering_pb2.SubmitRequest(host_id=host.host_id, reports=wires)
        records.append(carry_pb2.CarryRecord(reports=request))
        host.agent.close()
    file = write(office.folder / "site.reports", REPORTS, *records)
    sound = Ingestion.ingest

    def ingest(self: Ingestion, group: list[Submission]) -> list[Answer | Failure]:
        if group[0].host.host_id == hosts[0].host_id:
            return [Failure("the database refused it: a constraint")]
        return sound(self, group)

    monkeypatch.setattr(Ingestion, "ingest", ingest)
    words = ["import-reports", str(file), "--directory", str(office.server.directory), "--json"]
    done = server_commands.run(*words)
    facts = json.loads(done.stdout)

    assert done.returncode == 1
    assert [row["host_id"] for row in facts["reports"]] == [hosts[1].host_id]
    assert hosts[0].host_id in facts["refusals"][0]


def test_the_log_of_acts_gives_no_token_away(office: Office) -> None:
    """By file, a token is shown by its hash: whoever reads the acts must not find it there."""
    secret = office.server.token(PARTY).split(".")[1]
    office.server.command(*office.words(office.asked("a")))

    with opened(office.server.directory) as inside, inside.work.begin(writes=False) as unit:
        acts = {(act.act, act.reference) for act in unit.identity.acts()}

    assert ("token-issued", secret_sha256(secret)[:8].hex()) in acts
    assert all(len(reference) == 16 for act, reference in acts if act == "request-approved")


def test_a_file_of_requests_is_small(office: Office) -> None:
    """A file of requests is read into memory: one that is too long is refused before."""
    record = record_of(office.asked("a"))
    record.enrolment.request += b"\x00" * 1_000_000
    file = write(office.folder / "long.request", REQUESTS, *[record] * 20)

    said = office.server.command("enrol-requests", str(file), expect=3)

    assert "exceeds" in said


CASE = Path("docs/cases/compute-voucher-bundled.toml")
RULES = Path("server/kashi_server/programmes/shenzhen-compute-voucher.toml")


def altered(folder: Path, source: Path, field: str, text: str) -> Path:
    """A file with another text in its first field of this name."""
    lines = source.read_text(encoding="utf-8").split("\n")
    place = next(n for n, line in enumerate(lines) if line.startswith(f"{field} ="))
    lines[place] = f"{field} = {json.dumps(text)}"
    path = folder / source.name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["[/bold]", "[link=x]y[/link]", ESCAPE, ":smile:"])
def test_texts_of_rules_and_cases_are_shown_as_they_are(tmp_path: Path, text: str) -> None:
    """Brackets are no markup and control characters no control, in names as in sources."""
    case = altered(tmp_path, CASE, "case_id", text)
    rules = altered(tmp_path, RULES, "name_zh", text)
    shown = plain(text)

    worked = server_commands.run("evaluate", "--rules", str(rules), "--case", str(case))
    differ = server_commands.run("rules", "diff", str(RULES), str(rules))

    assert (worked.returncode, differ.returncode) == (0, 0)
    assert worked.stdout.replace("\n", "").count(shown) >= 2
    assert shown[:8] in differ.stdout
    assert "\x1b" not in worked.stdout + differ.stdout


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.toml", "a = " + "[" * 100_000 + "]" * 100_000),
        ("long.toml", "a = " + "9" * 5_000),
        ("deep.json", "[" * 200_000),
        ("long.json", '{"a": ' + "9" * 5_000 + "}"),
        ("half.json", '{"case_id": "\\ud800"}'),
    ],
)
def test_files_that_no_reader_can_hold_are_told(tmp_path: Path, name: str, content: str) -> None:
    """Brackets within brackets, numbers without end, half a character: one sentence each."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    words = ["evaluate", "--rules", str(RULES), "--case", str(path)]
    for done in (server_commands.run(*words), server_commands.run(*words, "--json")):
        assert done.returncode == 3
        assert f"{name}:1: " in done.stderr


@pytest.mark.parametrize("name", ["none/t.xlsx", "none/t.csv", "none/t.json"])
def test_a_table_that_cannot_be_written_is_told(office: Office, name: str) -> None:
    """In every format alike."""
    said = office.server.command("export", "ledger", str(office.folder / name), expect=4)

    assert "cannot be written" in said
    assert "Traceback" not in said

"""Enrolment and renewal by files: real commands on both sides, no connection between them."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from fixtures_identity import PARTY
from fixtures_server import OFFICER, PASSWORD, KashiServer
from kashi.carry import CarryFile, write_carry_file
from kashi.v1 import carry_pb2, enrolment_pb2
from kashi_agent.cli import main
from kashi_agent.identity import IdentityStore
from kashi_server.bootstrap import opened

REQUESTS = carry_pb2.CARRY_KIND_REQUESTS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> KashiServer:
    """A server that nobody can reach: it is never served."""
    made = KashiServer(tmp_path_factory.mktemp("office") / "server")
    made.init("--demo", "--organisation", "深圳市算力服务中心", "--address", "localhost")
    return made


@pytest.fixture
def root(server: KashiServer) -> Path:
    """The server's root as the office hands it out."""
    (path,) = server.directory.rglob("server-root.pem")
    return path


def asked(folder: Path, name: str, *way: str, expect: int = 0) -> Path:
    """`kashi-agent enrol --request`; the request."""
    request = folder / f"{name}.request"
    state = folder / name
    arguments = ["enrol", "--state", str(state), "--request", str(request), *way, "--yes"]
    assert main(arguments) == expect
    return request


def taken(folder: Path, name: str, response: Path, expect: int = 0) -> None:
    """`kashi-agent enrol --response`."""
    arguments = ["enrol", "--state", str(folder / name), "--response", str(response)]
    assert main(arguments) == expect


def store_of(folder: Path, name: str) -> IdentityStore:
    """A host's identity."""
    return IdentityStore(folder / name / "identity")


def response_to(request: Path) -> Path:
    """Where the server's answer lies."""
    return request.with_name(request.name + ".response")


def password_file(server: KashiServer) -> Path:
    """The officer's password."""
    path = server.directory.parent / "password"
    assert path.read_text(encoding="utf-8") == PASSWORD
    return path


def approve(server: KashiServer, folder: Path, listed: list[Path], *files: Path) -> tuple[str, ...]:
    """The words by which an officer lets in the listed files, after those of the command."""
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in listed]
    path = folder / "hosts.list"
    path.write_text("".join(lines), encoding="utf-8")
    return (
        "enrol-requests", *map(str, files), "--approve", str(path), "--party", PARTY,
        "--officer", OFFICER, "--password-file", str(password_file(server)),
    )  # fmt: skip


def test_a_list_of_hosts_is_let_in_by_an_officer(
    server: KashiServer, root: Path, tmp_path: Path
) -> None:
    """Those on the list get their identity, all in one command; one beside it is refused and named,
    and costs the others nothing."""
    names = ["a", "b", "c", "stranger"]
    requests = [asked(tmp_path, name, "--server-root", str(root)) for name in names]

    said = server.command(*approve(server, tmp_path, requests[:3], *requests), expect=1)
    for name, request in zip(names[:3], requests[:3], strict=True):
        taken(tmp_path, name, response_to(request))

    ids = {store_of(tmp_path, name).host().host_id for name in names[:3]}
    hosts = {host["host_id"] for host in json.loads(server.command("hosts", "list", "--json"))}
    assert len(ids) == 3
    assert ids <= hosts
    assert "stranger.request: 未受理 refused: 清单中没有此文件" in said
    assert not response_to(requests[3]).exists()
    assert not store_of(tmp_path, "stranger").enrolled


@pytest.mark.parametrize(
    ("relay", "said"),
    [
        ("", "报告送往 localhost:"),
        ("10.0.0.9:7443", "报告经中继 10.0.0.9:7443 送出"),
        ("files", "报告以文件传递"),
    ],
)
def test_a_new_host_is_told_which_way_its_reports_go(
    server: KashiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], relay: str, said: str
) -> None:
    """Chinese first; through a relay that relay's own place, and no address that the host never
    calls."""
    settings = tmp_path / "agent.toml"
    settings.write_text(f'[agent]\nstate_folder = "{tmp_path}/h"\nrelay = "{relay}"\n')
    request = asked(tmp_path, "h", "--token", server.token(PARTY))
    server.command("enrol-requests", str(request))
    capsys.readouterr()
    enrol = ["enrol", "--config", str(settings), "--response", str(response_to(request))]

    assert main(enrol) == 0
    told = capsys.readouterr().out

    address = IdentityStore(tmp_path / "h" / "identity").host().metering_address
    chinese, _, english = told.partition("Enrolled as ")
    assert said in chinese
    assert relay != "10.0.0.9:7443" or "through the relay 10.0.0.9:7443" in english
    assert (address in told) == (not relay)


def test_a_request_without_a_token_waits_for_an_officer(
    server: KashiServer, root: Path, tmp_path: Path
) -> None:
    """Whoever may run the command lets in nobody by that alone, and a wrong password neither."""
    request = asked(tmp_path, "a", "--server-root", str(root))
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed it", encoding="utf-8")

    said = server.command("enrol-requests", str(request), expect=1)
    words = approve(server, tmp_path, [request], request)
    server.command(*words[:-1], str(wrong), expect=3)

    assert "comes without a token" in said
    assert not response_to(request).exists()


def test_a_request_holds_no_token_and_no_private_key(server: KashiServer, tmp_path: Path) -> None:
    """Whoever finds the file can enrol nothing with it; the token works once."""
    token = server.token(PARTY)
    request = asked(tmp_path, "a", "--token", token)
    other = asked(tmp_path, "b", "--token", token)
    content = request.read_bytes()
    store = store_of(tmp_path, "a")

    server.command("enrol-requests", str(request))
    taken(tmp_path, "a", response_to(request))
    said = server.command("enrol-requests", str(other), expect=1)

    assert token.split(".")[1].encode() not in content
    for path in (store.folder / "report.key", store.tls_path):
        key = path.read_bytes().split(b"-----")[2].replace(b"\n", b"")
        assert key[:40] not in content.replace(b"\n", b"")
    assert b"PRIVATE" not in content
    assert "used by another host" in said
    alarms = json.loads(server.command("hosts", "alarms", "--json"))
    assert "token-reused" in {alarm["kind"] for alarm in alarms}


def test_an_answer_that_was_lost_is_given_again(server: KashiServer, tmp_path: Path) -> None:
    """The same request gets the same identity, and a new request of the same keys too."""
    token = server.token(PARTY)
    request = asked(tmp_path, "a", "--token", token)
    server.command("enrol-requests", str(request))
    first = response_to(request).read_bytes()
    response_to(request).unlink()
    server.command("enrol-requests", str(request))
    again = CarryFile(response_to(request), carry_pb2.CARRY_KIND_RESPONSES)
    taken(tmp_path, "a", response_to(request))

    (_, record) = next(again.records())
    told = enrolment_pb2.EnrolResponse.FromString(record.identity.payload)
    assert told.host_id == store_of(tmp_path, "a").host().host_id
    assert told.host_id.encode() in first


def altered(request: Path, change: str) -> None:
    """Write a request anew, as somebody on its way could."""
    file = CarryFile(request, REQUESTS)
    ((_, record),) = file.records()
    if change == "request":
        inner = enrolment_pb2.EnrolRequest.FromString(record.enrolment.request)
        inner.relay_names.append("evil.example")
        record.enrolment.request = inner.SerializeToString()
    elif change == "proof":
        record.enrolment.token_proof = bytes(32)
    elif change == "token":
        inner = enrolment_pb2.EnrolRequest.FromString(record.enrolment.request)
        inner.token = "a-secret"
        record.enrolment.request = inner.SerializeToString()
    else:
        record.enrolment.request = b"\xff\xff"
    write_carry_file(request, file.opening, [record])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("request", "token_proof"),
        ("proof", "token_proof"),
        ("token", "carries a token"),
        ("rubbish", "is no EnrolRequest"),
    ],
)
def test_a_request_altered_on_its_way_is_refused(
    server: KashiServer, tmp_path: Path, change: str, said: str
) -> None:
    """One sentence names file and field; the token is not used up."""
    request = asked(tmp_path, "a", "--token", server.token(PARTY))
    sound = request.read_bytes()
    altered(request, change)

    refusal = server.command("enrol-requests", str(request), expect=1)
    request.write_bytes(sound)
    server.command("enrol-requests", str(request))

    assert f"{request}: 未受理 refused: " in refusal
    assert said in refusal


def test_an_answer_of_another_server_or_for_another_host_is_refused(
    server: KashiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what the server of the token signed for this host's key is kept."""
    for name in ("a", "b"):
        request = asked(tmp_path, name, "--token", server.token(PARTY))
        server.command("enrol-requests", str(request))
    response = response_to(tmp_path / "a.request")
    file = CarryFile(response, carry_pb2.CARRY_KIND_RESPONSES)
    ((_, record),) = file.records()
    record.identity.signature.value = b"\x30\x00"
    forged = tmp_path / "forged"
    write_carry_file(forged, file.opening, [record])

    taken(tmp_path, "a", forged, expect=5)
    assert "identity.signature" in capsys.readouterr().err
    taken(tmp_path, "a", response_to(tmp_path / "b.request"), expect=5)
    assert "another key" in capsys.readouterr().err
    assert not store_of(tmp_path, "a").enrolled
    taken(tmp_path, "a", response)
    assert store_of(tmp_path, "a").enrolled


def test_a_certificate_is_renewed_by_file_and_lives_a_month(
    server: KashiServer, tmp_path: Path
) -> None:
    """The next certificate for a new key, under the same root; an old request brought again changes
    nothing."""
    request = asked(tmp_path, "a", "--token", server.token(PARTY))
    server.command("enrol-requests", str(request))
    taken(tmp_path, "a", response_to(request))
    store = store_of(tmp_path, "a")
    first = store.tls()

    renewal = asked(tmp_path, "a")
    old = renewal.read_bytes()
    server.command("enrol-requests", str(renewal))
    taken(tmp_path, "a", response_to(renewal))
    second = store.tls()
    use(server, store)
    renewal.write_bytes(old)
    again = server.command("enrol-requests", str(renewal))
    for _ in range(2):
        server.command("enrol-requests", str(asked(tmp_path, "a")))
        taken(tmp_path, "a", response_to(renewal))
        use(server, store)
    renewal.write_bytes(old)
    refused = server.command("enrol-requests", str(renewal), expect=1)

    assert second.key_pem != first.key_pem
    assert second.hosts_root == first.hosts_root
    assert second.not_after - second.not_before > timedelta(days=34)
    assert "the answer to carry back" in again
    assert "answered before" in refused


def use(server: KashiServer, store: IdentityStore) -> None:
    """A first call with the newest certificate, as far as the server's books go."""
    from cryptography import x509

    leaf = x509.load_pem_x509_certificate(store.tls().chain_pem)
    with opened(server.directory) as inside:
        inside.standings.of(store.host().host_id, f"{leaf.serial_number:040x}")


def test_what_is_asked_wrongly_is_told(
    server: KashiServer, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake is one sentence with its exit code."""
    nothing = ["enrol", "--state", str(tmp_path / "s")]
    token = ["--token", server.token(PARTY)]
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"no carry file")
    cases: list[tuple[list[str], int, str]] = [
        ([*nothing, *token], 1, "Say which way"),
        ([*nothing, "--server", "localhost:1"], 1, "Give the token"),
        ([*nothing, "--server", "localhost:1", "--server-root", str(root)], 1, "goes with"),
        ([*nothing, "--response", str(rubbish)], 9, "is no carry file"),
        ([*nothing, "--response", str(tmp_path / "none")], 9, "cannot be read"),
        ([*nothing, "--request", str(tmp_path / "r"), "--server-root", str(rubbish)], 9, "PEM"),
    ]
    for arguments, code, said in cases:
        assert main(arguments) == code
        assert said in capsys.readouterr().err
    assert "is no carry file" in server.command("enrol-requests", str(rubbish), expect=3)
    assert "line 1" in server.command(
        "enrol-requests", str(asked(tmp_path, "x", *token)), "--approve", str(rubbish), expect=3
    )

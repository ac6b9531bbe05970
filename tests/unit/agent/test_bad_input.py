"""Bad input: one sentence that names file and field, a documented exit code, never a traceback."""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from kashi.carry import write_carry_file
from kashi.v1 import carry_pb2, enrolment_pb2
from kashi_agent.cli import main
from kashi_agent.identity import Host, IdentityStore
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.spool.frame import Frame, encode_frame
from sample_status import a_status

HOST_ID = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0001"
SECONDS = 30


@pytest.mark.parametrize("name", ["report.key", "holder.salt"])
def test_the_doctor_finds_a_lost_identity(
    state: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """And says which file, what to do, and makes none."""
    (state / "identity" / name).unlink()

    assert main(["doctor", "--json", "--state", str(state)]) == 1
    found = {one["code"]: one for one in json.loads(capsys.readouterr().out)}

    assert name in found["identity_damaged"]["found_en"]
    assert not (state / "identity" / name).exists()


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on standard error, which must be one line of ours."""
    said = capsys.readouterr().err
    assert said.startswith("kashi-agent: "), said
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    return said


def root() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """A root certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kashi DEMO root")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate.public_bytes(Encoding.DER)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """An enrolled host's state folder with an empty spool."""
    key, der = root()
    store = IdentityStore(tmp_path / "state" / "identity")
    store.report_key()
    store.holder_salt()
    store.save_host(
        Host(
            host_id=HOST_ID,
            operator_party_id="91440300000000000X",
            enrolment_address="localhost:1",
            metering_address="localhost:1",
            enrolled_utc_ms=1_793_000_000_000,
            demo=True,
            server_root=der,
            receipt_chain=(der,),
        )
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    store.tls_path.write_bytes(private + shown)
    spool = Spool(RealDisk(tmp_path / "state" / "spool"), HOST_ID)
    spool.open()
    spool.close()
    return tmp_path / "state"


# Settings.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe[agent]", "UTF-8"),
        (b"[agent", "end of document"),
        (b"[agent]\nflush_seconds = 1\n", "line 2: flush_seconds"),
        (b"[agent]\nflush_seconds = 2.5\n", "line 2: flush_seconds"),
        (b"[agent]\nholder_names = 7\n", "line 2: holder_names"),
        (b'[agent]\nevidence = "all"\n', "line 2: evidence"),
        (b'[agent]\nmetrics_listen = "0.0.0.0:1"\n', "line 2: metrics_listen"),
        (b"[agent]\n[agent]\n", "line 2"),
        (b"[[agent]]\n", "agent must be a table"),
        (b"nothing = 1\n", "line 1: nothing"),
        (b"\0", "line 1"),
        (b"[agent]\nflush_seconds = " + b"9" * 5_000, "digits"),
        (b"[agent]\nx = " + b"[" * 3_000 + b"]" * 3_000, "too deeply"),
        (b"[" * 200_000, "agent.toml"),
        ('[agent]\nmetrics_listen = "127.0.0.1:²"\n'.encode(), "line 2: metrics_listen"),
        ('[agent]\nrelay = "h:٣"\n'.encode(), "line 2: relay"),
        (b'[agent]\nrelay = "h:' + b"1" * 5_000 + b'"\n', "line 2: relay"),
        (b'[agent]\nstate_folder = "/tmp/a\\u0000b"\n', "line 2: state_folder"),
        (b"[agent]\nreported_devices = [[1]]\n", "line 2: reported_devices"),
    ],
)
def test_settings_are_refused_with_file_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    """Exit code 3, for whatever command."""
    path = tmp_path / "agent.toml"
    path.write_bytes(content)

    for command in ("run", "status", "top", "show", "doctor", "verify"):
        assert main([command, "--config", str(path)]) == 3
        said = one_sentence(capsys)
        assert str(path) in said
        assert words in said


def test_a_settings_file_that_is_a_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file."""
    assert main(["status", "--config", str(tmp_path)]) == 3
    assert str(tmp_path) in one_sentence(capsys)


# Tokens.


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kashi1",
        "kashi1..x",
        "kashi2.secret.AAAA",
        "kashi1.secret.****",
        "kashi1.secret.AAAA",
        "kashi1.secret." + base64.urlsafe_b64encode(b"no certificate").decode(),
        "kashi1.a.b.c",
        "\0",
    ],
)
def test_a_token_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Exit code 1; it says where a whole one comes from, and nothing was made or sent."""
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    arguments = ["enrol", "--state", str(tmp_path / "s"), "--server", "localhost:1", "--yes"]

    assert main([*arguments, "--token-file", str(path)]) == 1
    said = one_sentence(capsys)
    assert "token" in said
    assert "portal" in said
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd", None])
def test_a_token_file_that_is_no_text_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    """Bytes, or nothing at all."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    arguments = ["enrol", "--state", str(tmp_path / "s"), "--server", "localhost:1", "--yes"]

    assert main([*arguments, "--token-file", str(path)]) == 1
    assert str(path) in one_sentence(capsys)


# Identity: keys, certificates, what the server told.


def _text(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    fields = json.loads(path.read_text(encoding="utf-8"))
    change(fields)
    path.write_text(json.dumps(fields), encoding="utf-8")


FIELDS = (
    "format",
    "host_id",
    "operator_party_id",
    "enrolment_address",
    "metering_address",
    "enrolled_utc_ms",
    "demo",
    "server_root",
    "receipt_chain",
)
POSSIBLE = {("host_id", "%%%"), ("operator_party_id", "%%%"), ("enrolled_utc_ms", 7)}
"""What a field may well say; only the server can tell that it is not so."""
VALUES: tuple[Any, ...] = ("missing", None, 7, "\0", [], {}, "%%%")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (field, value)
        for field in FIELDS
        for value in VALUES
        if not isinstance(value, str | int) or (field, value) not in POSSIBLE
    ],
)
def test_what_the_server_told_is_read_strictly(
    state: Path, capsys: pytest.CaptureFixture[str], field: str, value: object
) -> None:
    """Each field missing or of another type: exit code 1 with the file and the field."""
    path = state / "identity" / "host.json"

    def change(fields: dict[str, Any]) -> object:
        return fields.pop(field) if value == "missing" else fields.update({field: value})

    _text(path, change)

    assert main(["verify", "--state", str(state)]) == 1
    said = one_sentence(capsys)
    assert str(path) in said
    assert field in said


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"7", b'{"format": 1}'])
def test_a_damaged_identity_is_named(
    state: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """Not JSON, or another document."""
    (state / "identity" / "host.json").write_bytes(content)

    assert main(["verify", "--state", str(state)]) == 1
    assert "host.json" in one_sentence(capsys)


def _rsa() -> bytes:
    key = rsa.generate_private_key(65_537, 2_048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\xff" * 99, _rsa()])
def test_a_damaged_report_key_is_named(
    state: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """Cut, no key, or another kind of key; it is never made anew by itself."""
    path = state / "identity" / "report.key"
    path.write_bytes(content)

    assert main(["verify", "--state", str(state)]) == 1
    assert str(path) in one_sentence(capsys)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 1_000])
def test_a_damaged_holder_salt_is_named(
    state: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """Another salt would make other holders of the same people: it is refused, not replaced."""
    path = state / "identity" / "holder.salt"
    path.write_bytes(content)
    settings = state / "agent.toml"
    settings.write_text(f'[agent]\nmeter_socket = "{state}/m.sock"\nstate_folder = "{state}"\n')

    assert main(["run", "--config", str(settings)]) == 1
    assert str(path) in one_sentence(capsys)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"\xff" * 10])
def test_a_damaged_certificate_is_a_finding(
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
) -> None:
    """The doctor names the file; the running agent gets another by its report key."""
    path = state / "identity" / "tls.pem"
    path.write_bytes(content)
    monkeypatch.setattr("kashi_agent.commands.doctor.LOOK_SECONDS", 0.1)

    main(["doctor", "--state", str(state), "--json"])
    findings = {one["code"]: one for one in json.loads(capsys.readouterr().out)}
    assert str(path) in findings["certificate_missing"]["found_en"]


# Spool segments.


@pytest.mark.parametrize("content", [b"", b"\0" * 4_096, b"\xff" * 4_096, b"KASHI" * 100])
@pytest.mark.parametrize("name", ["sealed-00000001.seg", "journal-00000001.seg", "cursor"])
def test_a_foreign_spool_segment_is_told_and_never_a_traceback(
    state: Path, capsys: pytest.CaptureFixture[str], content: bytes, name: str
) -> None:
    """`verify` and `show` look at what can be read: 0 where nothing is lost (the segments tell what
    a cursor told), else 1 with a sentence that names the file and what is wrong."""
    path = state / "spool" / name
    path.write_bytes(content)
    damaged = bool(content) and path.suffix == ".seg"

    assert main(["verify", "--state", str(state)]) == int(damaged)
    checked = capsys.readouterr()
    assert "核对" in checked.out
    assert (f"{path}: {len(content)} bytes are unreadable" in checked.out) == damaged
    assert checked.err == ""
    assert main(["show", "--state", str(state)]) == 0
    assert capsys.readouterr().err == ""


def spool_of(state: Path, log: str, kind: int, payload: bytes) -> None:
    """A log of this host with one frame of a good checksum, in a file that another follows: at the
    end of the newest it would be what a kill leaves of a write."""
    label = hashlib.sha256(f"kashi/spool\n{HOST_ID}".encode()).digest()[:16] + log.encode()
    frames = [Frame(kind=1, number=0, payload=label), Frame(kind=kind, number=1, payload=payload)]
    path = state / "spool" / f"{log}-00000001.seg"
    path.write_bytes(b"".join(map(encode_frame, frames)))
    head = encode_frame(Frame(kind=1, number=1, payload=label))
    path.with_name(f"{log}-00000002.seg").write_bytes(head)


@pytest.mark.parametrize("payload", [b"", b"abc", b"\xff" * 400], ids=["none", "short", "wrong"])
@pytest.mark.parametrize(
    ("log", "kind"), [("journal", 2), ("journal", 3), ("sealed", 2), ("sealed", 3), ("sealed", 4)]
)
def test_a_frame_with_a_good_checksum_and_a_wrong_content_is_damage(
    state: Path, capsys: pytest.CaptureFixture[str], log: str, kind: int, payload: bytes
) -> None:
    """Whoever wrote it: one too short for what it says to be is damage of the file that is named;
    what only its reader can tell stops no command, and what is exported goes on."""
    spool_of(state, log, kind, payload)
    damaged = (log, kind) == ("sealed", 2) or (len(payload) < 4 and kind != 4)

    assert main(["verify", "--state", str(state)]) in ((1,) if damaged else (0, 1))
    assert (f"{state}/spool/{log}-00000001.seg: " in capsys.readouterr().out) == damaged
    assert main(["show", "--state", str(state)]) == 0
    assert capsys.readouterr().err == ""
    assert main(["export", "--state", str(state), str(state / "out")]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "changes",
    [{"written_utc_ms": "abc"}, {"devices": None}, {"samples": 10**30}, {"verdicts": [1]}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_damaged_status_is_named(
    state: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object]
) -> None:
    """A text for a number is found where it stands, not where it is used."""
    path = state / "status.json"
    a_status().write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    assert main(["status", "--state", str(state)]) == 1
    said = one_sentence(capsys)
    assert str(path) in said
    assert next(iter(changes)) in said


def test_a_status_of_a_very_wrong_clock_is_shown(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An instant past the calendar is shown as the number that it is."""
    a_status(started_utc_ms=10**17).write(state / "status.json")

    main(["status", "--state", str(state)])

    assert f"{10**17} ms" in capsys.readouterr().out


def test_a_token_with_a_byte_that_is_no_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a terminal of another character set hands it over."""
    _, der = root()
    token = f"kashi1.se\udcffcret.{base64.urlsafe_b64encode(der).decode()}"
    arguments = ["enrol", "--state", str(tmp_path), "--server", "localhost:1", "--yes"]

    assert main([*arguments, "--token", token]) == 1
    assert "token" in one_sentence(capsys)


@pytest.mark.parametrize(
    "content",
    ["7", "[]", "[" * 100_000, "{}", json.dumps({"server_root": base64.b64encode(b"no").decode()})],
    ids=["number", "list", "nested", "empty", "no certificate"],
)
def test_a_damaged_request_is_named(
    state: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """The answer of the server is left where it is, and the host may ask anew."""
    (state / "identity" / "host.json").unlink()
    pending = state / "identity" / "request.json"
    pending.write_text(content)
    answer = state / "answer"
    opening = carry_pb2.CarryOpening(kind=carry_pb2.CARRY_KIND_RESPONSES, made_by="server")
    identity = enrolment_pb2.SignedEnrolment(payload=b"")
    write_carry_file(answer, opening, [carry_pb2.CarryRecord(identity=identity)])

    assert main(["enrol", "--state", str(state), "--response", str(answer)]) == 9
    assert f"{pending}: server_root" in one_sentence(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--state", "{state}"],
        ["enrol", "--state", "{state}", "--request", "{state}/out"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_another_users_state_is_not_written(
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    """Files of root in the agent's state would keep the agent out of it: it is told whose it is and
    nothing is written, in a spool that is new as well."""
    for path in (state / "spool").iterdir():
        path.unlink()
    before = sorted(state.rglob("*"))
    monkeypatch.setattr("os.geteuid", lambda: state.stat().st_uid + 1)

    assert main([argument.format(state=state) for argument in arguments]) in (1, 7)
    assert "run it as that user: sudo -u " in one_sentence(capsys)
    assert sorted(state.rglob("*")) == before


def test_a_spool_that_is_a_file_is_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder's place is taken by something else."""
    for path in (state / "spool").iterdir():
        path.unlink()
    (state / "spool").rmdir()
    (state / "spool").write_text("no folder")

    assert main(["verify", "--state", str(state)]) in (1, 7)
    assert "spool" in one_sentence(capsys)


# Scenario files.

CARD = {"vendor": "NVIDIA", "hardware_id": "GPU-1", "model": "H100"}
HEAD = {
    "format": "kashi/v1/trace",
    "origin": "generated",
    "note": "test",
    "cadence_ms": 1_000,
    "start_utc_ms": 1_790_784_000_000,
    "span_ms": 60_000,
    "devices": [CARD],
}
SPAN = {"device": 0, "start_ms": 0, "end_ms": 1_000, "utilisation_ppm": 1}


def _lines(*lines: object) -> bytes:
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "first line must be the head"),
        (b"\xff\xfe", "UTF-8"),
        (b"{", "Line 1"),
        (b"[" * 100_000, "Line 1"),
        (_lines([]), "Line 1"),
        (_lines({**HEAD, "format": "other"}), "Line 1: format"),
        (_lines({k: v for k, v in HEAD.items() if k != "span_ms"}), "Line 1: field 'span_ms'"),
        (_lines({**HEAD, "cadence_ms": "1"}), "Line 1: cadence_ms"),
        (_lines({**HEAD, "devices": 7}), "Line 1: devices"),
        (_lines({**HEAD, "devices": [7]}), "Line 1: devices"),
        (_lines({**HEAD, "devices": [{"vendor": "NVIDIA", "hardware_id": 7}]}), "hardware_id"),
        (_lines({**HEAD, "devices": [{**CARD, "share": "1/7"}]}), "share"),
        (_lines(HEAD, {**SPAN, "device": 1}), "Line 2: device 1"),
        (_lines(HEAD, {**SPAN, "utilisation_ppm": 1.5}), "Line 2: utilisation_ppm"),
        (_lines(HEAD, {**SPAN, "utilisation_ppm": 2_000_000}), "Line 2: utilisation"),
        (_lines({**HEAD, "cadence_ms": 10**15}), "Line 1: cadence_ms"),
        (_lines({**HEAD, "cadence_ms": 0}), "Line 1: cadence_ms"),
        (_lines({**HEAD, "span_ms": 10**15}), "Line 1: span_ms"),
        (_lines({**HEAD, "start_utc_ms": 10**18}), "Line 1: start_utc_ms"),
        (_lines({**HEAD, "devices": [{**CARD, "share": [1, 10**12]}]}), "Line 1: share"),
        (_lines({**HEAD, "devices": [{**CARD, "memory_bytes": 10**30}]}), "Line 1: memory_bytes"),
        (_lines(HEAD, {**SPAN, "power_mw": 10**40}), "Line 2: power_mw"),
        (_lines(HEAD, {**SPAN, "energy_counter_mj": 10**40}), "Line 2: energy_counter_mj"),
        (_lines(HEAD, {**SPAN, "memory_used_bytes": -1}), "Line 2: memory_used_bytes"),
        (_lines(HEAD).replace(b"60000", b"6" * 5_000), "Line 1"),
        (_lines(HEAD, {**SPAN, "colour": "red"}), "Line 2: field 'colour'"),
        (_lines(HEAD, {**SPAN, "holders": [["USER"]]}), "Line 2: holders"),
        (_lines(HEAD, {**SPAN, "holders": 7}), "Line 2: holders"),
        (_lines(HEAD, {**SPAN, "gap": 7}), "Line 2: gap"),
        (_lines(HEAD, SPAN, SPAN), "Line 3"),
        (_lines({**HEAD, "start_utc_ms": -(10**30)}), "Line 1: start_utc_ms"),
        (_lines({**HEAD, "span_ms": 10**30}), "Line 1: span_ms"),
        (_lines({**HEAD, "devices": [{**HEAD["devices"][0], "memory_bytes": -5}]}), "memory_bytes"),  # type: ignore[index]  # a list above
        (_lines({**HEAD, "devices": [{**HEAD["devices"][0], "share": [1, 10**40]}]}), "share"),  # type: ignore[index]  # a list above
        (_lines(HEAD, {**SPAN, "energy_counter_mj": 1 << 63}), "Line 2: energy_counter_mj"),
        (None, "cannot be read"),
    ],
)
def test_a_scenario_file_is_refused_with_line_and_field(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    """The meter does not begin: exit code 9, wherever in the file the mistake stands."""
    path = tmp_path / "trace.jsonl"
    if content is not None:
        path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "kashi_agent.meterd", "--meter", "replay", "--trace", str(path)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 9, done.stderr
    assert done.stderr.startswith("kashi-meter: ")
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert words in done.stderr

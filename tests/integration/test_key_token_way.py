"""A host whose report key is on a key token, the whole way: commands, the server, a token that goes
and comes back, certificates by it, files."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from agent_process import AgentProcess
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from driven_host import DEVICES, METER, SEEN
from expired_certificate import expire
from fixtures_identity import PARTY
from fixtures_server import KashiServer
from kashi.carry import CarryFile
from kashi.v1 import carry_pb2, enrolment_pb2
from kashi_agent.agent import KEY_TOKEN_FACT
from kashi_agent.carrier import Carrier
from kashi_agent.cli import main
from kashi_agent.clock import Clock
from kashi_agent.config import AgentConfig, load_config
from kashi_agent.enrolment import recover
from kashi_agent.errors import KeyTokenError
from kashi_agent.identity import IdentityStore
from kashi_agent.report_key import REFUSED_PIN
from kashi_agent.sample import Sample, SampleBatch
from kashi_agent.shipping_wire import GrpcWire, renewal_request
from kashi_agent.token_files import RefusedPin, read_pin
from kashi_agent.wiring import member, real_agent, real_carrier
from key_tokens import KeyTokens, key_tokens, token_key
from soft_token import LABEL

from deploy.demo.manual_clock import ManualClock

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyTokens]:
    """A token in software."""
    with key_tokens(tmp_path_factory.mktemp("tokens")) as drawer:
        yield drawer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KashiServer]:
    """One demonstration server for all tests here."""
    made = KashiServer(tmp_path_factory.mktemp("way") / "server")
    made.init("--demo")
    made.start()
    yield made
    if made.process is not None:
        made.kill()


@dataclass(frozen=True, slots=True)
class TokenHost:
    """One host's folder and settings."""

    folder: Path
    settings: Path

    @property
    def config(self) -> AgentConfig:
        """As its commands read them."""
        return load_config(self.settings, required=True)

    @property
    def store(self) -> IdentityStore:
        """Its identity."""
        return IdentityStore(self.config.identity_folder, self.config.key_token)

    def run(self, command: str, *words: str) -> int:
        """One of its commands; the exit code."""
        return main([command, "--config", str(self.settings), *words])


def host(tokens: KeyTokens, folder: Path, label: str) -> TokenHost:
    """A host that is to have its key under this label."""
    (folder / "agent.toml").write_text(
        f'[agent]\nstate_folder = "{folder}/state"\nmeter_socket = "{folder}/meter.sock"\n'
        + table(tokens, label),
        encoding="utf-8",
    )
    return TokenHost(folder, folder / "agent.toml")


def table(tokens: KeyTokens, label: str) -> str:
    """The settings of the token."""
    pin = tokens.pin(label)
    return (
        f'[report_key]\nmodule = "{tokens.module}"\ntoken = "{LABEL}"\nlabel = "{label}"\n'
        f'pin_file = "{pin}"\n'
    )


def enrol(server: KashiServer, one: TokenHost) -> None:
    """By the command, as a sysadmin does."""
    path = one.folder / "token"
    path.write_text(server.token(PARTY), encoding="utf-8")
    address = server.address("enrolment")
    assert one.run("enrol", "--server", address, "--token-file", str(path), "--yes") == 0


def measure(one: TokenHost, clock: ManualClock, minutes: int) -> None:
    """Some minutes of two devices into the spool; nothing is sent."""
    agent = real_agent(one.config, member(one.config), clock)
    for _ in range(minutes * 15):
        clock.advance(4_000)
        samples = tuple(Sample(device=device, seen=SEEN) for device in DEVICES)
        agent.metering.observe(
            SampleBatch(boottime_ms=clock.boottime, meter=METER, samples=samples)
        )
        agent.record()
    agent.close()


def past() -> ManualClock:
    """A clock some minutes ago."""
    return ManualClock(boottime=HOUR_MS, monotonic=HOUR_MS, utc=now_utc_ms() - 900_000)


def now_utc_ms() -> int:
    """The machine's wall clock."""
    return time.time_ns() // 1_000_000


def ship(one: TokenHost, clock: Clock) -> None:
    """What there is, to the server."""
    known = member(one.config)
    agent = real_agent(one.config, known, clock)
    way = real_carrier(known, clock)
    try:
        agent.ship(way)
    finally:
        way.close()
        agent.close()


def findings(one: TokenHost, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    """What the doctor says, by code."""
    capsys.readouterr()
    one.run("doctor", "--json")
    return {found["code"]: found for found in json.loads(capsys.readouterr().out)}


def test_a_host_is_enrolled_and_reports_by_its_token(
    server: KashiServer, tokens: KeyTokens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The notice names the token, the server takes what it signed, the doctor finds it sound, and
    no file of the host holds the key."""
    one = host(tokens, tmp_path, "whole-way")
    enrol(server, one)
    said = capsys.readouterr().out
    assert "密钥令牌      SoftHSM project SoftHSM v2 " in said
    assert "the report key is in a key token and never leaves it" in said

    clock = past()
    measure(one, clock, 12)
    ship(one, clock)

    assert one.run("verify", "--json") == 0
    audit = json.loads(capsys.readouterr().out)
    assert audit["reports"] == audit["receipts"] >= 1
    assert audit["findings"] == []
    assert findings(one, capsys)["key_token_ok"]["level"] == "ok"
    public = one.store.report_key().public_key()
    folder = one.config.identity_folder
    assert sorted(path.name for path in folder.iterdir()) == [
        *("holder.salt", "host.json", "report-key.json", "tls.pem")
    ]
    pem = (folder / "tls.pem").read_bytes()
    assert load_pem_private_key(pem[: pem.find(b"-----BEGIN CERT")], None).public_key() != public


def test_without_its_token_a_host_looks_at_what_it_has_and_signs_nothing(
    server: KashiServer, tokens: KeyTokens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify` needs no token; `enrol` says so before it asks; `show` and the doctor say why."""
    one = host(tokens, tmp_path, "without")
    enrol(server, one)
    measure(one, past(), 6)
    other = tmp_path / "other"
    other.mkdir()
    new = host(tokens, other, "new")
    request = ("--request", str(other / "r"), "--token", server.token(PARTY), "--yes")
    with tokens.pulled_out():
        capsys.readouterr()
        assert one.run("verify") == 0
        assert one.run("show") == KeyTokenError.exit_code == 11
        assert "see to the token" in capsys.readouterr().err
        found = findings(one, capsys)
        assert new.run("enrol", *request) == KeyTokenError.exit_code
        assert capsys.readouterr().out == ""

    assert found["key_token_unusable"]["level"] == "failure"
    assert "Key token 'kashi-test' failed" in found["key_token_unusable"]["found_en"]
    assert "key_token_ok" not in found
    assert not (other / "state").exists()
    assert one.run("show") == 0


def test_before_an_enrolment_the_doctor_looks_at_the_token_that_is_to_hold_the_key(
    tokens: KeyTokens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There; away; its PIN open to all, and refused before. It says what to do, tries no PIN, makes
    no key and changes nothing."""
    new = host(tokens, tmp_path, "to-come")
    assert new.config.key_token is not None
    pin = new.config.key_token.pin_file
    there = findings(new, capsys)
    with tokens.pulled_out():
        away = findings(new, capsys)["key_token_not_ready"]
    pin.chmod(0o644)
    open_to_all = findings(new, capsys)["key_token_not_ready"]
    pin.chmod(0o600)

    assert not (tmp_path / "state").exists()
    assert there["key_token_ready"]["level"] == "ok"
    assert "SoftHSM v2" in there["key_token_ready"]["found_zh"]
    assert list(there).index("key_token_ready") < list(there).index("not_enrolled")
    for wrong, zh, en in (
        (away, "请检查令牌", "see to the token"),
        (open_to_all, f"chmod 0640 {pin}", f"chmod 0640 {pin}"),
    ):
        assert wrong["level"] == "failure"
        assert (zh in wrong["found_zh"], en in wrong["found_en"]) == (True, True)
        assert "退出码 11" in wrong["step_zh"]
    cause = away["found_en"].partition("failed (")[2].partition(")")[0]
    assert cause
    assert cause in away["found_zh"]

    RefusedPin(new.config.identity_folder / REFUSED_PIN).note(read_pin(new.config.key_token))
    assert "refused the PIN in" in findings(new, capsys)["key_token_not_ready"]["found_en"]


def test_a_running_agent_measures_on_without_its_token(
    server: KashiServer, tokens: KeyTokens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Started while the token is away it writes what it measures, says that it cannot sign, and is
    not killed; when the token is back it signs and delivers all of it, without a restart."""
    one = host(tokens, tmp_path, "running")
    enrol(server, one)
    measure(one, past(), 12)
    running = AgentProcess(
        folder=tmp_path, socket_path=tmp_path / "meter.sock", more=table(tokens, "running")
    )
    tokens.pull_out()
    try:
        running.start()
        before = running.until(lambda status: status.unsigned != "")
        assert "Key token 'kashi-test' failed" in before.trouble
        after = running.until(lambda one: one.durable_flushes > before.durable_flushes + 1)
        found = findings(one, capsys)
        assert one.run("export", str(tmp_path / "stick")) == 0
        exported = capsys.readouterr().out
    finally:
        tokens.put_back()
    assert "could not seal it: Key token 'kashi-test' failed" in exported
    assert "未能封存：密钥令牌“kashi-test”出错" in exported
    assert "the server" not in exported.rpartition("not in the file")[2]
    assert after.delivered_reports == 0
    assert {found[code]["level"] for code in ("reports_unsigned", "key_token_unusable")} == {
        "failure"
    }
    assert one.run("status", "--json") == 1
    signed = running.until(lambda status: status.delivered_reports > 0)
    running.until(lambda status: status.durable_flushes > signed.durable_flushes + 1)
    running.stop()

    assert (signed.unsigned, signed.unacknowledged_reports) == ("", 0)
    capsys.readouterr()
    assert one.run("show", "--sent", "5", "--json") == 0
    told = [
        event["detail"]
        for report in json.loads(capsys.readouterr().out)
        for event in report["header"]["events"]
        if event["detail"].startswith(KEY_TOKEN_FACT)
    ]
    assert told == [f"{KEY_TOKEN_FACT}?not_ready", f"{KEY_TOKEN_FACT}=ready"]
    assert one.run("verify") == 0


def test_certificates_come_by_the_token(
    server: KashiServer, tokens: KeyTokens, tmp_path: Path
) -> None:
    """Renewed, and recovered after an outage; not without it, and then nothing is given away."""
    one = host(tokens, tmp_path, "certificates")
    enrol(server, one)
    store = one.store
    first = store.tls().chain_pem
    way = carrier(store, ahead_ms=10 * HOUR_MS)
    way.submit([])
    way.close()
    assert way.renewals == 1
    assert store.tls().chain_pem != first

    expire(store)
    token_key(store).check()
    with tokens.pulled_out():
        barred = carrier(store)
        with pytest.raises(KeyTokenError):
            barred.submit([])
        barred.close()
    way = carrier(store)
    assert way.submit([]).results == ()
    assert way.recoveries == 1
    way.close()


def carrier(store: IdentityStore, *, ahead_ms: int = 0) -> Carrier[GrpcWire]:
    """A carrier whose clock runs ahead of the server's."""
    return Carrier(
        store=store,
        connect=GrpcWire,
        recover=recover,
        utc_ms=lambda: now_utc_ms() + ahead_ms,
        random=Random(1),
    )


def test_enrolment_and_renewal_by_files_are_signed_by_the_token(
    server: KashiServer, tokens: KeyTokens, tmp_path: Path
) -> None:
    """The request says what holds the key; the answer is taken without asking the token again; the
    server takes the next request, which a relay would carry as well."""
    one = host(tokens, tmp_path, "files")
    request = tmp_path / "h.request"
    answer = request.with_name("h.request.response")
    token = server.token(PARTY)
    assert one.run("enrol", "--request", str(request), "--token", token, "--yes") == 0
    (record,) = CarryFile(request, carry_pb2.CARRY_KIND_REQUESTS).records()
    asked = enrolment_pb2.EnrolRequest.FromString(record[1].enrolment.request)
    assert asked.facts.key_token.model == "SoftHSM v2"
    assert asked.facts.key_token.never_extractable
    server.command("enrol-requests", str(request))
    assert one.run("enrol", "--response", str(answer)) == 0
    before = one.store.tls().chain_pem

    assert one.run("enrol", "--request", str(request)) == 0
    server.command("enrol-requests", str(request))
    assert one.run("enrol", "--response", str(answer)) == 0

    assert one.store.tls().chain_pem != before
    known = one.store.host().host_id
    assert renewal_request(known, b"csr", one.store.report_key()).signature.value


def test_settings_that_would_change_the_key_of_a_host_are_refused_by_every_command(
    server: KashiServer, tokens: KeyTokens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 11 and the way on; the doctor has it too."""
    one = host(tokens, tmp_path, "changes")
    with_token = one.settings.read_text(encoding="utf-8")
    one.settings.write_text(with_token.partition("[report_key]")[0], encoding="utf-8")
    enrol(server, one)
    one.settings.write_text(with_token, encoding="utf-8")
    capsys.readouterr()

    for command in ("show", "verify", "run"):
        assert one.run(command) == KeyTokenError.exit_code
        assert "cannot move into a token" in capsys.readouterr().err
    assert "enrol anew with the token" in findings(one, capsys)["key_token_unusable"]["found_en"]
    assert not (one.config.identity_folder / "report-key.json").exists()
    assert os.stat(one.config.identity_folder / "report.key").st_mode & 0o777 == 0o600

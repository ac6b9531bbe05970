"""The clerk's way of the demonstration: the page's own commands on its own sample files."""

import io
import json
import os
import re
import shlex
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from fixtures_ingest import ReportingHost, enrol
from kashi.v1 import report_pb2
from kashi_server.bootstrap import opened
from kashi_server.services.accounts import Role
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from rich.console import Console
from server_commands import Done, run

from deploy.demo.clerk_way import CLERK_WAY, SECOND, STATEMENT, lay_way
from deploy.demo.scene import (
    ASCEND,
    COMPANY_A,
    H100,
    HOSTS,
    MONTH,
    PARTIES,
    PROVIDER,
    agreements_toml,
    parties_toml,
)
from deploy.demo.sheet import print_sign_ins

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "claims.md"
STARTS_MS = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 1000
PASSWORDS = {
    "officer": "correct horse of the first",
    SECOND: "correct horse of the second",
    COMPANY_A.login: "correct horse of the clerk",
}


@dataclass(slots=True)
class _DemoHost(ReportingHost):
    """A host of the demonstration's provider, with cards of one model."""

    model: str = H100[0].model

    def standing(self, state: HostState = HostState.ACTIVE) -> HostStanding:
        """How it stands."""
        standing = ReportingHost.standing(self, state)
        return replace(standing, operator_party_id=PROVIDER.party_id)

    def hours(self, count: int) -> list[bytes]:
        """Reports of an hour each."""

        def name(_header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
            for block in blocks:
                block.device.model = self.model
                block.device.meter = report_pb2.METER_KIND_REPLAY

        return [self.report(60, change=name) for _ in range(count)]


def documented() -> list[list[str]]:
    """The commands of the page's block for the demonstration, as a shell takes them."""
    block = re.search(r"```\n(cd build/demo\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    lines = block[1].replace("\\\n", "").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("kashi-server ")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's folder with its month certified: two hosts reported two hours of it."""
    root = tmp_path_factory.mktemp("demo")
    directory = root / "server"
    secret = root / "officer-password"
    secret.write_text(PASSWORDS["officer"], encoding="utf-8")
    officer = ("--officer", "officer", "--password-file", str(secret))
    _typed("init", "--demo", *officer, "--directory", str(directory))
    hosts = {host.name: str(uuid.uuid5(uuid.NAMESPACE_URL, host.name)) for host in HOSTS}
    _report(directory, hosts)
    files = {"parties.toml": parties_toml(), "agreements.toml": agreements_toml(hosts)}
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
        _typed("import", str(root / name), *officer, "-d", str(directory))
    _typed("close", MONTH, "-d", str(directory))
    _typed("certify", MONTH, "-d", str(directory))
    numbered = ("statements", "--number", STATEMENT, "-d", str(directory))
    lay_way(root, json.loads(_typed(*numbered).stdout), PASSWORDS)
    return root


def _report(directory: Path, hosts: Mapping[str, str]) -> None:
    """Two hours of two hosts, by their ids, and the accounts of those who act."""
    with opened(directory) as server:
        ingestion = Ingestion(server.work, server.keyring.receipt_key, server.clock, demo=True)
        for name, cards in (("gpu-h100-01", H100), ("npu-910b-01", ASCEND)):
            ids = [card.hardware_id for card in cards]
            host = _DemoHost(hosts[name], ids, utc_ms=STARTS_MS, model=cards[0].model)
            enrol(server.work, host)
            (answer,) = ingestion.ingest([Submission(host.standing(), host.hours(2))])
            assert isinstance(answer, Answer)
            assert all(result.judgement.stores for result in answer.results), answer
        server.accounts.create(SECOND, PASSWORDS[SECOND], Role.OFFICER, None)
        server.accounts.create(
            COMPANY_A.login, PASSWORDS[COMPANY_A.login], Role.COMPANY, COMPANY_A.party_id
        )


def _typed(*arguments: str) -> Done:
    done = run(*arguments)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done


def _pasted(commands: Sequence[Sequence[str]], monkeypatch: pytest.MonkeyPatch) -> list[Done]:
    """Run commands of the page; nobody is asked for a password, as a prompt takes what was pasted
    behind it for the answer."""

    def asked(*words: object, **_how: object) -> str:
        raise AssertionError(words)

    monkeypatch.setattr(typer, "prompt", asked)
    return [_typed(*command[1:]) for command in commands]


def test_the_pages_commands_lead_from_the_tax_bureaus_files_to_a_pack(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under ten, exactly as the page has them, on the samples of the demonstration: the claim is
    handed in, nothing of it is an estimate or missing, and the pack holds every paper."""
    monkeypatch.chdir(demo)
    monkeypatch.setenv("KASHI_SERVER_DIRECTORY", "server")
    commands = documented()
    assert 0 < len(commands) < 10

    said = _pasted(commands, monkeypatch)

    with zipfile.ZipFile("pack.zip") as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    manifest = json.loads(files["manifest.json"])
    assert all(sha256(files[one["path"]]).hexdigest() == one["sha256"] for one in manifest["files"])
    claim = json.loads(files["claim.json"])
    assert claim["state"] == "submitted"
    assert claim["computed_fen"] > 0
    assert len(files["tables/invoices.csv"].decode().splitlines()) == 1 + 3, "three lines are parts"
    assert len(files["tables/payments.csv"].decode().splitlines()) == 1 + 2
    assert any(name.startswith("certificates/") for name in files)
    for word in ("估算", "estimate", "缺少", "missing"):
        assert word not in said[-2].stdout, said[-2].stdout


def test_no_command_of_the_page_asks_for_a_password_when_pasted() -> None:
    """The clerk's and the office's block: every login has the file of its own password, in order,
    which is what keeps a prompt from swallowing the commands behind it."""
    text = PAGE.read_text("utf-8").replace("\\\n", "")
    block = text[text.index("cd build/demo\n") : text.index("The form (`--form FILE`")]
    commands = [shlex.split(one) for one in block.splitlines() if one.startswith("kashi-server ")]
    assert len(commands) > len(documented())

    for typed in commands:
        after = list(pairwise(typed))
        named = [name for word, name in after if word in ("--officer", "--second", "--by")]
        files = [name for word, name in after if word == "--password-file"]
        assert files == [f"samples/{name}.password" for name in named], typed


def test_the_demonstration_prints_the_pages_commands() -> None:
    """One list: what `make demo` prints is what the page has, and no line is cut at 80 columns."""
    assert CLERK_WAY in PAGE.read_text("utf-8")
    assert max(len(line.encode("gb18030")) for line in CLERK_WAY.splitlines()) <= 80


def test_sample_passwords_are_their_owners_alone(demo: Path) -> None:
    """The files with passwords are nobody else's to read."""
    found = list((demo / "samples").glob("*.password"))

    assert {file.stem for file in found} == set(PASSWORDS)
    assert {os.stat(file).st_mode & 0o077 for file in found} == {0}


def test_addresses_of_the_demonstration_are_whole_at_80_columns() -> None:
    """A narrow terminal cuts no address and no password."""
    shown = io.StringIO()
    address = "http://127.0.0.1:49152"
    passwords = {party.login: "A1-b2_C3d4E5" for party in PARTIES}

    print_sign_ins(Console(file=shown, width=80), passwords, address)

    lines = shown.getvalue().splitlines()
    assert f"  {address}" in lines
    assert f"  {address}/verify" in lines
    assert sum("A1-b2_C3d4E5" in line for line in lines) == len(passwords)

"""A key in hardware from a host's enrolment to the auditor: the agent's commands and the server's,
files between them, two officers, a closed month, its certificate, and what a liar gets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from agreement_texts import assignment_text, contract_text, price_text, tenure_text, two_parties
from cryptography import x509
from expense_cases import PROVIDER
from fixtures_server import OFFICER, KashiServer
from kashi_agent.carried_enrolment import take_response, write_enrolment_request
from kashi_agent.cli import main
from kashi_agent.config import load_config
from kashi_agent.enrolment import EnrolmentToken, host_facts
from kashi_agent.identity import IdentityStore
from kashi_agent.key_token import KeyToken
from kashi_server.cli import EXIT_REFUSED
from kashi_verify.findings import Level, Verdict
from kashi_verify.verification import Question, verify
from key_tokens import KeyTokens, key_tokens
from relayed_host import WALL, relayed_host
from soft_token import LABEL

OCTOBER = "2026-10-01"
OCTOBER_UTC_MS = 1_791_784_800_000
"""2026-10-12, on a whole hour."""


class Liar(IdentityStore):
    """A host with its key in a file that claims somebody else's token."""

    claimed: KeyToken

    def key_token(self) -> KeyToken:
        """What it says."""
        return self.claimed


@dataclass(frozen=True, slots=True)
class Way:
    """One server, and the drawer with the token."""

    server: KashiServer
    tokens: KeyTokens
    folder: Path

    def settings(self) -> Path:
        """Of the host whose key is in the token."""
        path = self.folder / "hsm" / "agent.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f'[agent]\nstate_folder = "{path.parent}/state"\nrelay = "files"\n[report_key]\n'
            f'module = "{self.tokens.module}"\ntoken = "{LABEL}"\nlabel = "way"\n'
            f'pin_file = "{self.tokens.pin("way")}"\n',
            encoding="utf-8",
        )
        return path

    def enrolled(self) -> IdentityStore:
        """By the agent's commands and a file, as at a site without a network."""
        path, request = self.settings(), self.folder / "hsm.request"
        config = ("--config", str(path))
        asking = ("--token", self.server.token(PROVIDER), "--yes")
        assert main(["enrol", *config, "--request", str(request), *asking]) == 0
        self.server.command("enrol-requests", str(request))
        assert main(["enrol", *config, "--response", f"{request}.response"]) == 0
        known = load_config(path, required=True)
        return IdentityStore(known.identity_folder, known.key_token)

    def liar(self, claimed: KeyToken) -> str:
        """A host with a key in a file that claims this token; its id."""
        store = Liar(self.folder / "liar" / "state" / "identity")
        store.claimed = claimed
        store.folder.mkdir(parents=True)
        request = self.folder / "liar.request"
        token = EnrolmentToken.parse(self.server.token(PROVIDER))
        write_enrolment_request(request, store, host_facts(), known_by=token, utc_ms=WALL.utc_ms())
        self.server.command("enrol-requests", str(request))
        return take_response(Path(f"{request}.response"), store)[0].host_id

    def word(self, host_id: str, officer: str, *, act: str = "confirm-key", expect: int = 0) -> str:
        """One officer's word on a host's key."""
        password = ("--password-file", str(self.server.directory.parent / "password"))
        seen = ("--evidence", str(self.folder / "note.txt")) if act == "confirm-key" else ()
        words = ("hosts", act, host_id, "--officer", officer, "--reason", "见送货单", *seen)
        return self.server.command(*words, *password, expect=expect)

    def shown(self, host_id: str) -> dict[str, object]:
        """What officers see of it."""
        found: dict[str, object] = json.loads(
            self.server.command("hosts", "show", host_id, "--json")
        )
        return found


@pytest.fixture
def way(server_home: KashiServer, tmp_path: Path) -> Iterator[Way]:
    """A server that nobody reaches, with two officers; a token in software."""
    server_home.init("--demo")
    password = str(server_home.directory.parent / "password")
    by = ("--officer", OFFICER, "--officer-password-file", password)
    new = ("account", "create", "wang", "--role", "officer", "--password-file", password)
    server_home.command(*new, *by)
    (tmp_path / "note.txt").write_text("送货单 delivery note", encoding="utf-8")
    (tmp_path / "p11").mkdir()
    with key_tokens(tmp_path / "p11") as drawer:
        yield Way(server_home, drawer, tmp_path)


def test_a_key_in_hardware_from_enrolment_to_the_auditor(way: Way) -> None:
    """Claimed by the token's own word, confirmed by two officers, E3 on every line of the closed
    month, and a certificate that verifies with its bundle; withdrawn after that, the closed month
    stays to the byte. Another host, whose key is in a file, claims the same token: a claim it
    stays, and officers are told that two hosts claim one token, before they confirm and then."""
    server, store = way.server, way.enrolled()
    claimed = store.key_token()
    assert claimed is not None
    host_id = store.host().host_id
    before = way.shown(host_id)
    host = relayed_host(store, seed="hsm", cards=1, utc_ms=OCTOBER_UTC_MS)
    agree(server, way.folder, host_id)
    host.live(30)
    host.ship_by(host.way("files"))
    file = way.folder / "stick.reports"
    assert main(["export", "--config", str(way.settings()), str(file)]) == 0
    server.command("import-reports", str(file))
    liar = way.liar(claimed)
    warned = server.command("hosts", "show", liar), server.command("hosts", "list")
    first, second = way.word(host_id, OFFICER), way.word(host_id, "wang")
    way.word(host_id, " WANG ", expect=EXIT_REFUSED)
    server.command("close", "2026-10")
    closed = server.command("statements", "--number", "KS-2026-10-HT-1")
    out = way.folder / "out"
    server.command("certify", "2026-10", "--out", str(out))
    for officer in (OFFICER, "wang"):
        way.word(host_id, officer, act="withdraw-key")
    host.agent.close()

    assert (before["key_standing"], before["key_token_claimed_by"]) == ("claimed", [])
    assert all(f"is claimed by host {host_id}" in one for one in warned)
    assert f"is claimed by host {liar}" in warned[1]
    assert all(f"is claimed by host {liar}" in one for one in (first, second))
    assert way.shown(liar)["key_standing"] == "claimed"
    assert way.shown(host_id)["key_standing"] == "withdrawn"
    said = json.loads(closed)
    assert {line["evidence_level"] for line in said["lines"]} == {"E3"}
    assert said["totals"]["observed_ms"] == 1_800_000
    assert server.command("statements", "--number", "KS-2026-10-HT-1") == closed
    server.command("replay", "--month", "2026-10")
    server.command("fsck")
    (pdf,) = out.glob("*.pdf")
    found = verify(
        Question(
            pdf=pdf.read_bytes(),
            now=datetime.now(UTC),
            root=x509.load_pem_x509_certificate((out / "documents-root.pem").read_bytes()),
            bundle=pdf.with_suffix(".zip"),
        )
    )
    assert found.level is Level.EVIDENCE
    assert found.verdict is not Verdict.INVALID


def agree(server: KashiServer, folder: Path, host_id: str) -> None:
    """The host's card is leased all October."""
    agreements = folder / "agreements.toml"
    agreements.write_text(
        two_parties()
        + tenure_text(host_id)
        + contract_text(OCTOBER, signed_on="2026-09-01")
        + assignment_text("GPU-hsm-0", OCTOBER, confirmed=True)
        + price_text("60.00", OCTOBER, model="Test H100"),
        encoding="utf-8",
    )
    server.command("import", str(agreements), *server.officer)

"""A key in hardware from a host's enrolment to the auditor: the agent's commands and the server's,
files between them, two officers, a closed month, its certificate, and what a liar gets."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_server import OFFICER, KashiServer
from kashi_server.cli import EXIT_REFUSED
from keyed_way import OCTOBER_UTC_MS, Way, agree, check_certificate, key_way
from relayed_host import relayed_host


@pytest.fixture
def way(server_home: KashiServer, tmp_path: Path) -> Iterator[Way]:
    """A server that nobody reaches, with two officers; a token in software."""
    with key_way(server_home, tmp_path) as made:
        yield made


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
    way.brought(host)
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
    check_certificate(out)

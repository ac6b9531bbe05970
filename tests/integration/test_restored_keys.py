"""A server set back to a backup from before, between and after two officers' words on a key."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_server import OFFICER, PASSWORD, KashiServer
from kashi_server.cli import EXIT_REFUSED
from keyed_way import OCTOBER_UTC_MS, Way, agree, check_certificate, key_way
from relayed_host import RelayedHost, relayed_host

SECOND = "wang"


@pytest.fixture
def way(server_home: KashiServer, tmp_path: Path) -> Iterator[Way]:
    """A server that nobody reaches, with two officers; a token in software."""
    with key_way(server_home, tmp_path) as made:
        yield made


@pytest.fixture
def host(way: Way) -> Iterator[RelayedHost]:
    """A host by its token, its card leased; twenty minutes of it are with the server."""
    store = way.enrolled()
    made = relayed_host(store, seed="hsm", cards=1, utc_ms=OCTOBER_UTC_MS)
    agree(way.server, way.folder, store.host().host_id)
    made.live(20)
    way.brought(made)
    yield made
    made.agent.close()


def backup(way: Way, name: str) -> Path:
    """Everything the server is, now."""
    file = way.folder / f"{name}.tar"
    way.server.command("backup", str(file))
    return file


def restored(way: Way, file: Path) -> Way:
    """Another server, of that backup; nothing that is stored there differs from its log."""
    home = way.folder / file.stem
    home.mkdir()
    (home / "password").write_text(PASSWORD, encoding="utf-8")
    server = KashiServer(home / "server")
    server.command("restore", str(file))
    server.command("fsck")
    return replace(way, server=server)


def closed(way: Way) -> tuple[set[str], int]:
    """October is closed: its lines' levels, and the minutes observed; it replays to the byte."""
    way.server.command("close", "2026-10")
    return levels(way)


def levels(way: Way) -> tuple[set[str], int]:
    """Of the statement as it stands; all of it agrees with the log."""
    way.server.command("replay", "--month", "2026-10")
    way.server.command("fsck")
    said = json.loads(way.server.command("statements", "--number", "KS-2026-10-HT-1"))
    found = {line["evidence_level"] for line in said["lines"] if line["quantities"]["observed_ms"]}
    return found, said["totals"]["observed_ms"] // 60_000


def certificates(way: Way) -> dict[str, str]:
    """Codes of what the server knows, by number."""
    found = json.loads(way.server.command("certificates", "--json"))
    return {one["number"]: one["code"] for one in found}


def test_a_confirmation_is_as_old_as_the_backup(way: Way, host: RelayedHost) -> None:
    """Of before both words: a claim again, of no level, and what the host measured since comes back
    by its file; confirmed anew and corrected its lines are E3. Of between them: the first word
    waits, the second decides. Of after: confirmed, with its documents. Nothing is half there, and a
    certificate that was given out meanwhile verifies as it did."""
    host_id = host.host_id
    before = backup(way, "before")
    assert "Another officer" in way.word(host_id, OFFICER)
    between = backup(way, "between")
    assert "is confirmed as held by" in way.word(host_id, SECOND)
    after = backup(way, "after")
    host.live(10)
    way.brought(host)
    assert closed(way) == ({"E3"}, 30)
    out = way.folder / "out"
    way.server.command("certify", "2026-10", "--out", str(out))
    given_out = certificates(way)

    lost = restored(way, before)
    known = certificates(lost)
    claimed = lost.shown(host_id)
    lost.brought(host, everything=True)
    as_claimed = closed(lost)
    lost.server.command("certify", "2026-10", "--out", str(way.folder / "anew"))
    anew = certificates(lost)
    words = [lost.word(host_id, officer) for officer in (OFFICER, SECOND)]
    told = lost.server.command("correct", "--month", "2026-10", "--preview")
    password = ("--password-file", str(lost.server.directory.parent / "password"))
    both = ("--officer", OFFICER, "--officer", SECOND, *password, *password)
    unchanged = levels(lost)
    lost.server.command("correct", "--month", "2026-10", *both, "--reason", "见送货单")

    half = restored(way, between)
    waiting = half.shown(host_id)
    half.word(host_id, OFFICER, expect=EXIT_REFUSED)
    completed = half.word(host_id, SECOND)

    whole = restored(way, after)
    standing = whole.shown(host_id)

    assert (claimed["key_standing"], claimed["key_words"]) == ("claimed", [])
    assert known == {}
    assert anew.keys() == given_out.keys()  # the number comes again, its code does not
    assert set(anew.values()).isdisjoint(given_out.values())
    assert as_claimed == unchanged == ({"E2"}, 30)
    assert ["Another officer" in words[0], "is confirmed" in words[1]] == [True, True]
    assert "证据" in told
    assert levels(lost) == ({"E3"}, 30)
    assert waiting["key_standing"] == "claimed"
    assert "is confirmed as held by" in completed
    assert closed(half) == ({"E3"}, 20)
    assert standing["key_standing"] == "confirmed"
    assert closed(whole) == ({"E3"}, 20)
    check_certificate(out)


def test_a_withdrawal_that_a_backup_does_not_hold_is_lost_with_it(
    way: Way, host: RelayedHost
) -> None:
    """A server set back to before it counts the key as confirmed: whoever restores looks at the
    words, and says them again."""
    host_id = host.host_id
    for officer in (OFFICER, SECOND):
        way.word(host_id, officer)
    confirmed = backup(way, "confirmed")
    for officer in (OFFICER, SECOND):
        way.word(host_id, officer, act="withdraw-key")
    withdrawn = backup(way, "withdrawn")

    again, kept = restored(way, confirmed), restored(way, withdrawn)

    assert again.shown(host_id)["key_standing"] == "confirmed"
    for officer in (OFFICER, SECOND):
        again.word(host_id, officer, act="withdraw-key")
    assert [closed(one) for one in (again, kept)] == [({"E2"}, 20)] * 2

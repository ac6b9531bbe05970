"""The command line: what it makes, what it refuses, and how it says so."""

import hashlib
import json
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from claimed_tokens import TOKEN, claim_token
from fixtures_database import SUPERUSER, PostgresqlServer
from fixtures_identity import OTHER_PARTY, PARTY, Machine
from kashi_server.bootstrap import Server, opened, refresh_server_tls
from kashi_server.cli import main
from kashi_server.keystore import read_keyring
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import is_current, missing_columns
from sqlalchemy import text
from sqlalchemy.engine import make_url

PASSWORD = "correct horse battery"

Run = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that every command of the test works in."""
    directory = tmp_path / "server"
    monkeypatch.setenv("KASHI_SERVER_DIRECTORY", str(directory))
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    return directory


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `kashi-server …` in this process; what it said, if it exits as expected."""
    assert home.parent.exists()

    def command(*arguments: str, expect: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["kashi-server", *arguments])
        before = os.umask(0o022)
        with pytest.raises(SystemExit) as exited:
            main()
        os.umask(before)
        said = "".join(capsys.readouterr())
        assert (exited.value.code or 0) == expect, said
        return said

    return command


def _init(run: Run, home: Path, *arguments: str) -> str:
    password = str(home.parent / "password")
    return run("init", "--demo", "--port", "0", "--password-file", password, *arguments)


def _officer(home: Path, option: str = "--password-file") -> tuple[str, ...]:
    """The first officer with the password, as options."""
    return ("--officer", "officer", option, str(home.parent / "password"))


def _enrolled(server: Server, name: str = "node-1") -> str:
    token = server.enrolment.issue_token(PARTY, "officer").text
    return server.enrolment.enrol(Machine(hostname=name).introduction(token)).host_id


def test_init_makes_a_private_server(run: Run, home: Path) -> None:
    """Settings, keys and database are the owner's alone; the server opens."""
    said = _init(run, home)
    private = [home, home / "keys", home / "roots", home / "server.toml", home / "kashi.sqlite"]

    assert "演示服务器" in said
    assert "早已建好" not in said
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in private)
    with opened(home) as server:
        assert server.config.demo
        assert [account.login for account in server.accounts.all()] == ["officer"]


def test_init_again_changes_nothing(run: Run, home: Path) -> None:
    """A second init finds everything done: same keys, same settings, same officer."""
    _init(run, home)
    files = [*(home / "keys").iterdir(), home / "server.toml"]
    before = {path: path.read_bytes() for path in files}
    said = _init(run, home, "--officer", "second")

    assert {path: path.read_bytes() for path in files} == before
    assert "second" not in run("account", "list")
    assert "officer" not in said.lower()
    assert "早已建好，设置、密钥与账号均未改动" in said
    assert "was there already: its settings" in said


def test_init_tells_how_browsers_reach_the_portal(run: Run, home: Path) -> None:
    """A demonstration's portal has no TLS, and no certificate that a browser could trust."""
    demo = _init(run, home)
    real = home.parent / "real"
    made = ("--organisation", "深圳市算力服务中心", "--address", "kashi.example.cn")
    password = ("--password-file", str(home.parent / "password"))

    assert "server-root.pem" not in demo
    assert "without TLS" in demo
    assert "by http://" in demo
    assert "server-root.pem" in run("init", *made, *password, "--directory", str(real))


def test_init_finishes_what_was_cut_short(run: Run, home: Path) -> None:
    """An init that was cut before the database makes the rest when it is run again."""
    _init(run, home)
    (home / "kashi.sqlite").unlink()
    _init(run, home)

    assert "officer" in run("account", "list")


def test_init_with_half_made_keys_says_what_to_do(run: Run, home: Path) -> None:
    """Keys that were not written to their end are not trusted and not written over."""
    _init(run, home)
    (home / "keys" / "nonce.secret").unlink()

    assert "cut short" in _init_refused(run, home)


def _init_refused(run: Run, home: Path, *arguments: str) -> str:
    password = str(home.parent / "password")
    return run("init", "--demo", "--password-file", password, *arguments, expect=3)


def test_demo_is_not_mixed_with_an_ordinary_server(run: Run, home: Path) -> None:
    """A server that counts for real never becomes a demonstration."""
    run("init", "--organisation", "深圳市算力服务中心", "--address", "kashi.example.cn")

    assert "no demonstration" in _init_refused(run, home)


def test_ordinary_server_needs_its_name_and_address(run: Run, home: Path) -> None:
    """Certificates name who runs the server and where it is: neither is guessed."""
    assert "--organisation" in run("init", expect=3)
    assert "--address" in run("init", "--organisation", "深圳", expect=3)
    assert not (home / "server.toml").exists()


def test_impossible_settings_leave_no_server_behind(run: Run, home: Path) -> None:
    """A refused value is named with its field, and the directory is as it was."""
    said = run("init", "--organisation", "深圳", "--address", "not a name", expect=4)

    assert "server.addresses" in said
    assert not (home / "server.toml").exists()


def test_officer_password_must_hold(run: Run, home: Path) -> None:
    """A short password for the first officer is refused."""
    (home.parent / "password").write_text("short", encoding="utf-8")

    assert "characters" in _init_refused(run, home)


def test_commands_without_a_server_say_how_to_make_one(run: Run) -> None:
    """Exit code 4 and the command that makes a server."""
    assert "kashi-server init" in run("hosts", "list", expect=4)


def test_missing_database_is_not_replaced_by_an_empty_one(run: Run, home: Path) -> None:
    """A lost SQLite file is an error with exit code 5, not a fresh start."""
    _init(run, home)
    (home / "kashi.sqlite").unlink()

    assert "restore it from a backup" in run("hosts", "list", expect=5)
    assert not (home / "kashi.sqlite").exists()


def test_key_readable_by_others_stops_every_command(run: Run, home: Path) -> None:
    """Exit code 4 and the name of the key."""
    _init(run, home)
    (home / "keys" / "documents.pem").chmod(0o644)

    assert "documents.pem can be read by others" in run("hosts", "list", expect=4)


def test_token_prints_the_exact_command(run: Run, home: Path) -> None:
    """The token's command names the enrolment port and the whole token; nonsense is refused."""
    _init(run, home, "--port", "7443")
    said = run("token", PARTY, *_officer(home), "--json")
    facts = json.loads(next(line for line in said.splitlines() if line.startswith("{")))

    assert "未导入主体" in said
    assert f"party {PARTY} is not imported" in said

    assert facts["command"] == (
        f"kashi-agent enrol --server localhost:7444 --token {facts['token']}"
    )
    assert "kashi-agent enrol --server localhost:7444 --token kashi1." in run(
        "token", PARTY, *_officer(home)
    )
    assert "18-character" in run("token", "9144", *_officer(home), expect=3)
    assert "1 to 24" in run("token", PARTY, *_officer(home), "--hours", "25", expect=3)
    assert "no officer 'nobody'" in run("token", PARTY, "--officer", "nobody", expect=3)


def test_rules_with_mistakes_are_a_check_that_found_something(run: Run, home: Path) -> None:
    """Exit code 1 and every mistake, and no word that something would have been taken."""
    file = home.parent / "rules.toml"
    file.write_text('programme_id = "x"\n', encoding="utf-8")

    said = run("rules", "check", str(file), expect=1)

    assert "处错误 mistakes" in said
    assert f"{file}:1" in said
    assert "nothing was taken" not in said


def test_what_a_person_reads_first_is_in_both_languages(run: Run, home: Path) -> None:
    """The last lines of init, a token, a backup and what was restored."""
    made = _init(run, home)
    token = run("token", PARTY, *_officer(home))
    kept = run("backup", str(home.parent / "all.tar"))
    again = run("restore", str(home.parent / "all.tar"), "-d", str(home.parent / "again"))

    for words in ("已就绪", "保险柜", "门户不经 TLS", "启动 Start it", "首位经办人 First officer"):
        assert words in made
    assert "一次有效" in token
    assert "持有者即可充当本服务器" in kept
    assert "已恢复至" in again


def test_token_of_a_slip_is_refused_where_it_counts(run: Run, home: Path) -> None:
    """A credit code with a wrong check character is nobody's; a demonstration only warns."""
    slip = PARTY[:-1] + ("0" if PARTY[-1] != "0" else "1")
    password = str(home.parent / "password")
    Path(password).write_text("a-long-enough-password", encoding="utf-8")
    named = ("--organisation", "Test", "--address", "localhost", "--port", "0")
    run("init", *named, "--password-file", password)

    refused = run("token", slip, *_officer(home), expect=3)

    assert "check character" in refused
    assert "kashi1." not in refused
    assert "kashi1." in run("token", PARTY, *_officer(home))


def test_two_officers_release_with_their_passwords(run: Run, home: Path) -> None:
    """Holding takes one officer; releasing takes two, and each one's own password."""
    _init(run, home)
    password = str(home.parent / "password")
    run(
        "account",
        "create",
        "wang",
        *_officer(home, "--officer-password-file"),
        "--role",
        "officer",
        "--password-file",
        password,
    )
    with opened(home) as server:
        host_id = _enrolled(server)
    run("hosts", "hold", host_id, *_officer(home), "--reason", "odd counters")
    assert "已暂挂 held" in run("hosts", "list")

    wrong = home.parent / "wrong"
    wrong.write_text("wrong horse battery", encoding="utf-8")
    ask = ("hosts", "release", host_id, "--reason", "seen", "--password-file")
    assert "is wrong" in run(*ask, str(wrong), "--officer", "officer", expect=3)
    assert "Another officer" in run(*ask, password, "--officer", "officer")
    assert "another officer" in run(*ask, password, "--officer", "officer", expect=3)
    assert "is released" in run(*ask, password, "--officer", "wang")


def test_two_officers_confirm_a_key_with_their_passwords(run: Run, home: Path) -> None:
    """Each with the own password and the document seen; the list and the host's page say where it
    stands, from the claim to the withdrawal, and fsck agrees."""
    _init(run, home)
    password = str(home.parent / "password")
    run("account", "create", "wang", *_officer(home, "--officer-password-file"),
        "--role", "officer", "--password-file", password)  # fmt: skip
    with opened(home) as server:
        host_id = _enrolled(server)
        plain = _enrolled(server, "plain")
        claim_token(server.work, host_id, replace(TOKEN, model="ET-2000\x1b[2J"))
    note, wrong = home.parent / "note.txt", home.parent / "wrong"
    note.write_text("送货单 delivery note: serial 0042-17", encoding="utf-8")
    wrong.write_text("wrong horse battery", encoding="utf-8")
    seen = ("--reason", "note seen", "--evidence", str(note))
    ask = ("hosts", "confirm-key", host_id, *seen, "--password-file")
    take = ("hosts", "withdraw-key", host_id, "--reason", "lost", "--password-file", password)

    def standing() -> str:
        found = {one["host_id"]: one for one in json.loads(run("hosts", "list", "--json"))}
        assert found[plain]["key_standing"] == "file"
        assert found[plain]["key_token"] is None
        return str(found[host_id]["key_standing"])

    assert "密钥在硬件中（自报，未确认）" in run("hosts", "list")
    assert "is wrong" in run(*ask, str(wrong), "--officer", "officer", expect=3)
    first = run(*ask, password, "--officer", "officer")
    assert "Another officer" in first
    assert standing() == "claimed"
    assert "another officer" in run(*ask, password, "--officer", "officer", expect=3)
    run("hosts", "hold", host_id, "--reason", "odd", *_officer(home))
    second = run(*ask, password, "--officer", "wang")
    assert "is confirmed as held by" in second
    assert [f"Host {host_id} is held (odd)" in one for one in (first, second)] == [False, True]
    assert standing() == "confirmed"
    shown = run("hosts", "show", host_id)
    assert shown.count("其时主机已暂挂 the host was held then") == 1
    assert "正常 active, server: 已接入 enrolled" in shown
    assert "已接入 enrolled" in run("hosts", "list")
    assert "\x1b" not in shown
    assert hashlib.sha256(note.read_bytes()).hexdigest() in shown
    assert "wang: note seen" in shown
    facts = json.loads(run("hosts", "show", host_id, "--json"))
    assert [one["completes"] for one in facts["key_words"]] == [0, 1]
    assert [one["host_state"] for one in facts["key_words"]] == ["active", "held"]
    assert [one["reason"] for one in facts["history"]] == ["enrolled", "odd"]
    assert "note.txt" in run("files", "list", "--subject", f"host:{host_id}")
    assert "Another officer" in run(*take, "--officer", "wang")
    assert "is withdrawn" in run(*take, "--officer", "officer")
    assert standing() == "withdrawn"
    other = ("hosts", "confirm-key", plain, *seen, "--officer", "officer", "--password-file")
    assert "claimed no key in hardware" in run(*other, password, expect=3)
    run("hosts", "revoke", host_id, "--reason", "sold", *_officer(home))
    assert "is revoked" in run(*ask, password, "--officer", "officer", expect=3)
    assert "hosts list" in run("hosts", "show", "nowhere", expect=3)
    run("fsck")


def test_an_officer_proves_what_is_done_to_hosts_and_tokens(run: Run, home: Path) -> None:
    """Another's name is not enough to hold or revoke a host or to let one in."""
    _init(run, home)
    with opened(home) as server:
        host_id = _enrolled(server)
    wrong = home.parent / "wrong"
    wrong.write_text("wrong horse battery", encoding="utf-8")
    claimed = ("--officer", "officer", "--password-file", str(wrong))

    for act in (("hold",), ("revoke",), ("allow-recoveries", "9")):
        said = run("hosts", act[0], host_id, *act[1:], *claimed, "--reason", "x", expect=3)
        assert "the password of officer is wrong" in said
    said = run("token", PARTY, *claimed, expect=3)

    assert "the password of officer is wrong" in said
    assert "kashi1." not in said
    (host,) = json.loads(run("hosts", "list", "--json"))
    assert (host["state"], host["recoveries_allowed"]) == ("active", 5)


def test_two_officers_erase_names_of_hosts_that_are_here(run: Run, home: Path) -> None:
    """Of a host or of all that a party operates, never of neither, both or a stranger; each gives
    the own password."""
    _init(run, home)
    password = str(home.parent / "password")
    by = _officer(home, "--officer-password-file")
    run("account", "create", "wang", "--role", "officer", "--password-file", password, *by)
    with opened(home) as server:
        host_id = _enrolled(server)
    both = ("--officer", "officer", "--officer", "wang", "--reason", "本人申请")
    proofs = ("--password-file", password) * 2
    erasing = ("names", "erase", "--until", "2026-01-31", *both)

    done = run(*erasing, "--party", PARTY, *proofs, "--json")
    same = run(*erasing, "--host", host_id, *proofs)

    assert json.loads(done) == {host_id: {"erased_report_count": 0, "kept_report_count": 0}}
    assert f"{host_id}: 0 份报告的姓名已抹除，其后的 0 份仍保留姓名。0 reports lost" in same
    assert "no host nobody" in run(*erasing, "--host", "nobody", *proofs, expect=3)
    assert "not both" in run(*erasing, *proofs, expect=3)
    both_named = ("--host", host_id, "--party", PARTY)
    assert "not both" in run(*erasing, *both_named, *proofs, expect=3)
    assert "no such host" in run(*erasing, "--party", OTHER_PARTY, *proofs, expect=3)
    assert "--password-file" in run(*erasing, "--host", host_id, *proofs[:2], expect=3)


def test_an_officer_makes_accounts_and_the_trail_names_who(run: Run, home: Path) -> None:
    """Nobody makes a second officer, closes one or takes another's password by typing at the
    console; the first officer does, by the own password, and stands in the trail."""
    _init(run, home)
    own = str(home.parent / "password")
    by = _officer(home, "--officer-password-file")
    creating = ("account", "create", "wang", "--role", "officer", "--password-file", own)

    nobody = run(*creating, expect=3)
    run(*creating, *by)
    forgotten = run("account", "password", "wang", "--password-file", own, expect=3)
    run("account", "password", "wang", "--password-file", own, *by)
    closing = run("account", "disable", "wang", expect=3)
    run("account", "disable", "wang", *by)

    assert all("--officer" in said for said in (nobody, forgotten, closing))
    with opened(home) as server, server.work.begin(writes=False) as unit:
        trail = [(one.login, one.act, one.subject) for one in reversed(unit.accounts.audit(9))]
    assert trail == [
        ("officer", "account-created", "officer"),
        ("officer", "account-created", "wang officer"),
        ("officer", "password-changed", "wang"),
        ("officer", "account-disabled", "wang"),
    ]


def test_no_officer_alone_makes_closes_or_takes_over_an_officers_account(
    run: Run, home: Path
) -> None:
    """Where two others could act it takes two passwords; the own old one replaces the own."""
    _init(run, home)
    own = ("--password-file", str(home.parent / "password"))
    proof = ("--officer-password-file", own[1])
    first, second = ("--officer", "officer", *proof), ("--officer", "wang", *proof)
    for login in ("wang", "zhao"):
        by = (*first, *second) if login == "zhao" else first
        run("account", "create", login, "--role", "officer", *own, *by)
    upon = (
        ("account", "create", "ghost", "--role", "officer", *own),
        ("account", "password", "zhao", *own),
        ("account", "disable", "zhao"),
    )

    alone = [run(*one, *first, expect=3) for one in upon]
    twice = run(*upon[1], *first, *first, expect=3)
    run("account", "password", "wang", *own, *second)
    for one in upon:
        run(*one, *first, *second)

    assert all("two different officers" in said for said in (*alone, twice))
    with opened(home) as server, server.work.begin(writes=False) as unit:
        acts = [(one.actor, one.act, one.reference) for one in unit.identity.acts()]
        logged = unit.connection.execute(
            text("SELECT count(*) FROM log_pending WHERE kind = 'privileged-act'")
        ).scalar_one()
    assert ("wang", "password-changed", "wang") in acts
    assert {("officer", "account-disabled", "zhao"), ("wang", "account-disabled", "zhao")} < {*acts}
    assert len(acts) == logged


def test_the_only_officers_forgotten_password_is_replaced_at_the_console(
    run: Run, home: Path
) -> None:
    """Nobody is left to prove anything; the trail says so. A second officer closes that way."""
    _init(run, home)
    fresh = home.parent / "fresh"
    fresh.write_text("another horse battery", encoding="utf-8")

    run("account", "password", "officer", "--password-file", str(fresh))

    by = ("--officer", "officer", "--officer-password-file", str(fresh))
    run("account", "create", "wang", "--role", "officer", *by)
    assert "--officer" in run("account", "password", "officer", expect=3)


def test_acts_need_an_officer_of_this_server(run: Run, home: Path) -> None:
    """A company's account and a made-up name hold no host."""
    _init(run, home)
    acting = _officer(home, "--officer-password-file")
    run("account", "create", "acme", "--role", "company", "--party", OTHER_PARTY, *acting)
    with opened(home) as server:
        host_id = _enrolled(server)

    for nobody in ("acme", "nobody"):
        said = run("hosts", "hold", host_id, "--officer", nobody, "--reason", "x", expect=3)
        assert f"there is no officer '{nobody}'" in said
    assert "no host" in run(
        "hosts", "revoke", "unknown", *_officer(home), "--reason", "x", expect=3
    )


def test_backup_is_private_whole_and_never_written_over(run: Run, home: Path) -> None:
    """A backup is 0600; a damaged one is refused; neither command writes over anything."""
    _init(run, home)
    file = home.parent / "one.tar"
    run("backup", str(file))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "never written over" in run("backup", str(file), expect=3)
    assert "not empty" in run("restore", str(file), expect=3)
    content = bytearray(file.read_bytes())
    place = content.index(b"SQLite format 3") + 5000
    content[place] ^= 1
    damaged = home.parent / "damaged.tar"
    damaged.write_bytes(content)
    fresh = home.parent / "fresh"
    assert "damaged" in run("restore", str(damaged), "--directory", str(fresh), expect=4)
    assert not (fresh / "server.toml").exists()


@pytest.fixture(params=["superuser", "plain owner"])
def owned_database(
    request: pytest.FixtureRequest, postgresql_server: PostgresqlServer
) -> Iterator[tuple[str, str]]:
    """Name and address of an empty database: of a superuser's, and of one who may make roles."""
    name = f"kashi_{secrets.token_hex(6)}"
    owner = f"{name}_owner" if request.param == "plain owner" else SUPERUSER
    if owner != SUPERUSER:
        postgresql_server.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE")
    postgresql_server.execute(f"CREATE DATABASE {name} OWNER {owner}")
    try:
        yield name, postgresql_server.url(name, owner)
    finally:
        postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        if owner != SUPERUSER:
            postgresql_server.execute(f"DROP ROLE {owner}")


def test_postgresql_is_backed_up_and_restored(
    run: Run, home: Path, owned_database: tuple[str, str], postgresql_server: PostgresqlServer
) -> None:
    """With PostgreSQL: init makes the roles, backup dumps past row security, restore fills anew."""
    name, url = owned_database
    _init(run, home, "--database", url)
    with opened(home) as server:
        host_id = _enrolled(server)
        assert server.portal_work.engine.url.username != server.work.engine.url.username
    file = home.parent / "one.tar"
    run("backup", str(file))
    assert "restored to an empty one" in run(
        "restore", str(file), "--directory", str(home.parent / "beside"), expect=3
    )
    _empty(postgresql_server, name, make_url(url).username or "")
    fresh = str(home.parent / "fresh")
    run("restore", str(file), "--directory", fresh)

    assert host_id in run("hosts", "list", "--json", "--directory", fresh)
    with (
        opened(Path(fresh)) as server,
        server.portal_work.begin(writes=False, party=PARTY) as unit,
    ):
        assert [host.host_id for host in unit.views.hosts(unit.views.sight(PARTY))] == [host_id]
    run("upgrade", "--directory", fresh)


def _empty(server: PostgresqlServer, name: str, owner: str) -> None:
    """As on another machine: neither the database's content nor its lesser roles are there."""
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    for role in ("ingest", "portal"):
        server.execute(f"DROP ROLE {name}_{role}")
    server.execute(f"CREATE DATABASE {name} OWNER {owner}")


def test_older_database_is_not_opened_until_upgraded(run: Run, home: Path) -> None:
    """A database of an earlier version is refused with exit code 5; `upgrade` brings it forward."""
    _init(run, home)
    url = f"sqlite:///{home / 'kashi.sqlite'}"
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert not is_current(engine)
    engine.dispose()

    assert "kashi-server upgrade" in run("hosts", "list", expect=5)


def test_a_database_without_a_column_of_this_version_is_not_opened(run: Run, home: Path) -> None:
    """It has seen every migration's number, as one made by a version under development: exit code
    5, and the column is named."""
    _init(run, home)
    engine = open_engine(f"sqlite:///{home / 'kashi.sqlite'}")
    assert missing_columns(engine) == []
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE reports DROP COLUMN clock_sync")
    assert is_current(engine)
    engine.dispose()

    said = run("hosts", "list", expect=5)
    assert "数据库缺少" in said
    assert "lacks 1 columns of this version, such as reports.clock_sync" in said


def test_unreachable_database_is_one_sentence(run: Run, home: Path) -> None:
    """A PostgreSQL server that is not there: exit code 5, no traceback."""
    url = f"postgresql+psycopg://kashi@/kashi?host={home.parent}"
    password = str(home.parent / "password")
    said = run("init", "--demo", "--database", url, "--password-file", password, expect=5)

    assert "cannot be opened" in said
    assert "Traceback" not in said


def test_server_certificate_follows_the_addresses(run: Run, home: Path) -> None:
    """Another address in the settings: the TLS certificate is issued anew, under the same root."""
    _init(run, home)
    before = read_keyring(home)
    assert not refresh_server_tls(home)
    settings = home / "server.toml"
    changed = settings.read_text(encoding="utf-8").replace(
        '"localhost"', '"localhost", "kashi.example"'
    )
    settings.write_text(changed, encoding="utf-8")
    assert refresh_server_tls(home)
    after = read_keyring(home)

    assert after.server_tls.certificate != before.server_tls.certificate
    assert after.server_root == before.server_root
    assert not refresh_server_tls(home)

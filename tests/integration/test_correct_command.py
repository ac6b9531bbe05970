"""`correct`, `replay`, `closing-day` and `statements` as an officer runs them."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from agreement_texts import contract_text, price_text, two_parties
from kashi_server.bootstrap import opened
from kashi_server.closing_settings import FILE
from kashi_server.domain.interval import Month
from server_commands import run


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server with two officers and what two parties agreed, made once."""
    where = tmp_path_factory.mktemp("template") / "server"
    file = where.parent / "agreements.toml"
    first, second = _passwords(where.parent)
    file.write_text(two_parties() + contract_text() + price_text(), encoding="utf-8")
    commands: list[list[str]] = [
        ["init", "--demo", "--directory", str(where), "--password-file", first],
        [*_second(second, first), "-d", str(where)],
        ["import", str(file), "--officer", "officer", "--password-file", first, "-d", str(where)],
        ["close", "2026-10", "-d", str(where)],
    ]
    for arguments in commands:
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    return where


def _passwords(where: Path) -> tuple[str, str]:
    """Files with the passwords of the two officers."""
    files = where / "first.password", where / "second.password"
    for file in files:
        file.write_text(f"correct horse {file.stem}\n", encoding="utf-8")
    return str(files[0]), str(files[1])


def _second(password: str, first: str) -> tuple[str, ...]:
    """The command by which the first officer makes the second."""
    own = ("--officer", "officer", "--officer-password-file", first)
    return ("account", "create", "second", "--role", "officer", "--password-file", password, *own)


def _proofs(where: Path) -> tuple[str, ...]:
    """Both officers' passwords, in order, as options."""
    first, second = _passwords(where)
    return ("--password-file", first, "--password-file", second)


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> str:
    """A copy of it, for one test."""
    return str(shutil.copytree(template, tmp_path / "server"))


def test_nothing_to_correct_is_said_and_a_replay_finds_every_byte(directory: str) -> None:
    """A month without differences: both commands end with 0."""
    shown = run("correct", "--month", "2026-10", "--preview", "-d", directory)
    replayed = run("replay", "--month", "2026-10", "-d", directory)

    assert (shown.returncode, "nothing to correct" in shown.stdout) == (0, True)
    assert (replayed.returncode, replayed.stdout) == (0, "KS-2026-10-HT-1/1: 一致 same\n")


def test_a_preview_without_a_month_is_of_every_closed_month(directory: str) -> None:
    """Nothing differs in any; a correction names its month."""
    shown = run("correct", "--preview", "-d", directory)
    told = run("correct", "--preview", "--json", "-d", directory)

    assert (shown.returncode, "every month 无需更正" in shown.stdout) == (0, True)
    assert json.loads(told.stdout) is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["correct"], "name it with --month"),
        (["correct", "--month", "2026-10"], "two different officers decide together"),
        (["correct", "--month", "2026-10", "--officer", "officer"], "two different officers"),
        (
            ["correct", "--month", "2026-10", "--officer", "officer", "--officer", "second"],
            "needs a reason",
        ),
        (
            [
                *("correct", "--month", "2026-10", "--reason", "late"),
                *("--officer", "officer", "--officer", "stranger"),
            ],
            "'stranger' is no officer here",
        ),
        (["correct", "--month", "2026-11", "--preview"], "2026-11 is not closed"),
        (["replay", "--month", "2026-11"], "2026-11 is not closed"),
        (["replay", "--month", "2026-10", "--revision", "7"], "has a revision 7"),
        (["statements", "--known-at", "yesterday"], "is not an instant"),
        (["statements", "--number", "KS-2026-10-HT-1", "--revision", "2"], "of revision 2"),
    ],
)
def test_a_refusal_is_a_sentence(directory: str, arguments: list[str], told: str) -> None:
    """What is missing or wrong, and exit code 3."""
    done = run(*arguments, "-d", directory)

    assert (done.returncode, done.stdout) == (3, "")
    assert told in done.stderr


def test_terms_into_a_closed_month_take_two_officers(directory: str, tmp_path: Path) -> None:
    """An import refuses them; a preview takes them in and leaves them; a correction keeps them."""
    file = tmp_path / "price.toml"
    file.write_text(price_text("11.80"), encoding="utf-8")
    month = ("--month", "2026-10", "--terms", str(file))

    importing = ("import", str(file), "--officer", "officer", *_proofs(tmp_path)[:2])
    imported = run(*importing, "-d", directory)
    shown = run("correct", *month, "--preview", "-d", directory)
    again = run("correct", *month, "--preview", "-d", directory)
    decided = ("--officer", "officer", "--officer", "second", "--reason", "合同笔误")
    made = run("correct", *month, *decided, *_proofs(tmp_path), "-d", directory)
    settled = run(*importing, "-d", directory)
    sound = run("fsck", "-d", directory)

    assert (imported.returncode, "has begun" in imported.stderr) == (3, True)
    assert (shown.returncode, shown.stdout) == (again.returncode, again.stdout) == (0, shown.stdout)
    # No card was observed: the price stands corrected, and no line changes by it.
    assert (made.returncode, "nothing to correct" in made.stdout) == (0, True)
    assert settled.stdout == (
        "新增 0 项，变更 0 项，未变 1 项。0 added, 0 changed, 1 stood so already.\n"
    )
    assert (sound.returncode, sound.stderr) == (0, "")


def test_the_log_has_the_terms_of_a_correction_by_their_hash(
    directory: str, tmp_path: Path
) -> None:
    """Each file by the SHA-256 of its bytes, with its name and why, by both officers."""
    price, other = tmp_path / "price.toml", tmp_path / "other.toml"
    price.write_text(price_text("11.80"), encoding="utf-8")
    other.write_text("# 无内容\n", encoding="utf-8")
    decided = ("--officer", "officer", "--officer", "second", "--reason", "合同笔误")
    terms = ("--terms", str(price), "--terms", str(other))

    run("correct", "--month", "2026-10", *terms, *decided, *_proofs(tmp_path), "-d", directory)

    with opened(Path(directory)) as server, server.work.begin(writes=False) as unit:
        acts = [
            (one.actor, one.reference, one.reason)
            for one in unit.identity.acts()
            if one.act == "correct-agreements"
        ]
    assert acts == [
        (login, sha256(file.read_bytes()).hexdigest(), f"{file}: 合同笔误")
        for file in (price, other)
        for login in ("officer", "second")
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("first", "first"), "the password of second is wrong"),
        (("second", "second"), "the password of officer is wrong"),
        (("first",), "once for each --officer"),
    ],
)
def test_officers_prove_that_they_correct_a_month(
    directory: str, tmp_path: Path, names: tuple[str, ...], told: str
) -> None:
    """Two typed logins correct nothing: each gives the own password, or nothing is made."""
    _passwords(tmp_path)
    file = tmp_path / "price.toml"
    file.write_text(price_text("11.80"), encoding="utf-8")
    proofs = [one for name in names for one in ("--password-file", f"{tmp_path}/{name}.password")]

    done = run(
        *("correct", "--month", "2026-10", "--terms", str(file), "--reason", "合同笔误"),
        *("--officer", "officer", "--officer", "second", "-d", directory, *proofs),
    )
    importing = ("import", str(file), "--officer", "officer", *_proofs(tmp_path)[:2])
    shown = run(*importing, "-d", directory)

    assert done.returncode != 0
    assert told in done.stderr
    assert "has begun" in shown.stderr


def test_statements_are_listed_as_they_were_known(directory: str) -> None:
    """Before the close there were none; now there is one."""
    before = run("statements", "--known-at", "2020-01-01T00:00+08:00", "--json", "-d", directory)
    now = run("statements", "--known-at", "2199-01-01T00:00+08:00", "--json", "-d", directory)

    assert json.loads(before.stdout) == []
    assert [one["number"] for one in json.loads(now.stdout)] == ["KS-2026-10-HT-1"]


def test_a_month_closes_on_its_day_or_by_two_officers(tmp_path: Path) -> None:
    """A server that is no demonstration waits; the settings count the days."""
    where = tmp_path / "server"
    first, second = _passwords(tmp_path)
    made = run(
        *("init", "--directory", str(where), "--organisation", "深圳市算力服务中心"),
        *("--address", "kashi.example", "--officer", "officer", "--password-file", first),
    )
    if made.returncode:
        pytest.fail(made.stderr)
    last = _last_month()
    (where / FILE).write_text(
        "online_working_days = 60\ncarried_working_days = 60\n", encoding="utf-8"
    )
    told = run("closing-day", str(last), "-d", str(where), "--json")
    refused = run("close", str(last), "--empty", "-d", str(where))
    run(*_second(second, first), "-d", str(where))
    early = ["close", str(last), "--empty", "-d", str(where), "--reason", "审计要求"]
    early += ["--officer", "officer", "--officer", "second"]
    typed = run(*early, "--password-file", first, "--password-file", first)
    closed = run(*early, *_proofs(tmp_path))

    assert json.loads(told.stdout)["month"] == str(last)
    assert refused.returncode == 3
    assert f"{last} closes on {json.loads(told.stdout)['closes_on']}" in refused.stderr
    assert (typed.returncode, "password of second is wrong" in typed.stderr) == (3, True)
    assert (closed.returncode, f"{last} is closed" in closed.stdout) == (0, True)


def _last_month() -> Month:
    now = datetime.now(UTC) + timedelta(hours=8)
    before = now.replace(day=1) - timedelta(days=1)
    return Month(before.year, before.month)

"""`import-usage`, `stated …` and `gaps …` as an officer and a provider use them."""

import json
import shutil
from pathlib import Path

import pytest
from agreement_texts import contract_text, price_text, two_parties
from expense_cases import PROVIDER, TENANT
from kashi_server.bootstrap import opened
from kashi_server.services.accounts import Role
from server_commands import run
from sqlalchemy import text
from usage_samples import BILL, BILL_HEAD

CASES = Path(__file__).parents[2] / "docs/cases/usage"
SINCE = "2025-01-01"
AGREED = two_parties() + contract_text(SINCE, signed_on=SINCE) + price_text(since=SINCE)
PASSWORD = "correct horse battery"
ROWS = "i-1,8,2026-01-05 08:00:00,2026-01-05 09:00:00,3600\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a fresh demonstration server with agreements and the accounts of two
    officers and both parties, made once."""
    where = tmp_path_factory.mktemp("template") / "server"
    init = ("init", "--demo", "--directory", str(where), "--password-file", _password(where.parent))
    assert run(*init).returncode == 0
    agreed = where.parent / "agreed.toml"
    agreed.write_text(AGREED, encoding="utf-8")
    assert run("import", str(agreed), *_proved(where.parent), "-d", str(where)).returncode == 0
    with opened(where) as server:
        server.accounts.create("second", PASSWORD, Role.OFFICER, None)
        server.accounts.create("tenant", PASSWORD, Role.COMPANY, TENANT)
        server.accounts.create("seller", PASSWORD, Role.PROVIDER, PROVIDER)
    return where


def _password(where: Path) -> str:
    """A file with the officer's password."""
    file = where / "officer.password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return str(file)


def _proved(where: Path, login: str = "officer") -> tuple[str, ...]:
    """An officer with the password, as options."""
    return ("--officer", login, "--password-file", _password(where))


def _own(where: Path, login: str) -> tuple[str, ...]:
    """A party's own login with the password, as options."""
    return ("--by", login, "--password-file", _password(where))


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> str:
    """A copy of it, for one test."""
    return str(shutil.copytree(template, tmp_path / "server"))


def _files(tmp_path: Path, rows: str = ROWS) -> tuple[str, str]:
    mapping, source = tmp_path / "mapping.toml", tmp_path / "bill.csv"
    mapping.write_text(BILL, encoding="utf-8")
    source.write_text(BILL_HEAD + rows, encoding="utf-8")
    return str(mapping), str(source)


def test_from_a_bill_to_a_countersigned_attestation(directory: str, tmp_path: Path) -> None:
    """Import, import again, list, countersign, read the file back, check the whole server."""
    mapping, source = _files(tmp_path)

    taken = run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)
    again = run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)
    (listed,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    named = listed["attestation_id"]
    signing = ("stated", "countersign", named, *_proved(tmp_path, "second"), "--reason", "对账单")
    signing = (*signing, "-d")
    wrong = run(*signing, directory, "--party", PROVIDER)
    done = run(*signing, directory, "--party", TENANT)
    back = run("stated", "source", named, str(tmp_path / "back.csv"), "-d", directory)
    shown = run("stated", "list", "--party", TENANT, "-d", directory).stdout

    assert (taken.returncode, again.returncode, back.returncode) == (0, 0, 0), taken.stderr
    assert "8.0000 卡时 card-hours" in taken.stdout
    assert "Nothing new" in again.stdout
    assert (listed["state"], listed["card_ms"]) == ("stated", 8 * 3_600_000)
    assert (wrong.returncode, done.returncode) == (3, 0)
    assert (tmp_path / "back.csv").read_bytes() == Path(source).read_bytes()
    assert "countersigned" in shown
    checked = run("fsck", "-d", directory)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_one_officer_is_not_both_sides_of_a_countersignature(
    directory: str, tmp_path: Path
) -> None:
    """Who took the provider's statement in records no yes of the company's; the company says it by
    its own login, and nobody else's login says it for the company."""
    mapping, source = _files(tmp_path)
    run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)
    (listed,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    named = listed["attestation_id"]
    signing = ("stated", "countersign", named, "--reason", "对账单", "-d", directory)

    same = run(*signing, "--party", TENANT, *_proved(tmp_path))
    seller = run(*signing, *_own(tmp_path, "seller"))
    posing = run(*signing, "--party", TENANT, *_own(tmp_path, "seller"))
    officer = run(*signing, *_own(tmp_path, "second"))
    nobody = run(*signing, "--party", TENANT)
    (before,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    done = run(*signing, *_own(tmp_path, "tenant"))
    (after,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)

    refused = (same, seller, posing, officer, nobody)
    assert [one.returncode for one in refused] == [3] * 5, [one.stderr for one in refused]
    assert "officer took in what the provider states" in same.stderr
    assert f"'seller' speaks for {PROVIDER}" in posing.stderr
    assert (before["state"], done.returncode) == ("stated", 0), done.stderr
    assert (after["state"], after["actor"], after["changed_by"]) == (
        "countersigned",
        "tenant",
        TENANT,
    )


def test_both_parties_take_back_by_their_own_logins(directory: str, tmp_path: Path) -> None:
    """Each party's login gives its own word; neither gives the other's."""
    mapping, source = _files(tmp_path)
    run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)
    (listed,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    named, why = listed["attestation_id"], ("--reason", "误传", "-d", directory)
    run("stated", "countersign", named, *_own(tmp_path, "tenant"), *why)

    first = run("stated", "reverse", named, *_own(tmp_path, "tenant"), *why)
    posing = run("stated", "reverse", named, "--party", PROVIDER, *_own(tmp_path, "tenant"), *why)
    second = run("stated", "reverse", named, *_own(tmp_path, "seller"), *why)
    (after,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)

    assert (first.returncode, posing.returncode, second.returncode) == (0, 3, 0), second.stderr
    assert "waits for the other side" in first.stdout
    assert after["state"] == "reversed"


def test_every_mistake_is_printed_and_nothing_is_taken(directory: str, tmp_path: Path) -> None:
    """Exit 3, file, line and column of each, and an empty list afterwards."""
    mapping, source = _files(tmp_path, ROWS + ROWS.replace("8,", "x,", 1))

    done = run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)

    assert done.returncode == 3
    assert f"{source}:3: cards: “x”不是整张卡的张数。'x' is no count of whole cards" in done.stderr
    assert json.loads(run("stated", "list", "--json", "-d", directory).stdout) == []


def test_a_withdrawn_attestation_says_so(directory: str, tmp_path: Path) -> None:
    """By the provider, with a reason; an officer nobody knows records nothing."""
    mapping, source = _files(tmp_path)
    run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)
    (listed,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    taking_back = ("stated", "withdraw", listed["attestation_id"], "--party", PROVIDER, "-d")

    unknown = run(*taking_back, directory, "--officer", "nobody", "--reason", "错误")
    done = run(*taking_back, directory, *_proved(tmp_path), "--reason", "错误")
    (after,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)

    assert (unknown.returncode, done.returncode) == (3, 0)
    assert (after["state"], after["reason"]) == ("withdrawn", "错误")


def test_an_officer_proves_every_act_upon_stated_usage(directory: str, tmp_path: Path) -> None:
    """A login that is typed without its password imports, countersigns, withdraws and explains
    nothing; who imported is kept among the privileged acts."""
    mapping, source = _files(tmp_path)
    wrong = tmp_path / "wrong.password"
    wrong.write_text("guessed\n", encoding="utf-8")
    typed = ("--officer", "officer", "--password-file", str(wrong), "-d", directory)
    why = ("--party", TENANT, "--reason", "对账单")

    refused = [run("import-usage", "--mapping", mapping, source, *typed)]
    run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)
    (listed,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    named = listed["attestation_id"]
    refused += [run("stated", act, named, *typed, *why) for act in ("countersign", "withdraw")]
    hour = ("--from", "2026-01-05T08:00+08:00", "--until", "2026-01-05T09:00+08:00")
    refused.append(run("gaps", "explain", "GPU-1", *hour, *why, *typed))
    (after,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    with opened(Path(directory)) as server, server.work.begin(writes=False) as unit:
        acts = unit.connection.execute(text("SELECT actor, act FROM privileged_acts")).all()

    assert [one.returncode for one in refused] == [3, 3, 3, 3]
    assert all("the password of officer is wrong" in one.stderr for one in refused)
    assert after["state"] == "stated"
    assert ("officer", "usage-stated") in [tuple(one) for one in acts]


def test_the_published_samples_are_taken(directory: str, tmp_path: Path) -> None:
    """The files beside the documentation go through the command, and what is passed over is told
    in words."""
    taken = run(
        *("import-usage", "--mapping", str(CASES / "slurm.mapping.toml")),
        *(str(CASES / "slurm.txt"), *_proved(tmp_path), "-d", directory),
    )

    # October 2026 may be in the future where this runs: then that, and nothing else, is said.
    future = "ends in the future" in taken.stderr
    assert taken.returncode == (3 if future else 0), taken.stderr
    assert future or "steps of jobs" in taken.stdout


def test_gaps_are_listed_and_refused_in_words(directory: str, tmp_path: Path) -> None:
    """No explanation yet; a device nobody knows, an instant that is none and an explanation that
    is not there end with a sentence."""
    explain = ("gaps", "explain", "GPU-1", "--until", "2026-01-05T09:00+08:00", "--party", TENANT)
    said = (*_proved(tmp_path), "--reason", "停电", "-d", directory)

    listed = run("gaps", "list", "-d", directory)
    unknown = run(*explain, "--from", "2026-01-05T08:00+08:00", *said)
    senseless = run(*explain, "--from", "yesterday", *said)
    decided = run(
        *("gaps", "decide", "nothing", "--verdict", "accepted", *said),
    )

    assert "No explanations" in listed.stdout
    assert json.loads(run("gaps", "list", "--json", "-d", directory).stdout) == []
    assert (unknown.returncode, senseless.returncode, decided.returncode) == (3, 3, 3)
    assert "there is no device GPU-1" in unknown.stderr
    assert "is no instant" in senseless.stderr


def test_both_parties_take_a_countersigned_attestation_back(directory: str, tmp_path: Path) -> None:
    """One officer without a party, or for a party that said so before, is refused; the company's
    word waits for the provider's, and with it the list says who took it back."""
    mapping, source = _files(tmp_path)
    run("import-usage", "--mapping", mapping, source, *_proved(tmp_path), "-d", directory)
    (listed,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)
    named, why = listed["attestation_id"], ("--reason", "误传", "-d", directory)
    proved, other = (*_proved(tmp_path), *why), (*_proved(tmp_path, "second"), *why)
    run("stated", "countersign", named, "--party", TENANT, *other)

    alone = run("stated", "reverse", named, *proved)
    first = run("stated", "reverse", named, "--party", TENANT, *proved)
    again = run("stated", "reverse", named, "--party", TENANT, *proved)
    same = run("stated", "reverse", named, "--party", PROVIDER, *proved)
    second = run("stated", "reverse", named, "--party", PROVIDER, *other)
    (after,) = json.loads(run("stated", "list", "--json", "-d", directory).stdout)

    assert (alone.returncode, again.returncode, same.returncode) == (3, 3, 3)
    assert "recorded the other side's word" in same.stderr
    assert "two different officers" in alone.stderr
    assert "waits for the other side" in first.stdout
    assert "counts no longer" in second.stdout
    assert after["state"] == "reversed"
    assert sorted(after["taken_back_by"]) == sorted((TENANT, PROVIDER))

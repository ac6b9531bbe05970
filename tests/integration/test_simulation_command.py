"""`simulate` as an officer runs it: figures for each company and the budget; nothing is written."""

import json
from pathlib import Path

import pytest
from expense_cases import END, START, TENANT, assignment, observe, price
from expense_facts import store
from kashi_server.bootstrap import opened
from kashi_server.services.rulebook import PROGRAMMES
from server_commands import run

VOUCHER = PROGRAMMES / "shenzhen-compute-voucher.toml"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A server with October 2026 closed: one card for 744 hours at 1 000 yuan."""
    where = tmp_path_factory.mktemp("simulation") / "server"
    assert run("init", "--demo", "--directory", str(where)).returncode == 0
    with opened(where) as server:
        store(
            server.work,
            observe(START, END),
            assignments=[assignment()],
            prices=[price("1000.00")],
        )
    closed = run("close", "2026-10", "-d", str(where))
    assert closed.returncode == 0, closed.stderr
    return str(where)


@pytest.fixture
def lower(tmp_path: Path) -> str:
    """The voucher at 30 %, with a cap of 200 000 yuan and a pool of 100 000."""
    text = VOUCHER.read_text(encoding="utf-8")
    for old, new in (('"0.50"', '"0.30"'), ('"10000000.00"', '"200000.00"')):
        assert old in text
        text = text.replace(old, new, 1)
    text = text.replace('"500000000.00"', '"100000.00"').replace('"2024-12-18"', '"tried"', 1)
    file = tmp_path / "lower.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_figures_are_told_for_each_company_and_the_budget(directory: str, lower: str) -> None:
    """744 000 yuan: 372 000 at 50 %; at 30 % 223 200, held at the cap, then at the pool."""
    done = run("simulate", "--rules", lower, "--period", "2026-01..2026-10", "-d", directory)
    data = run(
        "simulate", "--rules", lower, "--period", "2026-01..2026-10", "-d", directory, "--json"
    )

    assert (done.returncode, data.returncode) == (0, 0), done.stderr + data.stderr
    found = json.loads(data.stdout)
    (company,) = found["companies"]
    assert (company["user_id"], company["stored_fen"]) == (TENANT, 37_200_000)
    assert (company["old"]["subsidy_fen"], company["new"]["subsidy_fen"]) == (
        37_200_000,
        10_000_000,
    )
    assert company["difference_fen"] == -27_200_000
    assert company["new"]["cap_hit"] == "2026-10-28"
    assert found["budget"]["new"]["asked_of_pool_fen"] == 20_000_000
    assert found["budget"]["new"]["pool_left_fen"] == -10_000_000
    assert found["budget"]["new"]["pool_exhausted_on"] == "2026-10-16"
    assert {one["name"] for one in found["changed"]} == {
        "version",
        "ratio.general",
        "cap.company_year_yuan",
        "pool.year_yuan",
    }
    printed = " ".join(done.stdout.split())
    for said in ("372000.00", "100000.00", "-272000.00", "2026-10-28", "全年预测", "forecast by"):
        assert said in printed
    assert "nothing was written" in printed


def test_the_rules_that_stand_change_nothing(directory: str) -> None:
    """Every difference is 0; comparing a file with itself as well."""
    same = ("simulate", "--rules", str(VOUCHER), "--period", "2026-10", "-d", directory, "--json")

    for arguments in (same, (*same, "--against", str(VOUCHER))):
        found = json.loads(run(*arguments).stdout)
        assert found["changed"] == []
        assert [one["difference_fen"] for one in found["companies"]] == [0]
        assert found["budget"]["old"] == found["budget"]["new"]


def test_months_that_are_not_closed_are_told_in_both_languages(directory: str) -> None:
    """November and December are open: on paper in both languages, in the figures by name."""
    asked = ("simulate", "--rules", str(VOUCHER), "--period", "2026-10..2026-12", "-d", directory)

    printed = run(*asked).stdout
    assert "尚未关账，未计入：2026-11、2026-12；" in printed
    assert "Not closed and not counted: 2026-11, 2026-12;" in printed
    assert json.loads(run(*asked, "--json").stdout)["open_months"] == ["2026-11", "2026-12"]


@pytest.mark.parametrize(
    ("period", "told"),
    [
        ("2026-10..2026-09", "ends before it begins"),
        ("2025-10..2026-09", "each year by itself"),
        ("October", "is not a month"),
        ("2027-01..2027-02", "close a month first"),
    ],
)
def test_a_period_that_makes_no_sense_is_told(directory: str, period: str, told: str) -> None:
    """A sentence and exit code 3."""
    done = run("simulate", "--rules", str(VOUCHER), "--period", period, "-d", directory)

    assert (done.returncode, told in done.stderr) == (3, True), done.stderr

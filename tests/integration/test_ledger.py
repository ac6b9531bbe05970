"""The ledger in a database: exactly once, never below a floor, provable from its rows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from fixtures_database import Database
from kashi_server.domain.budget import Act, Budget, ClaimMoney
from kashi_server.domain.ledger import Account, Movement, Posting
from kashi_server.errors import NotFound, Refused
from kashi_server.services.ledger import Ledger
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

BUDGET = Budget(programme_id="p", year=2026, envelopes=("e",), counted=True)
ENVELOPE = Budget(programme_id="e", year=2026)
CLAIM = ClaimMoney(claim_id="C-1", company_id="company")
NOW_UTC_MS = 1_795_000_000_000


def act(key: str) -> Act:
    """An officer's act."""
    return Act(key=key, officer="officer", reason="because")


@pytest.fixture
def ledger(work: Work) -> Ledger:
    """A year with a pool of 1 000, a cap of 600 and a quota of 2 in an envelope of 900."""
    made = Ledger(work, lambda: NOW_UTC_MS)
    for movement in (
        BUDGET.appropriate(act("appropriation"), 1_000),
        BUDGET.allow_company(act("cap"), "company", 600),
        BUDGET.allow_awards(act("quota"), 2),
        ENVELOPE.open_envelope(act("envelope"), 900),
    ):
        assert made.post(movement)
    return made


def standing(work: Work, *names: str) -> list[int]:
    """Balances."""
    with work.begin(writes=False) as unit:
        found = {one.account.name: one.amount for one in unit.ledger.balances()}
    return [found[name] for name in names]


def test_a_movement_is_posted_once(ledger: Ledger, work: Work) -> None:
    """The same key again adds nothing; the same key with other content is refused."""
    first = BUDGET.reserve(act("r1"), CLAIM, 100)

    assert [ledger.post(first), ledger.post(first)] == [True, False]
    with pytest.raises(Refused, match="used for another"):
        ledger.post(BUDGET.reserve(act("r1"), CLAIM, 101))
    assert standing(work, "pool:p/2026", "reserved:p/2026/C-1") == [900, 100]
    assert ledger.check() == []


@pytest.mark.parametrize(
    ("amount", "account"),
    [(601, "cap_left"), (1_001, "cap_left")],
)
def test_a_bound_that_is_reached_refuses_all_of_it(
    ledger: Ledger, work: Work, amount: int, account: str
) -> None:
    """The refusal names the account and what it holds; nothing moves."""
    before = standing(work, "pool:p/2026", "cap_left:p/2026/company", "quota_left:p/2026")

    with pytest.raises(Refused, match=account):
        ledger.post(BUDGET.reserve(act("r1"), CLAIM, amount))

    after = standing(work, "pool:p/2026", "cap_left:p/2026/company", "quota_left:p/2026")
    assert after == before
    assert ledger.check() == []


@pytest.mark.parametrize(("year", "holds"), [(2026, "10.00"), (2027, "0.00")])
def test_an_empty_pool_says_what_it_lacks_in_yuan_and_what_fills_it(
    ledger: Ledger, year: int, holds: str
) -> None:
    """An officer reads yuan, in both languages, and the command that puts money in."""
    budget = Budget(programme_id="p", year=year, capped=False)

    with pytest.raises(Refused) as refused:
        ledger.post(budget.reserve(act("r1"), CLAIM, 2_345))

    zh, en = str(refused.value).split("。")
    assert f"余额为 {holds} 元" in zh
    assert "需要 23.45 元" in zh
    assert f"pool:p/{year} holds {holds} yuan; reserve C-1 needs 23.45 yuan" in en
    assert f"kashi-server ledger appropriate p {year} YUAN --officer LOGIN" in zh
    assert f"kashi-server ledger appropriate p {year} YUAN --officer LOGIN" in en


def test_a_quota_ends_after_its_last_award(ledger: Ledger) -> None:
    """Two awards of one fen each, and no third; a whole release makes room again."""
    claims = [ClaimMoney(claim_id=f"C-{n}", company_id="company") for n in range(3)]
    ledger.post(BUDGET.reserve(act("r0"), claims[0], 1))
    ledger.post(BUDGET.reserve(act("r1"), claims[1], 1))
    with pytest.raises(Refused, match="quota_left"):
        ledger.post(BUDGET.reserve(act("r2"), claims[2], 1))
    ledger.post(BUDGET.release(act("b0"), claims[0], 1))

    assert ledger.post(BUDGET.reserve(act("r2"), claims[2], 1))
    assert ledger.check() == []


def test_a_claims_money_goes_all_the_way_and_back(ledger: Ledger, work: Work) -> None:
    """Reserved, accrued, certified, disbursed, partly recovered; each stage holds what is in it."""
    ledger.post(BUDGET.reserve(act("r"), CLAIM, 500))
    for stage in ("accrued", "certified", "disbursed"):
        ledger.post(BUDGET.advance(act(stage), CLAIM, 500, stage))
    ledger.post(BUDGET.claw_back(act("c"), CLAIM, 200))

    assert standing(work, "disbursed:p/2026/C-1", "recovered:p/2026", "pool:p/2026") == [
        300,
        200,
        500,
    ]
    with pytest.raises(Refused, match="disbursed"):
        ledger.post(BUDGET.claw_back(act("c2"), CLAIM, 301))
    assert ledger.check() == []


def test_a_reversal_is_exact_and_happens_once(ledger: Ledger, work: Work) -> None:
    """Balances are those of before; the reversal of nothing is refused."""
    before = standing(work, "pool:p/2026", "cap_left:p/2026/company")
    ledger.post(BUDGET.reserve(act("r"), CLAIM, 500))

    assert ledger.reverse("r", "second", "mistaken")
    assert not ledger.reverse("r", "second", "mistaken")
    assert standing(work, "pool:p/2026", "cap_left:p/2026/company") == before
    with pytest.raises(NotFound, match="no movement 'x'"):
        ledger.reverse("x", "second", "mistaken")
    assert ledger.check() == []


@pytest.mark.parametrize("table", ["ledger_movements", "ledger_postings"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET movement_id = 99", "DELETE FROM {}"])
def test_the_database_refuses_to_change_what_moved(
    ledger: Ledger, work: Work, table: str, statement: str
) -> None:
    """Whoever asks, by whatever program."""
    assert ledger.check() == []
    with pytest.raises(DatabaseError, match="only ever added"), work.engine.begin() as connection:
        connection.execute(text(statement.format(table)))


def test_the_database_itself_keeps_a_floor(ledger: Ledger, work: Work) -> None:
    """Below it there is no balance, whatever the program believed."""
    assert ledger.check() == []
    with pytest.raises(DatabaseError, match="floor"), work.engine.begin() as connection:
        connection.execute(text("UPDATE ledger_accounts SET balance = -1 WHERE floored = 1"))


Tampering = tuple[list[str], str]
TAMPERINGS: dict[str, Tampering] = {
    "balance": (["UPDATE ledger_accounts SET balance = 7 WHERE account = 'pool:p/2026'"], "stands"),
    "posting": (["UPDATE ledger_postings SET amount = 9 WHERE amount = 100"], "off by"),
    "both sides": (
        ["UPDATE ledger_postings SET amount = amount * 2 WHERE movement_id = 5"],
        "do not have the hash",
    ),
    "reason": (["UPDATE ledger_movements SET reason = 'x' WHERE key = 'r'"], "hash"),
    "removed": (
        [
            "DELETE FROM ledger_postings WHERE movement_id = 5",
            "DELETE FROM ledger_movements WHERE key = 'r'",
        ],
        "1 of the log are not in the ledger",
    ),
}


@pytest.mark.parametrize("name", list(TAMPERINGS))
def test_who_goes_around_the_guards_is_found(
    ledger: Ledger, database: Database, work: Work, name: str
) -> None:
    """Rows, hashes, balances and the log must agree."""
    ledger.post(BUDGET.reserve(act("r"), CLAIM, 100))
    statements, told = TAMPERINGS[name]
    with work.engine.begin() as connection:
        _take_guards_off(connection.execute, database.backend)
        for statement in statements:
            connection.execute(text(statement))

    assert any(told in fault for fault in ledger.check()), ledger.check()


def _take_guards_off(execute: Callable[..., object], backend: str) -> None:
    for table in ("ledger_movements", "ledger_postings"):
        if backend == "sqlite":
            for verb in ("update", "delete"):
                execute(text(f"DROP TRIGGER {table}_no_{verb}"))
        else:
            execute(text(f"DROP FUNCTION {table}_append_only() CASCADE"))


def test_32_writers_never_pass_cap_pool_or_quota(postgresql_database: Database) -> None:
    """Thirty-two officers reserve, release and pay at once: no bound is passed, every movement is
    there once, and nothing is lost."""
    work = Work(postgresql_database.engine)
    ledger = Ledger(work, lambda: NOW_UTC_MS)
    companies = [f"company-{n}" for n in range(4)]
    budget = Budget(programme_id="p", year=2026, envelopes=("e",), counted=True)
    setup: list[Movement] = [
        budget.appropriate(act("appropriation"), 20_000),
        budget.allow_awards(act("quota"), 60),
        ENVELOPE.open_envelope(act("envelope"), 18_000),
        *(budget.allow_company(act(f"cap/{c}"), c, 6_000) for c in companies),
    ]
    for movement in setup:
        ledger.post(movement)
    posted: list[Movement] = []

    def officer(number: int) -> None:
        chance = Random(number)
        for turn in range(6):
            claim = ClaimMoney(claim_id=f"{number}-{turn}", company_id=chance.choice(companies))
            taken = budget.reserve(act(f"r/{claim.claim_id}"), claim, chance.randint(1, 900))
            try:
                added = [ledger.post(taken), ledger.post(taken)]
            except Refused:
                continue
            assert added == [True, False]
            posted.append(taken)
            if chance.random() < 0.4:
                ledger.reverse(taken.key, "second", "withdrawn")

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(officer, range(32)))

    assert ledger.check() == []
    assert len(posted) > 32
    with work.begin(writes=False) as unit:
        keys = [stored.key for stored in unit.ledger.movements()]
        balances = {one.account.name: one.amount for one in unit.ledger.balances()}
    assert {movement.key for movement in posted} <= set(keys)
    assert min(amount for name, amount in balances.items() if name.startswith("cap_left")) >= 0
    reserved = sum(amount for name, amount in balances.items() if name.startswith("reserved"))
    assert reserved == 20_000 - balances["pool:p/2026"] == balances["envelope_used:e/2026"]


def test_an_account_keeps_its_unit_and_floor(ledger: Ledger) -> None:
    """A movement that takes a name for something else is refused."""
    strange = Movement(
        key="s", kind="s", reference="s", officer="o", reason="w",
        postings=(
            Posting(Account("pool:p/2026", floored=False), -5),
            Posting(Account("pocket:mine"), 5),
        ),
    )  # fmt: skip

    with pytest.raises(Refused, match="another unit or floor"):
        ledger.post(strange)
    assert ledger.check() == []

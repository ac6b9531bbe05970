"""Contracts in parts, amendments, declarations, lists and rents, imported on both databases."""

from datetime import date
from pathlib import Path
from typing import cast

import pytest
from expense_cases import OTHER_PROVIDER, PROVIDER, TENANT
from kashi_server.domain.interval import minute_of_day
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.tariff import PriceUnit
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.importing import Imported
from kashi_server.services.provider_lists import any_listed, listing_on, listings_on
from kashi_server.storage.unit_of_work import Work
from paper_cases import CONTRACT, PARTIES, PARTS, agreed, imported
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from two_languages import english_too

AMENDMENT = """\
[[amendment]]
contract = "HT-1"
number = "补-1"
signed_on = 2026-10-30
from = 2026-11-01T00:00:00+08:00
until = 2028-01-01T00:00:00+08:00
document = "补充协议〔2026〕1号"

[[contract_part]]
contract = "HT-1"
amendment = "补-1"
item = "accelerator"
ex_tax_yuan = "1000000.00"
tax_yuan = "60000.00"

[[contract_part]]
contract = "HT-1"
amendment = "补-1"
item = "storage"
ex_tax_yuan = "0.00"
tax_yuan = "0.00"
"""
LISTINGS = f"""\
[[listing]]
listing_id = "2025-2-1"
provider = "{PROVIDER}"
batch = "2025年第二批"
service_item = "智算训练服务"
listed_from = 2026-04-09
listed_until = 2027-04-09
document = "深科创〔2026〕15号"

[[listing]]
listing_id = "2025-2-2"
provider = "{PROVIDER}"
batch = "2025年第二批"
service_item = "智算推理服务"
listed_from = 2026-06-01
document = "深科创〔2026〕15号"
"""
DECLARATION = """\
[[declaration]]
contract = "HT-1"
declared_on = 2026-11-05
unrelated = false
document = "关联关系声明 2026-11-05"
"""
PROJECT = """\
[[project]]
contract = "HT-1"
stated_on = 2026-11-06
project = "工业质检大模型"
purpose = "大模型训练"
document = "项目技术说明"
"""
RENTS = """\
[[rent]]
rent_id = "R-1"
contract = "HT-1"
of = "contract"
yuan_per_month = "65000.00"
devices = 8
from = 2026-10-01T00:00:00+08:00

[[partition_price]]
price_id = "P-1g"
contract = "HT-2"
model = "NVIDIA H100 80GB HBM3"
profile = "1g.10gb"
yuan_per_partition_hour = "3.00"
basis = "leased_observed"
from = 2026-10-01T00:00:00+08:00
"""


def test_a_contracts_parts_sum_to_its_total(work: Work) -> None:
    """Accelerator and what else was bought, each by its item; importing again is nothing."""
    agreed(work)

    with work.begin(writes=False) as unit:
        held = unit.papers.terms("HT-1").held_at()
    assert held.total.incl_fen == 95_400_000
    assert held.of_item("accelerator").incl_fen == 82_680_000
    assert held.without("accelerator").ex_tax_fen == 12_000_000
    assert imported(work, PARTS, CONTRACT, PARTIES).unchanged == 10
    assert check_logged(work) == []


def test_what_held_before_an_amendment_can_be_asked(work: Work) -> None:
    """The amendment replaces what it names, moves the end, and takes nothing from history."""
    agreed(work)
    done = imported(work, AMENDMENT)

    assert done == Imported(added=3, changed=1, unchanged=0)
    with work.begin(writes=False) as unit:
        terms = unit.papers.terms("HT-1")
        (contract,) = (one for one in unit.expense.contracts() if one.contract_id == "HT-1")
    before = terms.held_at(minute_of_day(date(2026, 10, 31)))
    assert [part.part for part in before.parts] == ["accelerator", "storage"]
    assert [part.part for part in terms.held_at().parts] == ["accelerator"]
    assert terms.held_at().total.ex_tax_fen == 100_000_000
    assert contract.term.end == minute_of_day(date(2028, 1, 1))
    assert check_logged(work) == []


def test_the_first_contract_takes_no_amendment_back(work: Work) -> None:
    """Files as they were first signed, imported again: nothing changes."""
    agreed(work)
    imported(work, AMENDMENT, DECLARATION)

    assert imported(work, PARTIES, CONTRACT, PARTS, AMENDMENT, DECLARATION) == Imported(
        added=0, changed=0, unchanged=14
    )
    assert check_logged(work) == []


def test_an_end_that_an_amendment_states_moves_by_another_one(work: Work) -> None:
    """A third end in the contract's file is refused and told what to do."""
    agreed(work)
    imported(work, AMENDMENT)

    with pytest.raises(MistakesFound, match="补-1 states the end; move it by another one"):
        imported(work, CONTRACT.replace("2027-09-01", "2027-10-01"))


def test_a_declaration_changes_what_the_contract_declares(work: Work) -> None:
    """The latest one holds, with its paper."""
    agreed(work)

    assert imported(work, DECLARATION) == Imported(added=1, changed=1, unchanged=0)
    with work.begin(writes=False) as unit:
        (contract,) = (one for one in unit.expense.contracts() if one.contract_id == "HT-1")
        (declared,) = unit.papers.declarations("HT-1")
    assert contract.unrelated_declared is False
    assert declared.document == "关联关系声明 2026-11-05"


def test_who_was_listed_for_what_and_when(work: Work) -> None:
    """By provider and service item, on its days and no other."""
    agreed(work)
    with work.begin(writes=False) as unit:
        assert not any_listed(unit)
    imported(work, LISTINGS)

    with work.begin(writes=False) as unit:
        found = listing_on(unit, PROVIDER, date(2026, 4, 9), "智算训练服务")
        assert found is not None
        assert (found.batch, found.document) == ("2025年第二批", "深科创〔2026〕15号")
        assert listing_on(unit, PROVIDER, date(2026, 4, 8), "智算训练服务") is None
        assert listing_on(unit, PROVIDER, date(2027, 4, 9), "智算训练服务") is None
        assert listing_on(unit, PROVIDER, date(2026, 5, 31), "智算推理服务") is None
        assert listing_on(unit, PROVIDER, date(2026, 5, 31)) == found
        assert listing_on(unit, OTHER_PROVIDER, date(2026, 5, 31)) is None
        assert len(listings_on(unit, date(2026, 7, 1))) == 2
    assert imported(work, LISTINGS).unchanged == 2
    assert check_logged(work) == []


def test_a_listing_ends_and_changes_in_nothing_else(work: Work) -> None:
    """Its end may be set; its batch is history."""
    agreed(work)
    imported(work, LISTINGS)

    ended = LISTINGS.replace(
        "listed_from = 2026-06-01", "listed_from = 2026-06-01\nlisted_until = 2026-12-01"
    )
    assert imported(work, ended).changed == 1
    with pytest.raises(MistakesFound, match="a paper never changes"):
        imported(work, ended.replace("2025年第二批", "2026年第一批"))


def test_rents_and_partition_prices_are_prices(work: Work) -> None:
    """They stand beside prices per card-hour, come back as they were, and are in the log."""
    agreed(work)
    imported(work, RENTS)

    with work.begin(writes=False) as unit:
        by_id = {price.price_id: price for price in unit.expense.prices()}
    assert by_id["R-1"].unit is PriceUnit.CONTRACT_MONTH
    assert by_id["R-1"].devices == 8
    assert by_id["P-1g"].profile == "1g.10gb"
    assert imported(work, RENTS).unchanged == 2
    assert check_logged(work) == []


PART = "contract_part[1]"
MALFORMED: dict[str, tuple[str, str]] = {
    "strange item": (
        PARTS.replace('item = "accelerator"', 'item = "wine"', 1),
        ":3: contract_part[1].item",
    ),
    "negative": (PARTS.replace('"780000.00"', '"-1.00"', 1), f"{PART}"),
    "wrong sum": (
        PARTS.replace('"826800.00"', '"826800.01"'),
        "contract_part[1].tax_yuan: 780000.00",
    ),
    "no contract": (
        PARTS.replace('"HT-1"', '"HT-9"', 1),
        "contract_part[1].contract: 没有合同 HT-9",
    ),
    "no amendment": (
        AMENDMENT.replace('number = "补-1"', 'number = "补-2"'),
        "has no amendment 补-1",
    ),
    "parts of a fen": (PARTS.replace('"780000.00"', '"780000.001"'), "at most two places"),
    "bare float": (PARTS.replace('"780000.00"', "780000.00"), "write the amount as text"),
    "not a provider": (LISTINGS.replace(PROVIDER, TENANT), "is a company, not a provider"),
    "listed twice": (
        LISTINGS.replace("智算推理服务", "智算训练服务"),
        "listing[2].listed_from: 智算训练服务",
    ),
    "ends before it begins": (
        LISTINGS.replace("2027-04-09", "2026-04-09"),
        "listing[1].listed_until: listing 2025-2-1 ends before",
    ),
    "no paper": (DECLARATION.replace("关联关系声明 2026-11-05", " "), "declaration[1].document"),
    "rent in a price": (
        RENTS.replace("leased_observed", "flat_rent"),
        "partition_price[1].basis: 固定租金按月写在 [[rent]] 中",
    ),
    "rent of a model and all": (
        RENTS.replace('of = "contract"', 'of = "contract"\nmodel = "H100"'),
        "rent[1].of: price R-1 names a model",
    ),
    "rent of nobody": (RENTS.replace('of = "contract"', 'of = "device"'), "rent[1].of"),
    "end and open": (
        AMENDMENT.replace("document =", "open_end = true\ndocument =", 1),
        "amendment[1].until",
    ),
    "ends before the contract": (
        AMENDMENT.replace("2028-01-01", "2026-01-01"),
        "amendment[1].until: 合同 HT-1 的开始时间更晚",
    ),
}


@pytest.mark.parametrize("name", list(MALFORMED))
def test_each_mistake_is_named_and_nothing_is_taken(work: Work, name: str) -> None:
    """File, line, field; and not a row more than before."""
    agreed(work)
    wrong, told = MALFORMED[name]
    before = _count(work)

    with pytest.raises(MistakesFound) as caught:
        imported(work, wrong)

    assert told in english_too(caught.value)
    assert _count(work) == before


def _count(work: Work) -> list[int]:
    tables = (
        "contract_parts", "contract_amendments", "related_declarations", "project_descriptions",
        "provider_listings", "prices", "log_pending",
    )  # fmt: skip
    with work.begin(writes=False) as unit:
        return [
            unit.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in tables
        ]


def test_what_the_page_tells_people_to_write_is_sound(work: Work) -> None:
    """Both examples of docs/agreements.md, one after the other."""
    page = Path(__file__).parents[2] / "docs" / "agreements.md"
    examples = page.read_text(encoding="utf-8").split("```toml")[1:]
    tenant = '[[party]]\nparty_id = "91440300MA50001107"\nkind = "company"\nname_zh = "示例"\n'
    texts = [example.split("```")[0] for example in examples]

    assert imported(work, tenant, *texts).added == 13
    assert check_logged(work) == []


def test_a_project_is_told_once_and_a_later_one_beside_it(work: Work) -> None:
    """What it is for, by its day; the day of one that stands says nothing else, and the log has
    every one."""
    agreed(work)
    later = PROJECT.replace("2026-11-06", "2026-12-01").replace("大模型训练", "推理服务")
    assert imported(work, PROJECT) == Imported(added=1, changed=0, unchanged=0)
    assert imported(work, PROJECT) == Imported(added=0, changed=0, unchanged=1)
    with pytest.raises(MistakesFound, match="a paper never changes"):
        imported(work, PROJECT.replace("大模型训练", "推理服务"))
    assert imported(work, later) == Imported(added=1, changed=0, unchanged=0)

    with work.begin(writes=False) as unit:
        told = unit.papers.projects("HT-1")
    assert [(one.stated_on.month, one.purpose) for one in told] == [
        (11, "大模型训练"),
        (12, "推理服务"),
    ]
    assert [one.site for one in told] == [None, None]
    assert check_logged(work) == []
    with pytest.raises(MistakesFound, match="there is no contract HT-9"):
        imported(work, PROJECT.replace("HT-1", "HT-9"))


def test_a_project_of_a_day_that_has_not_come_is_not_certified(work: Work) -> None:
    """A paper never changes: one dated 2062 by mistake would hide every later one from the
    certificates of 2026. Until its day the latest of those before it is printed, or none."""
    agreed(work)
    imported(work, PROJECT.replace("2026-11-06", "2062-11-06").replace("大模型训练", "笔误"))
    with work.begin(writes=False) as unit:
        before = unit.certificates.stated("HT-1", None, date(2026, 12, 31))
    imported(work, PROJECT)

    with work.begin(writes=False) as unit:
        on = {
            day: unit.certificates.stated("HT-1", None, day)["project"]
            for day in (date(2026, 11, 6), date(2026, 12, 31), date(2062, 11, 6))
        }
    assert (before["project"], before["contact"], before["site"]) == (None, None, None)
    assert [cast("dict[str, str]", one)["purpose"] for one in on.values()] == [
        "大模型训练",
        "大模型训练",
        "笔误",
    ]


@pytest.mark.parametrize(
    "table",
    ["contract_parts", "contract_amendments", "related_declarations", "project_descriptions"],
)
def test_the_database_keeps_papers(work: Work, table: str) -> None:
    """Whoever writes past the services changes nothing that stands."""
    agreed(work)
    imported(work, AMENDMENT, DECLARATION, PROJECT)

    with pytest.raises(DatabaseError, match="only ever added"), work.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {table}"))


def test_a_row_behind_the_servers_back_shows(work: Work) -> None:
    """A listing that nobody imported differs from the log."""
    agreed(work)
    imported(work, LISTINGS)
    with work.engine.begin() as connection:
        connection.execute(text("UPDATE provider_listings SET batch = '2024年第一批'"))

    faults = check_logged(work)

    assert (
        "约定 listing/2025-2-1 与日志所载不符。"
        "agreement listing/2025-2-1 is not what the log has of it"
    ) in faults

"""Importing: all or nothing, every mistake with file, line and field, and history stays."""

import threading
from pathlib import Path

import pytest
from expense_cases import (
    END,
    HOST_A,
    OCTOBER,
    OTHER_TENANT,
    PARTIES,
    PROVIDER,
    START,
    TENANT,
    price,
)
from fixtures_database import Database
from kashi_server.domain.assignment_act import Answer
from kashi_server.domain.interval import instant_of
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.statement import CutOff
from kashi_server.errors import KashiError, NotFound, Refused
from kashi_server.services.assignment import Actor, Assigning
from kashi_server.services.expense_port import Close
from kashi_server.services.importing import Imported, ImportFile, Importing
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from two_languages import english_too

NOW_UTC_MS = (START + 20 * 1440) * 60_000
"""The 21st of October 2026."""

SOUND = f"""\
[[party]]
party_id = "{PROVIDER}"
kind = "provider"
name_zh = "示例算力服务"

[[party]]
party_id = "{TENANT}"
kind = "company"
name_zh = "示例智能科技"

[[tenure]]
host_id = "{HOST_A}"
owner = "{PROVIDER}"
operator = "{PROVIDER}"
kind = "leased_out"
from = 2026-09-01T00:00:00+08:00

[[contract]]
contract_id = "HT-1"
provider = "{PROVIDER}"
user = "{TENANT}"
signed_on = 2026-08-20
from = 2026-09-01T00:00:00+08:00
unrelated_declared = true

[[assignment]]
assignment_id = "A-1"
contract = "HT-1"
hardware_id = "GPU-1"
from = 2026-10-01T00:00:00+08:00
proposed_by = "{PROVIDER}"

[[price]]
price_id = "P-1"
contract = "HT-1"
model = "NVIDIA H100 80GB HBM3"
yuan_per_card_hour = "12.50"
basis = "leased_observed"
from = 2026-10-01T00:00:00+08:00
"""

PRICE_CHANGE = """\
[[price]]
price_id = "P-1"
contract = "HT-1"
model = "NVIDIA H100 80GB HBM3"
yuan_per_card_hour = "12.50"
basis = "leased_observed"
from = 2026-10-01T00:00:00+08:00
until = 2026-11-01T00:00:00+08:00

[[price]]
price_id = "P-2"
contract = "HT-1"
model = "NVIDIA H100 80GB HBM3"
yuan_per_card_hour = "11.80"
basis = "leased_observed"
from = 2026-11-01T00:00:00+08:00
"""


def _import(work: Work, *texts: str, now: int = NOW_UTC_MS) -> Imported:
    files = [ImportFile(f"file{place}.toml", text) for place, text in enumerate(texts, 1)]
    return Importing(work, lambda: now).take(files, "officer")


def _rows(work: Work) -> dict[str, int]:
    tables = ("parties", "tenures", "contracts", "assignments", "prices", "log_pending")
    with work.begin(writes=False) as unit:
        return {
            table: unit.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in tables
        }


def test_a_sound_file_is_taken_and_taking_it_again_changes_nothing(work: Work) -> None:
    """Six entries are added; the second time all of them stand already."""
    assert _import(work, SOUND) == Imported(added=6, changed=0, unchanged=0)
    before = _rows(work)

    assert _import(work, SOUND) == Imported(added=0, changed=0, unchanged=6)
    assert _rows(work) == before


def test_files_may_name_each_other_in_any_order(work: Work) -> None:
    """Prices may stand in a file before the one with their contract."""
    head, price = SOUND.split("[[price]]")

    assert _import(work, "[[price]]" + price, head).added == 6


def test_the_documented_example_is_sound(sqlite_database: Database) -> None:
    """What the documentation tells people to write can be imported, but for the tenant's party."""
    page = Path(__file__).parents[2] / "docs" / "agreements.md"
    example = page.read_text(encoding="utf-8").split("```toml")[1].split("```")[0]
    tenant = f'[[party]]\nparty_id = "{TENANT}"\nkind = "company"\nname_zh = "示例"\n'

    assert _import(sqlite_database.work, example, tenant).added == 6


MISTAKES = [
    ("not TOML", "party_id = ", "file1.toml:1: not TOML"),
    ("wrong check digit", SOUND.replace(PROVIDER, PROVIDER[:-1] + "7", 1), ":2: party[1].party_id"),
    ("unknown kind", SOUND.replace('"provider"', '"vendor"', 1), ":3: party[1].kind"),
    ("missing name", SOUND.replace('name_zh = "示例算力服务"\n', "", 1), ":1: party[1].name_zh"),
    ("unknown field", SOUND.replace("name_zh", "nombre", 1), ":4: party[1].nombre"),
    ("unknown table", SOUND + "[[invoice]]\nnumber = 1\n", ":40: invoice"),
    ("no host", SOUND.replace(HOST_A, "host-1"), ":12: tenure[1].host_id"),
    ("no offset", SOUND.replace("00:00+08:00", "00:00", 1), ":16: tenure[1].from"),
    ("part of a minute", SOUND.replace("00:00+08:00", "00:01+08:00", 1), ":16: tenure[1].from"),
    ("not a party", SOUND.replace(f'user = "{TENANT}"', 'user = "91440300MA5999999X"'), ":21: "),
    ("same side", SOUND.replace(f'user = "{TENANT}"', f'user = "{PROVIDER}"'), ":21: contract[1]"),
    ("day as text", SOUND.replace("2026-08-20", '"2026-08-20"'), ":22: contract[1].signed_on"),
    ("no contract", SOUND.replace('contract = "HT-1"', 'contract = "HT-9"', 1), ":28: assignment"),
    (
        "before the term",
        SOUND.replace("2026-10-01T00:00:00+08:00", "2026-08-01T00:00:00+08:00", 1),
        "file1.toml:31: assignment[1].proposed_by",
    ),
    ("a stranger", SOUND.replace(f'_by = "{PROVIDER}"', f'_by = "{PARTIES[4].party_id}"'), ":31: "),
    ("a float", SOUND.replace('"12.50"', "12.50"), ":37: price[1].yuan_per_card_hour"),
    ("too fine", SOUND.replace('"12.50"', '"12.123456789"'), ":37: price[1].yuan_per_card_hour"),
    ("negative", SOUND.replace('"12.50"', '"-1.00"'), ":37: price[1].yuan_per_card_hour"),
    ("no basis", SOUND.replace("leased_observed", "wished"), ":38: price[1].basis"),
    (
        "ends before it begins",
        SOUND + "until = 2026-09-30T00:00:00+08:00\n",
        "file1.toml:40: price[1].until",
    ),
    ("twice", SOUND + SOUND[SOUND.index("[[price]]") :], ":41: price[2].price_id"),
    (
        "overlap",
        SOUND + SOUND[SOUND.index("[[price]]") :].replace("P-1", "P-2"),
        ":46: price[2].from: price P-2 overlaps P-1",
    ),
]


@pytest.mark.parametrize(
    ("content", "told"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_named_with_file_line_and_field(
    sqlite_database: Database, content: str, told: str
) -> None:
    """The message leads to the line; nothing of the file is taken."""
    work = sqlite_database.work

    with pytest.raises(MistakesFound) as refusal:
        _import(work, content)

    assert told in english_too(refusal.value)
    assert set(_rows(work).values()) == {0}


def test_every_mistake_is_told_at_once(work: Work) -> None:
    """Three mistakes in two files are three lines of one refusal; nothing is half-imported."""
    spoilt = SOUND.replace('"12.50"', "12.50").replace('"leased_out"', '"lent"')

    with pytest.raises(MistakesFound) as refusal:
        _import(work, spoilt, "[[party]]\nkind = 'company'\nname_zh = '甲'\n")

    told = [(mistake.file, mistake.line, mistake.field) for mistake in refusal.value.mistakes]
    assert told == [
        ("file1.toml", 15, "tenure[1].kind"),
        ("file1.toml", 37, "price[1].yuan_per_card_hour"),
        ("file2.toml", 1, "party[1].party_id"),
    ]
    assert set(_rows(work).values()) == {0}


def test_what_names_a_spoilt_entry_is_not_blamed(work: Work) -> None:
    """A party with a wrong kind is one mistake, not one more for each contract that names it."""
    with pytest.raises(MistakesFound) as refusal:
        _import(work, SOUND.replace('"company"', '"firm"'))

    assert [mistake.field for mistake in refusal.value.mistakes] == ["party[2].kind"]


def test_a_started_price_may_only_be_end_dated(work: Work) -> None:
    """Its end may be set ahead; its yuan may not change; its end may not move into the past."""
    _import(work, SOUND)

    with pytest.raises(MistakesFound, match="only its end may be set"):
        _import(work, SOUND.replace("12.50", "13.50"))
    with pytest.raises(MistakesFound, match="which has passed"):
        _import(work, SOUND + "until = 2026-10-02T00:00:00+08:00\n")
    assert _import(work, PRICE_CHANGE) == Imported(added=1, changed=1, unchanged=0)


def test_a_price_that_has_not_begun_may_change(work: Work) -> None:
    """Before it begins nobody was billed by it."""
    _import(work, SOUND, now=(START - 1440) * 60_000)

    done = _import(work, SOUND.replace("12.50", "13.50"), now=(START - 1440) * 60_000)

    assert done == Imported(added=0, changed=1, unchanged=5)


def _close_october(work: Work) -> None:
    end = OCTOBER.interval().bounded()[1]
    cut_off = CutOff(event_end=end, checkpoint_size=0, checkpoint_root=bytes(32))
    with work.begin() as unit:
        close = Close(month=OCTOBER, cut_off=cut_off, closed_utc_ms=end * 60_000)
        unit.expense.add_close(close, [])
        unit.commit()


def test_nothing_reaches_into_a_closed_month(work: Work) -> None:
    """A new price, lease or tenure for a closed month is refused: that is a correction's work."""
    _import(work, SOUND.split("[[assignment]]")[0])
    _close_october(work)
    later = instant_of(OCTOBER.interval().bounded()[1] + 1440)
    now = int(later.timestamp()) * 1000

    with pytest.raises(MistakesFound) as refusal:
        _import(work, SOUND, now=now)

    assert [mistake.field for mistake in refusal.value.mistakes] == [
        "assignment[1].from",
        "price[1].from",
    ]
    _import(work, SOUND.replace("2026-10-01", "2026-11-01"), now=now)


def test_the_other_side_confirms(work: Work) -> None:
    """The proposer cannot confirm, a stranger sees nothing, the other side can, once."""
    _import(work, SOUND)
    assigning = Assigning(work, lambda: NOW_UTC_MS)

    def confirm(party_id: str) -> None:
        actor = Actor(login="someone", party_id=party_id)
        assigning.answer(actor, ["A-1"], Answer.CONFIRM)

    with pytest.raises(Refused, match="waits for the other side"):
        confirm(PROVIDER)
    with pytest.raises(NotFound):
        confirm(PARTIES[4].party_id)
    confirm(TENANT)
    with pytest.raises(Refused, match="confirmed already"):
        confirm(TENANT)
    # The file that proposed it does not take the confirmation back.
    assert _import(work, SOUND).unchanged == 6


def test_a_device_cannot_be_assigned_twice_in_a_minute(work: Work) -> None:
    """The second proposal names the first."""
    _import(work, SOUND)
    again = SOUND[SOUND.index("[[assignment]]") : SOUND.index("[[price]]")].replace("A-1", "A-2")

    with pytest.raises(MistakesFound, match="assignment A-1 of contract HT-1 names GPU-1"):
        _import(work, again)


@pytest.mark.parametrize(
    "statement",
    [
        (
            "INSERT INTO prices"
            " (price_id, contract_id, model, yuan, basis, start_minute, end_minute)"
            " SELECT 'P-9', contract_id, model, yuan, basis, start_minute + 60,"
            " end_minute FROM prices"
        ),
        (
            "INSERT INTO assignments SELECT 'A-9', contract_id, hardware_id, start_minute + 60,"
            " end_minute, proposed_by, proposed_utc_ms, confirmed_by, confirmed_utc_ms"
            " FROM assignments"
        ),
        (
            "INSERT INTO tenures SELECT host_id, start_minute + 60, end_minute, owner_id,"
            " operator_id, kind FROM tenures"
        ),
    ],
)
def test_the_database_itself_refuses_overlaps(work: Work, statement: str) -> None:
    """Whoever writes past the services meets the same rule."""
    _import(work, SOUND)

    with pytest.raises(DatabaseError, match="overlap"), work.begin() as unit:
        unit.connection.execute(text(statement))


def test_two_writers_at_once_cannot_overlap(postgresql_database: Database) -> None:
    """The second transaction waits for the first to end and then sees its price."""
    work = postgresql_database.work
    _import(work, SOUND)
    second: list[BaseException] = []
    started = threading.Event()

    def other() -> None:
        try:
            with work.begin() as unit:
                started.set()
                unit.expense.put_price(price("9.00", END + 60, price_id="P-9", model="X"))
                unit.commit()
        except DatabaseError as error:
            second.append(error)

    with work.begin() as unit:
        unit.expense.put_price(price("8.00", END, price_id="P-8", model="X"))
        thread = threading.Thread(target=other)
        thread.start()
        assert started.wait(30)
        unit.commit()
    thread.join(30)

    assert [type(error).__name__ for error in second] == ["IntegrityError"]
    with work.begin(writes=False) as unit:
        assert [one.price_id for one in unit.expense.prices()] == ["P-1", "P-8"]


@pytest.mark.parametrize("verb", ["UPDATE closes SET checkpoint_size = 1", "DELETE FROM closes"])
def test_the_database_itself_keeps_what_a_close_wrote(work: Work, verb: str) -> None:
    """A close is only ever added."""
    _close_october(work)

    with pytest.raises(DatabaseError, match="only ever added"), work.begin() as unit:
        unit.connection.execute(text(verb))


def test_refusals_are_the_houses_errors() -> None:
    """A refused import is a KashiError: the command line turns it into a sentence."""
    assert issubclass(MistakesFound, KashiError)


@pytest.mark.parametrize(
    ("content", "zh", "en"),
    [
        (SOUND.replace(f'user = "{TENANT}"', f'user = "{OTHER_TENANT}"'), "没有主体", "no party"),
        (
            SOUND.replace('kind = "company"', 'kind = "provider"'),
            "主体类别不符",
            "not a company",
        ),
        (
            SOUND.replace('contract = "HT-1"', 'contract = "HT-9"'),
            "没有合同 HT-9",
            "there is no contract HT-9",
        ),
    ],
    ids=["nobody", "another kind", "no contract"],
)
def test_the_book_refuses_in_chinese_first(
    sqlite_database: Database, content: str, zh: str, en: str
) -> None:
    """What is wrong with an agreement is said in Chinese, then in English."""
    with pytest.raises(MistakesFound) as refusal:
        _import(sqlite_database.work, content)

    told = str(refusal.value)
    assert 0 <= told.find(zh) < told.find(en)


def test_what_stands_is_kept_in_chinese_first(sqlite_database: Database) -> None:
    """A standing entry that a file says otherwise: only its end may be changed."""
    _import(sqlite_database.work, SOUND)
    with pytest.raises(MistakesFound, match=r"仅可更改结束时间。.*only its end may be changed"):
        _import(sqlite_database.work, SOUND.replace('"leased_out"', '"self_owned"'))

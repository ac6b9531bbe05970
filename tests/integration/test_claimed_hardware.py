"""A partition's minutes are redeemed once whichever of its ids a statement has them by."""

from dataclasses import replace

import pytest
from claim_cases import CLERK, Filed, filed, opened, rules
from fixtures_certificates import MONTH
from insider import alter
from kashi_server.domain.attestation import SITE_PREFIX
from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.errors import Refused
from kashi_server.services.claims_port import HeldLine
from kashi_server.storage.tables.claims import claim_lines
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import insert
from sqlalchemy.exc import DatabaseError

UUID = "6f3c1111-2222-3333-4444-55556666abcd"
BARE = f"MIG-{UUID}"
FOUR, THREE = f"{BARE}.4of7-4g.40gb", f"{BARE}.3of7-3g.40gb"
CARD = f"GPU-{UUID}"
ANOTHER = "KS-2026-10-HT-Z"


@pytest.fixture
def ready(claims_work: Work) -> Filed:
    """Whoever files claims, with papers."""
    return filed(claims_work)


def line(claim_id: str, programme_id: str, hardware_id: str, *, start: int = 0) -> HeldLine:
    """An hour of a device by this id, of a statement of its own."""
    return HeldLine(
        claim_id=claim_id,
        number=ANOTHER,
        revision=1,
        line=1,
        programme_id=programme_id,
        hardware_id=hardware_id,
        hardware_key=hardware_key(hardware_id),
        start_minute=start,
        end_minute=start + 60,
    )


def hold(ready: Filed, *lines: HeldLine) -> None:
    """Hold them for good."""
    with ready.work.begin() as unit:
        unit.claims.hold_lines(lines)
        unit.commit()


@pytest.mark.parametrize(
    ("held", "asked"), [(BARE, FOUR), (FOUR, BARE), (FOUR, THREE), (CARD, CARD.upper())]
)
def test_a_minute_is_redeemed_once_by_any_id(ready: Filed, held: str, asked: str) -> None:
    """The second claim of the programme is refused and the first is named; the hour after is
    free; and the database itself refuses what a program got past that."""
    first, second = ready.draft(), ready.draft()
    programme = ready.batch.programme_id
    hold(ready, line(first, programme, held))

    with pytest.raises(Refused, match=f"claimed already by claim {first}"):
        hold(ready, line(second, programme, asked, start=59))
    again = line(second, programme, asked, start=59)
    row = {column.name: getattr(again, column.name) for column in claim_lines.c}
    with ready.work.begin() as unit, pytest.raises(DatabaseError, match="overlap"):
        unit.connection.execute(insert(claim_lines).values(row))
    hold(ready, line(second, programme, asked, start=60))


def test_programmes_that_share_a_partition_know_of_each_other(ready: Filed) -> None:
    """One has it by its UUID alone, the other with its share: stacking lines hold for both."""
    other = opened(ready.work, ready.clock, rules("other-voucher"), batch_id="SQ-3")
    mine = ready.draft()
    theirs = other.claims.draft(CLERK, "SQ-3", other.content()).claim.claim_id
    hold(ready, line(mine, ready.batch.programme_id, BARE))
    hold(ready, line(theirs, other.batch.programme_id, FOUR))

    with ready.work.begin(writes=False) as unit:
        assert unit.claims.sharing(mine) == [theirs]
        assert unit.claims.sharing(theirs) == [mine]


def test_what_a_site_calls_its_units_is_no_partition(ready: Filed) -> None:
    """A site named `mig-east.1` beside `mig-east.2`: two units there are two, for two claims, and
    lines of one statement that end and begin within one minute are all held."""
    named = StatementRevision(f"KS-{MONTH}-HT-A", 1)
    alter(ready.work, "rated_lines", f"UPDATE rated_lines SET host_id = '{SITE_PREFIX}mig-east.1'")
    first, second = ready.draft(), ready.draft()
    for claim_id, site in ((first, "mig-east.1"), (second, "mig-east.2")):
        alter(ready.work, "rated_lines", f"UPDATE rated_lines SET hardware_id = '{site}/I-1'")
        with ready.work.begin(writes=False) as unit:
            lines = unit.claims.lines_of(named)
        assert {one.hardware_key for one in lines} == {f"{site}/i-1"}
        (of_one, *_rest) = lines
        twice = [
            replace(of_one, claim_id=claim_id, programme_id="P-1", line=place) for place in (1, 2)
        ]
        hold(ready, *twice)
    with ready.work.begin(writes=False) as unit:
        assert [len(unit.claims.held_lines(one)) for one in (first, second)] == [2, 2]

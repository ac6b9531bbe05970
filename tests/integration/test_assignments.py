"""Claims about assignments: one side proposes, the other answers, and everything of it is kept."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from expense_cases import (
    END,
    HOST_A,
    HOST_B,
    OCTOBER,
    OTHER_PROVIDER,
    OTHER_TENANT,
    PROVIDER,
    START,
    TENANT,
    at,
    contract,
    observe,
    tenure,
)
from expense_facts import store
from insider import alter
from kashi_server.domain.assignment_act import ActKind, Answer, Standing
from kashi_server.domain.assignment_draft import AssignmentDraft, drafts_of
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.sheet import SheetRefused
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.log.sequencer import sequence
from kashi_server.services.accounts import Role
from kashi_server.services.assignment import Actor, Assigning
from kashi_server.services.assignment_views import AssignmentViews
from kashi_server.services.authority import Keyring
from kashi_server.services.closing import MonthClosing
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.importing import store as store_agreement
from kashi_server.services.sight import Reader
from kashi_server.storage.tables.accounts import audit_entries
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

NOW_UTC_MS = START * MINUTE_MS
AFTER_UTC_MS = (END + 3 * 1440) * MINUTE_MS
PROVIDING = Actor(login="provider-1", party_id=PROVIDER, address="192.0.2.7")
RENTING = Actor(login="tenant-1", party_id=TENANT)
STRANGER = Actor(login="other-1", party_id=OTHER_TENANT)
TENANT_READS = Reader(account_id=1, role=Role.COMPANY, party_id=TENANT)
PROVIDER_READS = Reader(account_id=2, role=Role.PROVIDER, party_id=PROVIDER)
OFFICE_READS = Reader(account_id=3, role=Role.OFFICER, party_id=None)


@pytest.fixture
def agreed(work: Work) -> Work:
    """A provider with two cards that report through October, and two contracts about them."""
    minutes = observe(START, END)
    minutes |= observe(START, END, hardware_id="GPU-2", host_id=HOST_B)
    store(work, minutes)
    with work.begin() as unit:
        other = replace(contract(), contract_id="HT-2", user_id=OTHER_TENANT)
        unit.expense.put_contract(other)
        agreements = unit.expense
        for party in agreements.parties():
            store_agreement(unit, party, NOW_UTC_MS)
        for host in agreements.tenures():
            store_agreement(unit, host, NOW_UTC_MS)
        for one in agreements.contracts():
            store_agreement(unit, one, NOW_UTC_MS)
        for cost in agreements.prices():
            store_agreement(unit, cost, NOW_UTC_MS)
        unit.commit()
    return work


def draft(
    hardware_id: str = "GPU-1",
    start: int = START,
    end: int | None = None,
    *,
    contract_id: str = "HT-1",
    assignment_id: str | None = None,
    row: int = 2,
) -> AssignmentDraft:
    """A proposal as written."""
    return AssignmentDraft(
        row=row,
        contract_id=contract_id,
        hardware_id=hardware_id,
        interval=Interval(start, end),
        assignment_id=assignment_id,
    )


def assigning(work: Work, now: int = NOW_UTC_MS) -> Assigning:
    """The service at a time."""
    return Assigning(work, lambda: now)


def standing_of(work: Work, assignment_id: str) -> Standing:
    """Where an assignment stands."""
    return AssignmentViews(work).row(OFFICE_READS, assignment_id).history.standing


def stored(work: Work) -> dict[str, Assignment]:
    """What stands among the assignments."""
    with work.begin(writes=False) as unit:
        return {one.assignment_id: one for one in unit.expense.assignments()}


@pytest.fixture
def close(agreed: Work, keyring: Keyring) -> Callable[[], object]:
    """Closes October."""

    def now() -> int:
        return AFTER_UTC_MS

    closing = MonthClosing(agreed, lambda: sequence(agreed, keyring, now), now, demo=False)
    return lambda: closing.close(OCTOBER)


# Proposing and answering


@pytest.mark.parametrize(
    ("proposer", "other"), [(PROVIDING, RENTING), (RENTING, PROVIDING)], ids=["provider", "company"]
)
def test_either_side_proposes_and_the_other_confirms(
    agreed: Work, proposer: Actor, other: Actor
) -> None:
    """Only the other side's word makes it a lease; who proposed cannot answer."""
    (proposed,) = assigning(agreed).propose(proposer, [draft()])

    assert proposed.assignment_id == "HT-1-0001"
    assert standing_of(agreed, "HT-1-0001") is Standing.PROPOSED
    with pytest.raises(Refused, match="waits for the other side"):
        assigning(agreed).answer(proposer, ["HT-1-0001"], Answer.CONFIRM)
    with pytest.raises(Refused, match="withdrawn by the side that proposed"):
        assigning(agreed).answer(other, ["HT-1-0001"], Answer.WITHDRAW)
    assigning(agreed).answer(other, ["HT-1-0001"], Answer.CONFIRM)

    assert stored(agreed)["HT-1-0001"].confirmed_by == other.party_id
    assert standing_of(agreed, "HT-1-0001") is Standing.CONFIRMED
    with pytest.raises(Refused, match="is confirmed already"):
        assigning(agreed).answer(other, ["HT-1-0001"], Answer.DECLINE, "too late")


@pytest.mark.parametrize(
    ("actor", "answer", "standing"),
    [
        (RENTING, Answer.DECLINE, Standing.DECLINED),
        (PROVIDING, Answer.WITHDRAW, Standing.WITHDRAWN),
    ],
)
def test_what_is_declined_or_withdrawn_frees_the_device(
    agreed: Work, actor: Actor, answer: Answer, standing: Standing
) -> None:
    """It stands no longer, its history does, its number is used up, and another may be proposed."""
    assigning(agreed).propose(PROVIDING, [draft()])
    assigning(agreed).answer(actor, ["HT-1-0001"], answer, "wrong card")

    assert stored(agreed) == {}
    assert standing_of(agreed, "HT-1-0001") is standing
    with pytest.raises(Refused, match=f"is {standing} already"):
        assigning(agreed).answer(RENTING, ["HT-1-0001"], Answer.CONFIRM)
    with pytest.raises(SheetRefused, match="is taken"):
        assigning(agreed).propose(PROVIDING, [draft(assignment_id="HT-1-0001")])
    (again,) = assigning(agreed).propose(PROVIDING, [draft(contract_id="HT-2")])
    assert again.assignment_id == "HT-2-0001"
    assert assigning(agreed).propose(PROVIDING, [draft("GPU-2")])[0].assignment_id == "HT-1-0002"


def test_a_decline_says_why(agreed: Work) -> None:
    """Without a reason nothing is declined, and the proposal still waits."""
    assigning(agreed).propose(PROVIDING, [draft()])

    with pytest.raises(InvalidValue, match="why"):
        assigning(agreed).answer(RENTING, ["HT-1-0001"], Answer.DECLINE, "  ")

    assert standing_of(agreed, "HT-1-0001") is Standing.PROPOSED


def test_a_list_is_answered_whole_or_not_at_all(agreed: Work) -> None:
    """One that cannot be confirmed keeps the others waiting, and is named."""
    assigning(agreed).propose(PROVIDING, [draft(), draft("GPU-2", row=3)])
    assigning(agreed).answer(PROVIDING, ["HT-1-0002"], Answer.WITHDRAW)

    with pytest.raises(Refused, match="HT-1-0002 is withdrawn already"):
        assigning(agreed).answer(RENTING, ["HT-1-0001", "HT-1-0002"], Answer.CONFIRM)
    assert standing_of(agreed, "HT-1-0001") is Standing.PROPOSED
    with pytest.raises(NotFound):
        assigning(agreed).answer(RENTING, ["HT-1-0001", "HT-9"], Answer.CONFIRM)
    with pytest.raises(InvalidValue, match="at least one"):
        assigning(agreed).answer(RENTING, [], Answer.CONFIRM)
    assert len(assigning(agreed).answer(RENTING, ["HT-1-0001", "HT-1-0001"], Answer.CONFIRM)) == 1


def test_a_stranger_finds_nothing(agreed: Work) -> None:
    """Another company's assignment and one that is not there are the same to it."""
    assigning(agreed).propose(PROVIDING, [draft()])
    for assignment_id in ("HT-1-0001", "HT-1-0009"):
        with pytest.raises(NotFound) as refusal:
            assigning(agreed).answer(STRANGER, [assignment_id], Answer.CONFIRM)
        assert str(refusal.value).endswith(f"there is no assignment {assignment_id}")
        with pytest.raises(NotFound):
            assigning(agreed).propose_end(STRANGER, assignment_id, END)
    said = []
    for contract_id in ("HT-1", "HT-9"):
        with pytest.raises(SheetRefused) as refused:
            assigning(agreed).propose(STRANGER, [draft(contract_id=contract_id)])
        said.append(str(refused.value).replace(contract_id, "…"))
    assert said[0] == said[1]


# Ends


def test_another_end_holds_once_both_sides_agree(agreed: Work) -> None:
    """Proposed by either, answered by the other; until then the lease stands as it did."""
    assigning(agreed).propose(PROVIDING, [draft()])
    assigning(agreed).answer(RENTING, ["HT-1-0001"], Answer.CONFIRM)
    end = at("10-20 10:21")

    assigning(agreed).propose_end(RENTING, "HT-1-0001", end, "given back")
    assert stored(agreed)["HT-1-0001"].interval == Interval(START, None)
    row = AssignmentViews(agreed).row(PROVIDER_READS, "HT-1-0001")
    assert (row.history.proposed_end, row.awaits_reader) == (end, True)
    with pytest.raises(Refused, match="one at a time"):
        assigning(agreed).propose_end(PROVIDING, "HT-1-0001", end + 1)
    assigning(agreed).answer(PROVIDING, ["HT-1-0001"], Answer.DECLINE, "not yet")
    assert stored(agreed)["HT-1-0001"].interval == Interval(START, None)

    assigning(agreed).propose_end(RENTING, "HT-1-0001", end)
    assigning(agreed).answer(PROVIDING, ["HT-1-0001"], Answer.CONFIRM)
    assert stored(agreed)["HT-1-0001"].interval == Interval(START, end)
    assert standing_of(agreed, "HT-1-0001") is Standing.CONFIRMED
    assigning(agreed).propose_end(PROVIDING, "HT-1-0001", end + 60)
    assigning(agreed).answer(PROVIDING, ["HT-1-0001"], Answer.WITHDRAW)
    assert stored(agreed)["HT-1-0001"].interval == Interval(START, end)
    assert check_logged(agreed) == []


def test_an_end_that_cannot_be_is_not_even_proposed(agreed: Work) -> None:
    """Before the beginning, where it ends already, beyond the term, of what is not confirmed."""
    assigning(agreed).propose(PROVIDING, [draft(end=END)])
    with pytest.raises(Refused, match="an end is proposed for a confirmed one"):
        assigning(agreed).propose_end(PROVIDING, "HT-1-0001", END - 1)
    assigning(agreed).answer(RENTING, ["HT-1-0001"], Answer.CONFIRM)
    for end in (START, START - 1, END):
        with pytest.raises(Refused, match="cannot end there"):
            assigning(agreed).propose_end(PROVIDING, "HT-1-0001", end)
    with agreed.begin() as unit:
        unit.expense.put_contract(replace(contract(), term=Interval(START - 1440, END + 1440)))
        unit.commit()
    with pytest.raises(Refused, match="leaves the term"):
        assigning(agreed).propose_end(PROVIDING, "HT-1-0001", END + 1441)


# What speaks against a proposal


def test_an_overlap_names_the_other_only_to_whom_it_concerns(agreed: Work) -> None:
    """The provider, side of both contracts, is told which; the other company only that there is."""
    assigning(agreed).propose(PROVIDING, [draft(start=at("10-05 00:00"), end=at("10-09 07:31"))])

    with pytest.raises(SheetRefused, match="assignment HT-1-0001 of contract HT-1") as told:
        assigning(agreed).propose(PROVIDING, [draft(contract_id="HT-2")])
    assert told.value.mistakes[0].column == "开始时间 from"
    with pytest.raises(SheetRefused, match="assigned otherwise in part of this time") as hidden:
        assigning(agreed).propose(STRANGER, [draft(contract_id="HT-2")])
    for secret in ("HT-1", TENANT, "10-05", "10-04", "10-09"):
        assert secret not in str(hidden.value)


def test_rows_of_one_list_must_not_overlap_either(agreed: Work) -> None:
    """The later row is refused, both are kept out, and rows that only touch are fine."""
    half = at("10-16 08:30")
    with pytest.raises(SheetRefused) as refused:
        assigning(agreed).propose(PROVIDING, [draft(row=2), draft(row=3, start=half)])
    assert [mistake.row for mistake in refused.value.mistakes] == [3]
    assert stored(agreed) == {}
    drafts = [draft(row=2, end=half), draft(row=3, start=half)]
    assert len(assigning(agreed).propose(PROVIDING, drafts)) == 2


def test_a_device_of_somebody_else_cannot_be_taken(agreed: Work) -> None:
    """A proposal keeps others from a device: only the contract's provider's own is accepted, and
    one that is foreign reads like one that nobody has."""
    with agreed.begin() as unit:
        foreign = replace(contract(), contract_id="HT-3", provider_id=OTHER_PROVIDER)
        unit.expense.put_contract(foreign)
        unit.commit()
    said = []
    for hardware_id in ("GPU-1", "GPU-9"):
        with pytest.raises(SheetRefused, match="no host of the contract's provider") as refused:
            assigning(agreed).propose(RENTING, [draft(hardware_id, contract_id="HT-3")])
        said.append(str(refused.value).replace(hardware_id, "…"))
    assert said[0] == said[1]


def test_a_device_that_moved_is_no_longer_its_former_owners(work: Work) -> None:
    """From the minute a card reports from another's host on, the first gives it none."""
    moved = at("10-16 00:00")
    minutes = observe(START, moved) | observe(moved, END, host_id=HOST_B)
    store(work, minutes, tenures=[tenure(), tenure(HOST_B, OTHER_PROVIDER)])

    with pytest.raises(SheetRefused, match="no host of the contract's provider"):
        assigning(work).propose(PROVIDING, [draft(start=moved)])
    assert assigning(work).propose(PROVIDING, [draft(end=moved)])
    # Of what was before its first report nobody else can say anything.
    assert assigning(work).propose(PROVIDING, [draft(start=START - 1440, end=START)])


def test_a_device_is_proposed_only_for_the_time_its_host_is_the_providers(work: Work) -> None:
    """The host is sold on the fifth: until then the seller may lease its card out, not a minute
    longer; from then on it is the buyer's to lease."""
    sold = at("10-05 00:00")
    tenures = [tenure(end=sold), tenure(owner_id=OTHER_PROVIDER, start=sold)]
    store(work, observe(START, END), tenures=tenures)
    buyers = replace(
        contract(), contract_id="HT-9", provider_id=OTHER_PROVIDER, user_id=OTHER_TENANT
    )
    with work.begin() as unit:
        unit.expense.put_contract(buyers)
        unit.commit()
    later = sold + 1440

    for start, end in ((later, None), (START, later), (START, None)):
        with pytest.raises(SheetRefused, match="the provider's in all of this time"):
            assigning(work).propose(PROVIDING, [draft(start=start, end=end)])
    made = assigning(work).propose(PROVIDING, [draft(end=sold)])
    buyer = Actor(login="provider-2", party_id=OTHER_PROVIDER)
    made += assigning(work).propose(buyer, [draft(start=later, contract_id="HT-9")])

    assert [one.interval for one in made] == [Interval(START, sold), Interval(later, None)]


def test_a_host_that_is_sold_meanwhile_is_not_confirmed(agreed: Work) -> None:
    """Proposed for good while the host was the provider's; sold before the answer: the other side
    cannot confirm it, nor a longer time of what it confirmed before."""
    waits, lent = assigning(agreed).propose(
        PROVIDING, [draft(), draft("GPU-2", end=at("10-03 00:00"))]
    )
    assigning(agreed).answer(RENTING, [lent.assignment_id], Answer.CONFIRM)
    assigning(agreed).propose_end(PROVIDING, lent.assignment_id, at("10-20 00:00"))
    sold = at("10-05 00:00")
    with agreed.begin() as unit:
        for host_id in (HOST_A, HOST_B):
            unit.expense.put_tenure(tenure(host_id, end=sold))
            unit.expense.put_tenure(tenure(host_id, OTHER_PROVIDER, start=sold))
        unit.commit()

    for one in (waits, lent):
        with pytest.raises(Refused, match="is not the provider's in all of this time"):
            assigning(agreed).answer(RENTING, [one.assignment_id], Answer.CONFIRM)


def test_preview_is_what_would_be_taken_and_takes_nothing(agreed: Work) -> None:
    """The same checks, the same numbers, nothing stored."""
    shown = assigning(agreed).preview(PROVIDING, [draft(), draft("GPU-2", row=3)])
    assert stored(agreed) == {}
    assert shown == assigning(agreed).propose(PROVIDING, [draft(), draft("GPU-2", row=3)])
    with pytest.raises(SheetRefused):
        assigning(agreed).preview(PROVIDING, [draft()])


def test_times_are_whole_minutes_of_beijing() -> None:
    """A second too many is refused with its row and column; every mistake of a row is named."""
    fields = {"contract": "HT-1", "device": "GPU-1", "from": "2026-10-01 08:00"}
    assert drafts_of([(2, fields)])[0].interval.start == START + 480
    with pytest.raises(SheetRefused) as refused:
        drafts_of(
            [
                (2, fields | {"from": "2026-10-01T08:00:30"}),
                (3, fields | {"until": "2026-09-01"}),
                (4, {"contract": "HT 1", "from": "tomorrow"}),
            ]
        )
    told = [(one.row, one.column.split()[-1]) for one in refused.value.mistakes]
    assert told == [(2, "from"), (3, "until"), (4, "device"), (4, "from"), (4, "contract")]
    assert "not a whole minute" in refused.value.mistakes[0].message


# Closed months


def test_unconfirmed_time_is_metered_and_held(agreed: Work, close: Callable[[], object]) -> None:
    """The statement meters every minute, bills none, and says that a confirmation is missing."""
    assigning(agreed).propose(PROVIDING, [draft()])
    close()

    with agreed.begin(writes=False) as unit:
        statement = next(
            one
            for one in unit.expense.statements()
            if b"assignment_unconfirmed" in one.content and b"GPU-1" in one.content
        )
    lines = [
        line
        for line in json.loads(statement.content)["lines"]
        if line["hardware_id"] == "GPU-1" and "assignment_unconfirmed" in line["reasons"]
    ]
    assert sum(line["quantities"]["observed_ms"] for line in lines) == (END - START) * MINUTE_MS
    assert {line["amount_fen"] for line in lines} == {0}
    assert not any(line["eligible"] for line in lines)


@pytest.mark.parametrize("answer", [Answer.CONFIRM, Answer.DECLINE, Answer.WITHDRAW])
def test_a_closed_month_keeps_what_it_was_closed_with(
    agreed: Work, close: Callable[[], object], answer: Answer
) -> None:
    """What waits is not confirmed into it; declined or withdrawn, its closed part stays as it was
    rated, the device is free from the open month on, and the refusal says the command."""
    assigning(agreed).propose(PROVIDING, [draft()])
    close()
    later = assigning(agreed, AFTER_UTC_MS)
    actor = PROVIDING if answer is Answer.WITHDRAW else RENTING

    if answer is Answer.CONFIRM:
        with pytest.raises(Refused, match=r"begins in a closed month.*kashi-server correct"):
            later.answer(actor, ["HT-1-0001"], answer)
        return
    later.answer(actor, ["HT-1-0001"], answer, "not this one")
    assert stored(agreed)["HT-1-0001"].interval == Interval(START, END)
    assert not stored(agreed)["HT-1-0001"].confirmed
    assert standing_of(agreed, "HT-1-0001") in (Standing.DECLINED, Standing.WITHDRAWN)
    with pytest.raises(SheetRefused, match=r"closed until.*correct"):
        later.propose(PROVIDING, [draft("GPU-2", start=END - 1)])
    assert later.propose(PROVIDING, [draft(start=END)])
    assert check_logged(agreed) == []


def test_no_end_is_set_into_a_closed_month(agreed: Work, close: Callable[[], object]) -> None:
    """Neither proposed after the close nor confirmed after it; the month's last minute is fine."""
    assigning(agreed).propose(PROVIDING, [draft(), draft("GPU-2", row=3)])
    assigning(agreed).answer(RENTING, ["HT-1-0001", "HT-1-0002"], Answer.CONFIRM)
    assigning(agreed).propose_end(PROVIDING, "HT-1-0001", at("10-20 00:00"))
    close()
    later = assigning(agreed, AFTER_UTC_MS)

    with pytest.raises(Refused, match="closed until"):
        later.answer(RENTING, ["HT-1-0001"], Answer.CONFIRM)
    with pytest.raises(Refused, match="closed until"):
        later.propose_end(PROVIDING, "HT-1-0002", END - 1)
    later.propose_end(PROVIDING, "HT-1-0002", END)
    later.answer(RENTING, ["HT-1-0002"], Answer.CONFIRM)
    assert stored(agreed)["HT-1-0002"].interval.end == END


# What is kept of it


def test_every_act_is_kept_logged_and_audited(agreed: Work) -> None:
    """Who, for whom, when, why: as a row, as an entry of the log, as a line of the audit trail."""
    assigning(agreed).propose(PROVIDING, [draft()])
    assigning(agreed, NOW_UTC_MS + 5).answer(RENTING, ["HT-1-0001"], Answer.DECLINE, "wrong card")

    with agreed.begin(writes=False) as unit:
        acts = unit.assignments.acts()
        entries = {
            one.reference: json.loads(one.entry)
            for one in unit.log.pending_entries(1000)
            if one.kind == "assignment-act"
        }
        lines = unit.connection.execute(select(audit_entries)).all()
    assert [(act.kind, act.login, act.utc_ms - NOW_UTC_MS) for act in acts] == [
        (ActKind.PROPOSED, "provider-1", 0),
        (ActKind.DECLINED, "tenant-1", 5),
    ]
    assert entries["HT-1-0001/2"]["reason"] == "wrong card"
    assert entries["HT-1-0001/2"]["party_id"] == TENANT
    assert entries["HT-1-0001/1"]["interval"][0] == "2026-10-01T00:00:00+08:00"
    told = [(one.act, one.login, one.subject, one.address) for one in lines]
    assert told == [
        ("assignment-proposed", "provider-1", "HT-1-0001/1", "192.0.2.7"),
        ("assignment-declined", "tenant-1", "HT-1-0001/2", "console"),
    ]
    assert check_logged(agreed) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE assignment_acts SET login = 'x'", "assignment-act HT-1-0001/1 is not what"),
        ("DELETE FROM assignment_acts", "assignment-act HT-1-0001/1 is in the log and nowhere"),
        (
            (
                "INSERT INTO assignments SELECT assignment_id, contract_id, hardware_id,"
                " start_minute, end_minute, party_id, utc_ms, NULL, NULL FROM assignment_acts"
                " WHERE number = 1"
            ),
            "agreement assignment/HT-1-0001 stands in no log entry",
        ),
    ],
    ids=["altered", "removed", "slipped back in"],
)
def test_what_is_altered_behind_the_servers_back_is_found(
    agreed: Work, statement: str, said: str
) -> None:
    """Acts that change or vanish, and a declined proposal that stands again, differ from it."""
    assigning(agreed).propose(PROVIDING, [draft()])
    assigning(agreed).answer(RENTING, ["HT-1-0001"], Answer.DECLINE, "wrong card")

    with pytest.raises(DatabaseError, match="only ever added"), agreed.begin() as unit:
        unit.connection.execute(text("DELETE FROM assignment_acts"))
    alter(agreed, "assignment_acts", statement)

    assert any(said in one for one in check_logged(agreed)), check_logged(agreed)


# Reading


def test_each_side_reads_what_waits_for_it(agreed: Work) -> None:
    """Counts are the reader's own; the office reads all and is awaited for nothing."""
    assigning(agreed).propose(PROVIDING, [draft(), draft("GPU-2", row=3, contract_id="HT-2")])
    views = AssignmentViews(agreed)

    assert views.awaiting(TENANT_READS) == 1
    assert views.awaiting(PROVIDER_READS) == 0
    assert views.awaiting(OFFICE_READS) == 0
    assert [row.assignment_id for row in views.rows(TENANT_READS)] == ["HT-1-0001"]
    assert {row.assignment_id for row in views.rows(OFFICE_READS)} == {"HT-1-0001", "HT-2-0001"}
    assert [row.contract.contract_id for row in views.contracts(TENANT_READS)] == ["HT-1"]
    with pytest.raises(NotFound):
        views.row(TENANT_READS, "HT-2-0001")
    assigning(agreed).answer(RENTING, ["HT-1-0001"], Answer.CONFIRM)
    assert views.awaiting(TENANT_READS) == 0

"""Usage that providers state, on both databases: taken once, countersigned, rated, corrected."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from corrected_months import NOVEMBER, Books
from expense_cases import (
    END,
    H100,
    HOST_A,
    OTHER_TENANT,
    PROVIDER,
    START,
    TENANT,
    assignment,
    hours_of,
    observe,
)
from expense_facts import described, store
from insider import alter
from kashi_server.domain.both_languages import halves
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.facts_port import DeviceRow, FactBatch
from kashi_server.services.fsck_log import check_logged
from kashi_server.storage.unit_of_work import Work
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.findings import CheckFailed
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from stated_cases import (
    COMPANY,
    OFFICE,
    RENTED,
    SELLER,
    STRANGER,
    countersigned,
    hour_row,
    stated_lines,
    stating,
    taking,
)
from usage_samples import BILL, BILL_HEAD, SERIES, SLURM, SLURM_HEAD, SLURM_ROW

CARD = "GPU-6f3c9a10-0000-4000-8000-00000000abcd"
OTHER_CARD = "GPU-6f3c9a10-0000-4000-8000-00000000abce"
NAMED = BILL + "identified = true\n"


def card_row(name: str, hour: int = 8) -> str:
    """A row of a bill: an hour of one card on the first of October."""
    return hour_row(hour, instance=name).replace(",8,", ",1,", 1)


def counts(work: Work) -> dict[str, int]:
    """Rows by table."""
    tables = ("usage_sources", "attestations", "stated_records", "attestation_changes")
    with work.begin(writes=False) as unit:
        return {
            table: unit.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in tables
        }


def test_a_countersigned_bill_becomes_lines_of_level_e1(work: Work) -> None:
    """Two hours of 8 cards at 12.50 are 200 yuan; the line names file and rows; the verifier's own
    arithmetic agrees; the statement's level is its weakest line's."""
    store(work, {})
    source = BILL_HEAD + hour_row(8) + hour_row(9)
    taken = taking(work, source)
    countersigned(work, taken)
    books = Books(work)

    books.close()

    content = json.loads(books.statements()[RENTED, 1].content)
    (line,) = stated_lines(books)
    assert (line["amount_fen"], line["share"], line["evidence_level"]) == (20_000, "8", "E1")
    assert line["stated"] == {
        "attestation_id": taken.attestations[0].attestation_id,
        "kind": "bill",
        "site": "cloud-a",
        "source_sha256": sha256(source.encode()).hexdigest(),
        "records": 2,
        "source_lines": [2, 3],
    }
    assert content["quality"]["evidence_level"] == "E1"
    assert content["totals"]["eligible_fen"] == 20_000
    with work.begin(writes=False) as unit:
        row = unit.connection.execute(text("SELECT host_id, amount_fen FROM rated_lines")).one()
    assert tuple(row) == ("site:cloud-a", 20_000)


def test_the_verifier_meets_a_stated_line_that_lies(work: Work) -> None:
    """Another level, another site, parts of a card or more counted gap than there is: caught."""
    store(work, {})
    countersigned(work, taking(work, BILL_HEAD + hour_row(8)))
    books = Books(work)
    books.close()
    content = json.loads(books.statements()[RENTED, 1].content)

    def lying(**changes: object) -> dict[str, object]:
        lie = json.loads(json.dumps(content))
        lie["lines"][0].update(changes)
        return dict(lie)

    for changed in (
        lying(evidence_level="E2"),
        lying(evidence_level="E9"),
        lying(host_id=HOST_A),
        lying(share="15/2"),
        lying(stated={**content["lines"][0]["stated"], "source_sha256": "0"}),
        lying(quantities={**content["lines"][0]["quantities"], "officer_ms": 1}),
    ):
        with pytest.raises(CheckFailed):
            check_arithmetic(changed)


def test_what_nobody_countersigned_changes_no_byte(work: Work) -> None:
    """A month with attestations that wait or were withdrawn closes to the bytes it has without."""
    store(work, observe(START, START + 600), assignments=[assignment()])
    waiting = BILL_HEAD + hour_row(12, day=20)
    taking(work, waiting)
    other = taking(work, BILL_HEAD + hour_row(13, day=21), names=["other.csv"])
    stating(work).withdraw(other.attestations[0].attestation_id, SELLER, "错误")
    books = Books(work)

    (closed,) = books.close().statements

    data = json.loads(closed.to_bytes())
    assert {line["evidence_level"] for line in data["lines"]} == {"E2"}
    assert not any("stated" in line or "gaps" in line for line in data["lines"])
    assert "continuity_ms" not in data["totals"]


def test_the_same_file_twice_is_nothing_new(work: Work) -> None:
    """Nor is a longer export that holds the same rows, but for its new ones."""
    store(work, {})
    first = taking(work, BILL_HEAD + hour_row(8) + hour_row(9))
    before = counts(work)

    again = taking(work, BILL_HEAD + hour_row(8) + hour_row(9))
    renamed = taking(work, BILL_HEAD + hour_row(9) + hour_row(8), names=["copy.csv"])
    assert (again.attestations, again.known, renamed.attestations) == ((), 2, ())
    assert counts(work) == before

    longer = taking(work, BILL_HEAD + hour_row(8) + hour_row(9) + hour_row(10))
    assert longer.known == 2
    assert [len(one.records) for one in (*first.attestations, *longer.attestations)] == [2, 1]


def test_another_content_of_one_row_is_a_conflict(work: Work) -> None:
    """The hour stands with 3600 s; a file that says 1800 s is refused and names who has it."""
    store(work, {})
    made = taking(work, BILL_HEAD + hour_row(8)).attestations[0]
    before = counts(work)

    with pytest.raises(MistakesFound) as caught:
        taking(work, BILL_HEAD + hour_row(7) + hour_row(8, used=1800), names=["b.csv"])

    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == ("b.csv", 3)
    assert f"stated with other content by attestation {made.attestation_id}" in mistake.message
    assert counts(work) == before


def test_time_of_one_instance_is_stated_once(work: Work) -> None:
    """Half an hour that overlaps another row is refused, in one file and across files."""
    store(work, {})
    overlapping = "i-1,8,2026-10-01 08:30:00,2026-10-01 09:30:00,3600\n"

    with pytest.raises(MistakesFound, match=r"stated already by bill\.csv:2"):
        taking(work, BILL_HEAD + hour_row(8) + overlapping)
    taking(work, BILL_HEAD + hour_row(8))
    with pytest.raises(MistakesFound, match="stated already by attestation"):
        taking(work, BILL_HEAD + overlapping)
    assert counts(work)["attestations"] == 1


def test_a_withdrawn_row_may_be_stated_anew(work: Work) -> None:
    """The provider takes a wrong hour back and states the right one; only that counts."""
    store(work, {})
    wrong = taking(work, BILL_HEAD + hour_row(8))
    stating(work).withdraw(wrong.attestations[0].attestation_id, SELLER, "时长有误")

    right = taking(work, BILL_HEAD + hour_row(8, used=1800))
    countersigned(work, right)
    books = Books(work)
    books.close()

    assert [line["billed_ms"] for line in stated_lines(books)] == [1_800_000]
    with pytest.raises(Refused, match="withdrawn already"):
        countersigned(work, wrong)


def test_one_wrong_row_leaves_nothing_of_all_files(work: Work) -> None:
    """The second file names a job that still runs: the first is not taken either."""
    store(work, {})
    running = SLURM_ROW.replace("COMPLETED", "RUNNING").replace("7|", "8|", 1)

    with pytest.raises(MistakesFound, match=r"two\.txt:2: State: 作业 8 的状态仍为 RUNNING；"):
        taking(
            work,
            SLURM_HEAD + SLURM_ROW,
            SLURM_HEAD + running,
            mapping=SLURM,
            names=("one.txt", "two.txt"),
        )

    assert set(counts(work).values()) == {0}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (BILL.replace('"HT-1"', '"HT-9"'), "contract HT-9 is not known"),
        (BILL.replace(PROVIDER, TENANT), "not the mapping's"),
        (f'user = "{OTHER_TENANT}"\n{BILL}', f"used by {TENANT}"),
    ],
)
def test_the_contract_must_be_the_providers(work: Work, mapping: str, message: str) -> None:
    """Nobody states for a contract that is not its own."""
    store(work, {})

    with pytest.raises(MistakesFound, match=message):
        taking(work, BILL_HEAD + hour_row(8), mapping=mapping)


def test_the_future_is_not_stated(work: Work) -> None:
    """An hour that has not passed cannot have been used."""
    store(work, {})
    row = "i-1,8,2026-11-29 08:00:00,2026-11-29 09:00:00,3600\n"

    with pytest.raises(MistakesFound, match="ends in the future"):
        taking(work, BILL_HEAD + row)


def test_what_an_agent_measured_is_not_stated(work: Work) -> None:
    """Ten hours of the contract's card were measured: a bill of one of them is refused, naming the
    minute; so is a series of the card itself, or of what is no hardware id; another card's series
    is taken."""
    measured = observe(START, START + 600, hardware_id=CARD)
    store(work, measured, assignments=[assignment(hardware_id=CARD)])
    second = (START + 60) * 60

    def series(device: str) -> str:
        metric = {"UUID": device, "modelName": H100}
        values = [[second, "1"], [second + 45, "1"]]
        result = [{"metric": metric, "values": values}]
        told = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return json.dumps(told)

    with pytest.raises(MistakesFound, match="measured at 2026-10-01T08:00:00"):
        taking(work, BILL_HEAD + hour_row(8))
    with pytest.raises(MistakesFound, match="measured at 2026-10-01T01:00:00"):
        taking(work, series(CARD), mapping=SERIES)
    with pytest.raises(MistakesFound, match="its id is not in the vendor's form"):
        taking(work, series("GPU-9"), mapping=SERIES)
    assert len(taking(work, series(OTHER_CARD), mapping=SERIES).attestations) == 1


def test_a_measured_card_is_not_stated_by_another_spelling(work: Work) -> None:
    """The card was measured under no contract at all: the hour is refused in capitals, with a
    character of no width, without hyphens, with a number beside it, and where no id is claimed."""
    store(work, observe(START, START + 60, hardware_id=CARD))

    beside = (f"{CARD[4:]} (0)", f"gpu0-{CARD[4:]}")
    for spelled in (CARD.upper(), f"{CARD}\u200b", CARD.replace("-", ""), *beside):
        for mapping in (BILL, NAMED):
            with pytest.raises(MistakesFound, match="measured at 2026-10-01T00:00:00"):
                taking(work, BILL_HEAD + card_row(spelled, hour=0), mapping=mapping)


def test_a_card_is_stated_once_however_it_is_spelled(work: Work) -> None:
    """The same hour by another spelling says nothing new, in one file, in another one and for
    another place; another part of it is a conflict."""
    store(work, {})
    both = taking(work, BILL_HEAD + card_row(CARD) + card_row(CARD.upper()), mapping=NAMED)
    assert ([len(one.records) for one in both.attestations], both.known) == ([1], 1)

    for spelled in (f"{CARD}\u200b", CARD.replace("-", "\u2011")):
        for mapping in (NAMED, BILL.replace("cloud-a", "cloud-b")):
            again = taking(work, BILL_HEAD + card_row(spelled), mapping=mapping)
            assert (again.attestations, again.known) == ((), 1)
            later = card_row(spelled).replace("08:00:00", "08:30:00").replace("3600", "1800")
            with pytest.raises(MistakesFound, match="its time is stated already by attestation"):
                taking(work, BILL_HEAD + later, mapping=mapping)


def test_a_row_counts_once_however_it_is_read(work: Work) -> None:
    """The same accounting by a mapping with another offset, and the same bill for the place spelled
    otherwise or named anew: refused with the attestation that has the row; once that is withdrawn
    it may be stated anew."""
    store(work, {})
    mapping = SLURM.replace(', b = "HT-2"', "")
    (job,) = taking(work, SLURM_HEAD + SLURM_ROW, mapping=mapping, names=["a.txt"]).attestations
    (hour,) = taking(work, BILL_HEAD + hour_row(8)).attestations
    before = counts(work)

    shifted = mapping.replace("+08:00", "Z")
    for source, other in (
        (SLURM_HEAD + SLURM_ROW, shifted),
        (BILL_HEAD + hour_row(8), BILL.replace("cloud-a", "cloud-b")),
    ):
        with pytest.raises(MistakesFound, match="this row is stated already by attestation"):
            taking(work, source, mapping=other)
    # Another export of it is another file: the job's number and its clock's time tell it.
    with pytest.raises(MistakesFound, match="stated with other content"):
        taking(work, SLURM_HEAD + SLURM_ROW + "\n", mapping=shifted)
    renamed = taking(
        work, BILL_HEAD + hour_row(8) + "\n", mapping=BILL.replace("cloud-a", "Cloud-A")
    )
    assert (renamed.attestations, renamed.known) == ((), 1)
    assert counts(work) == before

    stating(work).withdraw(job.attestation_id, SELLER, "时区有误")
    assert len(taking(work, SLURM_HEAD + SLURM_ROW, mapping=shifted).attestations) == 1
    assert hour.attestation_id != job.attestation_id


def test_a_job_is_told_by_its_number_however_its_times_are_written(work: Work) -> None:
    """The same run exported in seconds since 1970, read with another offset, is the same time of
    the same job."""
    store(work, {})
    mapping = SLURM.replace(', b = "HT-2"', "")
    taking(work, SLURM_HEAD + SLURM_ROW, mapping=mapping)
    epoch = SLURM_ROW.replace("2026-10-02T10:00:13", "1790906413").replace(
        "2026-10-02T12:30:45", "1790915445"
    )

    with pytest.raises(MistakesFound, match="its time is stated already by attestation"):
        taking(work, SLURM_HEAD + epoch, mapping=mapping.replace("+08:00", "Z"))


def test_a_partition_is_not_stated(work: Work) -> None:
    """A seventh of a card has an id and no share in a bill: it is refused, by what agents said of
    it or by the form of its id; the whole card beside it is taken."""
    store(work, {})
    part = replace(
        described("PART-1"), parent_hardware_id="GPU-1", share_numerator=1, share_denominator=7
    )
    batch = FactBatch()
    batch.devices.append(DeviceRow(HOST_A, 0, part, START * MINUTE_MS, END * MINUTE_MS))
    with work.begin() as unit:
        unit.facts.write(batch)
        unit.commit()

    def row(unit_id: str) -> str:
        return hour_row(8, instance=unit_id).replace(",8,", ",1,", 1)

    parts = {NAMED: ("MIG-0a1b", "mig-0a1b", "MIG\u200b-0a1b"), BILL: ("PART-1", "part-1")}
    for mapping, unit_ids in parts.items():
        for unit_id in unit_ids:
            with pytest.raises(MistakesFound, match="is a partition, no whole card"):
                taking(work, BILL_HEAD + row(unit_id), mapping=mapping)
    assert len(taking(work, BILL_HEAD + row(OTHER_CARD), mapping=NAMED).attestations) == 1


def test_reports_that_come_later_hold_the_stated_minutes(work: Work) -> None:
    """The bill was countersigned, then the agent's reports of half an hour of it came: those
    minutes are billed by what was measured, and the bill's are lines of 0."""
    store(work, observe(START, START + 60), assignments=[assignment()])
    countersigned(work, taking(work, BILL_HEAD + hour_row(8, day=2)))
    half = START + 32 * 60
    books = Books(work)
    books.arrive(hours_of(observe(half, half + 30)))

    books.close()

    held, stood = sorted(stated_lines(books), key=lambda line: str(line["start"]))
    assert (held["reasons"], held["amount_fen"]) == (["stated_and_measured"], 0)
    assert stood["billed_ms"] == 30 * MINUTE_MS


def test_two_kinds_of_file_do_not_state_one_place(work: Work) -> None:
    """A bill of the cluster, and the cluster's own accounting of the same hours: one is refused."""
    store(work, {})
    taking(work, SLURM_HEAD + SLURM_ROW, mapping=SLURM)
    cluster_bill = BILL.replace('site = "cloud-a"', 'site = "hpc-a"')

    with pytest.raises(MistakesFound, match="by one kind of file"):
        taking(work, BILL_HEAD + hour_row(11, day=2), mapping=cluster_bill)
    taking(work, BILL_HEAD + hour_row(11, day=2))


def test_a_cut_of_cards_within_a_minute_is_refused(work: Work) -> None:
    """The instance had 8 cards until 08:30:20 and 4 after: no line could hold that minute once."""
    store(work, {})
    rows = (
        "i-1,8,2026-10-01 08:00:00,2026-10-01 08:30:20,1820\n"
        "i-1,4,2026-10-01 08:30:20,2026-10-01 09:00:00,1780\n"
    )

    with pytest.raises(MistakesFound, match=r"bill\.csv:3.*stated already by bill\.csv:2"):
        taking(work, BILL_HEAD + rows)


def test_only_the_company_countersigns(work: Work) -> None:
    """Not the provider, not the office, and a stranger does not even see it."""
    store(work, {})
    (made,) = taking(work, BILL_HEAD + hour_row(8)).attestations
    service = stating(work)

    for acting in (SELLER, OFFICE):
        with pytest.raises(Refused, match="nobody else"):
            service.countersign(made.attestation_id, acting, "ok")
    with pytest.raises(NotFound):
        service.countersign(made.attestation_id, STRANGER, "ok")
    with pytest.raises(InvalidValue, match="reason"):
        service.countersign(made.attestation_id, COMPANY, " ")
    service.countersign(made.attestation_id, COMPANY, "ok")
    with pytest.raises(Refused, match="countersigned already"):
        service.withdraw(made.attestation_id, SELLER, "too late")

    assert [len(service.attestations(one)) for one in (COMPANY, SELLER, OFFICE, STRANGER)] == [
        1,
        1,
        1,
        0,
    ]


def test_the_source_is_kept_to_the_byte(work: Work) -> None:
    """The provider and the office read it back; the company, whom other rows may not concern, and
    strangers do not."""
    store(work, {})
    source = BILL_HEAD + hour_row(8)
    (made,) = taking(work, source).attestations

    assert stating(work).source(made.attestation_id, SELLER) == source.encode()
    assert stating(work).source(made.attestation_id, OFFICE) == source.encode()
    for acting in (COMPANY, STRANGER):
        with pytest.raises(NotFound):
            stating(work).source(made.attestation_id, acting)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stated_records SET stated_ms = 1",
        "DELETE FROM attestation_changes",
        "UPDATE attestations SET user_id = provider_id",
        "DELETE FROM usage_sources",
    ],
)
def test_the_database_changes_nothing_that_was_stated(work: Work, statement: str) -> None:
    """Whatever program runs: rows are only ever added."""
    store(work, {})
    countersigned(work, taking(work, BILL_HEAD + hour_row(8)))

    with pytest.raises(DatabaseError, match="only ever added"), work.begin() as unit:
        unit.connection.execute(text(statement))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE stated_records SET stated_ms = stated_ms - 1", "attestation"),
        ("UPDATE attestations SET site = 'elsewhere'", "attestation"),
        ("UPDATE attestation_changes SET actor = 'somebody'", "attestation-change"),
        ("DELETE FROM attestation_changes", "attestation-change"),
    ],
)
def test_fsck_finds_a_row_that_was_altered(work: Work, damage: str, told: str) -> None:
    """An insider takes the guard off and changes a row: the log has it otherwise."""
    store(work, {})
    countersigned(work, taking(work, BILL_HEAD + hour_row(8)))

    def faults() -> list[str]:
        return [
            one
            for one in check_logged(work)
            if halves(one)[1].startswith(("attestation", "source"))
        ]

    assert faults() == []
    table = damage.split()[2 if damage.startswith("DELETE") else 1]
    alter(work, table, damage)

    assert any(halves(fault)[1].startswith(told) for fault in faults())


def test_a_late_countersignature_makes_a_correction(work: Work) -> None:
    """October is closed; then the company countersigns: October's statement stays, its correction
    adds the line, booked in November."""
    store(work, {})
    taken = taking(work, BILL_HEAD + hour_row(8))
    books = Books(work)
    books.close()
    before = books.statements()
    assert books.correct() is None

    countersigned(work, taken)
    made = books.correct()

    assert made is not None
    assert made.booked_month == NOVEMBER
    assert made.difference.amount_fen == 10_000
    assert books.statements()[RENTED, 1] == before[RENTED, 1]
    assert [line["evidence_level"] for line in stated_lines(books, 2)] == ["E1"]
    assert books.correct() is None

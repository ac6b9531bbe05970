"""A certificate of a month in which a partition's id changed: whole, with its bundle, it checks."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from fixtures_certificates import (
    COMPANY_A,
    COMPANY_B,
    PROVIDER,
    START_MINUTE,
    ProvidersHost,
    make_month,
    write_files,
)
from fixtures_database import Database
from fixtures_ingest import START_UTC_MS, enrol
from kashi.v1 import report_pb2
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import Interval
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.storage.unit_of_work import Work
from kashi_verify.cli import run

HOST_3 = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0003"
UUID = "6f3c1111-2222-3333-4444-55556666abcd"
CARD = f"GPU-{UUID[:-1]}0"
BARE = f"MIG-{UUID}"
FOUR, THREE = f"{BARE}.4of7-4g.40gb", f"{BARE}.3of7-3g.40gb"
SEVENTHS = {BARE: 4, FOUR: 4, THREE: 3}
TOLD = ((BARE, 12), (FOUR, 12), (THREE, 12), (FOUR, 12))
"""By which id how many reports of five minutes tell of the partition, one after the other."""
CHANGE, HANDED = 60, 90
"""In minutes: where the agent is upgraded, and where the other contract begins."""


def cut(_header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
    """What is named as a part is described as one."""
    for block in blocks:
        block.device.parent_hardware_id = CARD
        block.device.share_numerator = SEVENTHS[block.device.hardware_id]
        block.device.share_denominator = 7


def reported(work: Work, ingestion: Ingestion) -> None:
    """A third host, upgraded in the month; its card is cut anew and back."""
    host = ProvidersHost(HOST_3, [BARE, FOUR, THREE], seed=3)
    enrol(work, host)
    wires = [host.report(5, change=cut, only=[name]) for name, count in TOLD for _ in range(count)]
    (answer,) = ingestion.ingest([Submission(host.standing(), wires)])
    assert isinstance(answer, Answer)
    assert all(result.judgement.stores for result in answer.results)


def agreed(work: Work) -> None:
    """Leased by the id of before to one company, from half an hour after the change to another by
    the id of after."""
    with work.begin() as unit:
        unit.expense.put_tenure(
            Tenure(
                host_id=HOST_3,
                owner_id=PROVIDER,
                operator_id=PROVIDER,
                kind=TenureKind.LEASED_OUT,
                interval=Interval(START_MINUTE - 86_400, None),
            )
        )
        for contract_id, user_id, hardware_id, interval in (
            ("HT-A", COMPANY_A, BARE, Interval(START_MINUTE, START_MINUTE + HANDED)),
            ("HT-B", COMPANY_B, FOUR, Interval(START_MINUTE + HANDED, None)),
        ):
            unit.expense.put_assignment(
                Assignment(
                    assignment_id=f"AS-{contract_id}-MIG",
                    contract_id=contract_id,
                    hardware_id=hardware_id,
                    interval=interval,
                    proposed_by=PROVIDER,
                    confirmed_by=user_id,
                ),
                START_UTC_MS,
            )
        unit.commit()


def test_a_month_of_several_ids_checks_from_its_files_alone(
    sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each company's certificate has the partition's minutes once, by the id of their time; all of
    both is checked by kashi-verify from the PDF and its bundle, which recounts every report."""
    work = sqlite_database.work
    month = make_month(work, before_close=partial(reported, work), once_agreed=agreed)
    issued = month.issue()
    found: dict[str, list[tuple[str, int, str]]] = {}
    for user_id in (COMPANY_A, COMPANY_B):
        files = write_files(month, issued[user_id].number, tmp_path / user_id)
        code = run(files.arguments, datetime(2026, 11, 1, tzinfo=UTC))
        assert code == 0, capsys.readouterr()
        with work.begin(writes=False) as unit:
            statement = unit.expense.statement(issued[user_id].statement_number, 1)
        assert statement is not None
        found[user_id] = [
            (one["hardware_id"], one["quantities"]["observed_ms"] // 60_000, one["share"])
            for one in json.loads(statement.content)["lines"]
            if one["hardware_id"].startswith("MIG-")
        ]

    assert {(one, share) for one, _minutes, share in found[COMPANY_A]} == {
        (BARE, "4/7"),
        (FOUR, "4/7"),
    }
    assert {(one, share) for one, _minutes, share in found[COMPANY_B]} == {(FOUR, "4/7")}
    total = sum(minutes for lines in found.values() for _one, minutes, _share in lines)
    assert total == sum(count * 5 for name, count in TOLD if name != THREE)

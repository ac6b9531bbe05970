"""Names of holders go out of stored reports; everything that was signed is proved as before."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fixtures_database import Database
from fixtures_identity import START_UTC_MS as CLOCK_UTC_MS
from fixtures_ingest import ReportingHost, enrol, stored_sums
from kashi import signing
from kashi.v1 import report_pb2
from kashi_server.domain.sequence import Verdict
from kashi_server.errors import NotFound, Refused
from kashi_server.log.audit import check_log
from kashi_server.log.sequencer import sequence
from kashi_server.services.accounts import AccountKeeping, Role
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.authority import Keyring
from kashi_server.services.fsck import check_facts
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.name_erasing import ERASED_ACT, Erased, NameErasing
from kashi_server.services.passwords import Passwords
from kashi_server.services.revealing import revealed, without_names
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage import name_erasing
from kashi_server.storage.tables.facts import reports
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import select

HOST, OTHER = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
AHEAD = "11111111-0000-4000-8000-000000000003"
DAY_MS = 86_400_000
NAME = "team-a/zhang-san"
DECISION = OfficersDecision(officers=("first", "second"), reason="本人申请")
YEAR_2200 = 7_258_118_400_000
LAST, BEFORE = date(2199, 12, 30), date(2020, 1, 1)
"""Days behind and before everything that is reported."""


class NamingHost(ReportingHost):
    """A host that sends names of holders, each report a block of them."""

    def seal(self, header: report_pb2.ReportHeader, blocks: object) -> bytes:
        """Bind a block of names behind the device blocks as well."""
        names = report_pb2.HolderNameBlock(
            names=[report_pb2.HolderName(key=bytes(16), name=f"{NAME}-{self.sequence}")]
        )
        block = report_pb2.Block(
            kind=report_pb2.BLOCK_KIND_HOLDER_NAMES,
            salt=self.chance.randbytes(16),
            content=names.SerializeToString(),
        )
        digest = report_pb2.BlockDigest(
            kind=block.kind, sha256=signing.block_sha256(block.salt, block.content)
        )
        sealed = report_pb2.Report.FromString(super().seal(header, blocks))  # type: ignore[arg-type]  # handed on as they came
        whole = report_pb2.ReportHeader.FromString(sealed.header)
        whole.blocks.append(digest)
        sealed.header = whole.SerializeToString()
        sealed.signatures[0].CopyFrom(signing.sign(self.key, signing.REPORT, sealed.header))
        sealed.blocks.append(block)
        self.previous = signing.report_sha256(sealed.header)
        return sealed.SerializeToString()


@pytest.fixture
def wires(work: Work, ingestion: Ingestion) -> dict[str, list[bytes]]:
    """Seven reports of two hosts each, stored, with names; and two officers."""
    accounts = AccountKeeping(work, Passwords(), lambda: CLOCK_UTC_MS)
    for login in DECISION.officers:
        accounts.create(login, "correct horse battery", Role.OFFICER, None)
    found: dict[str, list[bytes]] = {}
    for host_id in (HOST, OTHER):
        host = NamingHost(host_id, [f"GPU-{host_id[-1]}"])
        enrol(work, host)
        found[host_id] = [host.report(30) for _ in range(7)]
        for wire in found[host_id]:
            ingestion.ingest([Submission(host.standing(), [wire])])
    return found


def erasing(work: Work) -> NameErasing:
    """Long after the reports."""
    return NameErasing(work, lambda: YEAR_2200)


def named(work: Work, host_id: str) -> list[bool]:
    """Of each stored report of a host whether a name stands in it."""
    with work.begin(writes=False) as unit:
        return [NAME.encode() in one.wire for one in unit.facts.stream(host_id)]


def test_names_go_and_every_proof_stays_whole(
    work: Work,
    keyring: Keyring,
    wires: dict[str, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of one host, page by page: fsck finds every report, receipt, minute and log entry whole and
    counts what was erased; the other host's names stay; a second time there is nothing left."""
    monkeypatch.setattr(name_erasing, "REPORTS_AT_ONCE", 3)
    before, sums = named(work, HOST), stored_sums(work)

    done = erasing(work).erase([HOST], LAST, DECISION)
    again = erasing(work).erase([HOST], LAST, DECISION)

    assert before == [True] * 7
    assert done == (Erased(host_id=HOST, report_count=7),)
    assert again == (Erased(host_id=HOST, report_count=0),)
    assert (named(work, HOST), named(work, OTHER)) == ([False] * 7, [True] * 7)
    checked = check_facts(work, keyring.receipt_key.public_key())
    assert (checked.differences, checked.report_count, checked.erased_count) == ([], 14, 7)
    assert stored_sums(work) == sums
    sequence(work, keyring, lambda: YEAR_2200)
    assert check_logged(work) == []
    assert check_log(work, keyring.checkpoint_key.public_key()).differences == []


def test_a_bundle_shows_the_same_bytes_before_and_after(wires: dict[str, list[bytes]]) -> None:
    """It never carries a name, so a certificate's evidence is what it was; without the salt too,
    nobody finds a name by trying."""
    wire = wires[HOST][0]
    erased = without_names(wire)

    assert erased is not None
    assert revealed(erased, ["GPU-1"]) == revealed(wire, ["GPU-1"])
    block = report_pb2.Report.FromString(erased).blocks[-1]
    assert (block.content, block.salt) == (b"", b"")
    assert without_names(erased) is None


def test_sqlite_keeps_no_old_bytes_in_its_file_nor_beside_it(
    sqlite_database: Database, keyring: Keyring
) -> None:
    """What was packed with the names lay in the file before; erased, no piece of it is in the
    file, its journal or whatever else stands in the folder."""
    work, clock = sqlite_database.work, lambda: CLOCK_UTC_MS
    accounts = AccountKeeping(work, Passwords(), clock)
    for login in DECISION.officers:
        accounts.create(login, "correct horse battery", Role.OFFICER, None)
    host = NamingHost(HOST, [f"GPU-{number}" for number in range(8)])
    enrol(work, host)
    sent = [host.report(30) for _ in range(7)]
    Ingestion(work, keyring.receipt_key, clock, demo=False).ingest(
        [Submission(host.standing(), sent)]
    )
    before, lay = packed(work), beside(sqlite_database)

    (done,) = erasing(work).erase([HOST], LAST, DECISION)

    after, lies = b"".join(packed(work)), beside(sqlite_database)
    assert done.report_count == 7
    for content in before:
        gone = [piece for piece in pieces(content) if piece in lay and piece not in after]
        assert gone, "nothing of this report was told apart"
        assert not [piece for piece in gone if piece in lies]


def packed(work: Work) -> list[bytes]:
    """The bytes of each report as they lie in the database."""
    with work.begin(writes=False) as unit:
        return [bytes(one) for one in unit.connection.execute(select(reports.c.content)).scalars()]


def pieces(content: bytes) -> list[bytes]:
    """Sixteen bytes at every eighth place; a page of the file cuts few of them in two."""
    return [content[start : start + 16] for start in range(0, len(content) - 15, 8)]


def beside(database: Database) -> bytes:
    """The database's file and everything that stands in its folder by its name."""
    path = Path(database.url.removeprefix("sqlite:///"))
    return b"".join(one.read_bytes() for one in sorted(path.parent.glob(f"{path.name}*")))


def test_who_erased_what_and_why_is_kept(work: Work, wires: dict[str, list[bytes]]) -> None:
    """Both officers, for each host and its last day, before anything is erased."""
    erasing(work).erase([HOST, OTHER], LAST, DECISION)

    with work.begin(writes=False) as unit:
        acts = [(one.actor, one.reference, one.reason) for one in unit.identity.acts()]
    assert acts[-4:] == [
        (login, f"{host_id}/2199-12-30", "本人申请")
        for host_id in (HOST, OTHER)
        for login in DECISION.officers
    ]


def test_names_after_the_day_stay(work: Work, wires: dict[str, list[bytes]]) -> None:
    """A report that ended and came on a later day is not touched, and is counted."""
    (done,) = erasing(work).erase([HOST], BEFORE, DECISION)

    assert (done.report_count, done.kept_count) == (0, 7)
    assert named(work, HOST) == [True] * 7


def test_a_label_in_the_future_keeps_no_name(
    work: Work, ingestion: Ingestion, wires: dict[str, list[bytes]]
) -> None:
    """A host whose clock runs years ahead: its reports are erased by the day on which they came;
    the day before that they are counted among those that keep their names."""
    ahead = NamingHost(AHEAD, ["GPU-9"], utc_ms=CLOCK_UTC_MS + 4_000 * DAY_MS)
    enrol(work, ahead)
    sent = [ahead.report(30) for _ in range(2)]
    ingestion.ingest([Submission(ahead.standing(), sent)])
    came = datetime.fromtimestamp(CLOCK_UTC_MS / 1000, ZoneInfo("Asia/Shanghai")).date()

    early = erasing(work).erase([HOST, AHEAD], came - timedelta(days=1), DECISION)
    kept = named(work, AHEAD)
    done = erasing(work).erase([AHEAD], came, DECISION)

    assert kept == [True] * 2
    assert early[1] == Erased(host_id=AHEAD, report_count=0, kept_count=2)
    assert (early[0].report_count, early[0].kept_count) == (7, 0)
    assert done == (Erased(host_id=AHEAD, report_count=2, kept_count=0),)
    assert named(work, AHEAD) == [False] * 2


def test_nothing_is_erased_without_two_officers_a_host_and_a_day_that_is_over(
    work: Work, wires: dict[str, list[bytes]]
) -> None:
    """A stranger's login, no host, a day on which names still come in."""
    stranger = replace(DECISION, officers=("first", "stranger"))
    for host_ids, until, decision, told in (
        ([HOST], LAST, stranger, "'stranger' is no officer"),
        ([], LAST, DECISION, "no such host"),
        ([HOST], date(2200, 1, 1), DECISION, "is not over"),
    ):
        with pytest.raises((Refused, NotFound), match=told):
            erasing(work).erase(host_ids, until, decision)

    assert named(work, HOST) == [True] * 7


def test_fsck_names_a_host_whose_names_went_without_two_officers(
    work: Work, keyring: Keyring, wires: dict[str, list[bytes]]
) -> None:
    """Whoever writes to the database takes names out as the officers' command does, of a host that
    no act names, or behind the day of an act: fsck says of which, how many, and the first."""
    erasing(work).erase([HOST], BEFORE, DECISION)
    erasing(work).erase([OTHER], LAST, DECISION)
    sequence(work, keyring, lambda: YEAR_2200)
    whole = check_facts(work, keyring.receipt_key.public_key()).differences

    with work.begin() as unit:
        unit.facts.erase_names(HOST, YEAR_2200, (1, 4), without_names)
        unit.commit()

    checked = check_facts(work, keyring.receipt_key.public_key())
    (found,) = checked.differences
    assert (whole, checked.erased_count) == ([], 10)
    assert f"。host {HOST}: names are erased in 3 reports that no act" in found
    assert found.endswith("the first of them epoch 1 sequence 5")


def test_one_officers_act_covers_nothing(
    work: Work, keyring: Keyring, wires: dict[str, list[bytes]]
) -> None:
    """An entry by one person alone, however it came into the log, is no decision of two."""
    act = PrivilegedAct(
        utc_ms=0, actor="first", act=ERASED_ACT, reference=f"{HOST}/{LAST}", reason="一人"
    )
    with work.begin() as unit:
        record(unit, act)
        unit.facts.erase_names(HOST, YEAR_2200, (0, 0), without_names)
        unit.commit()

    (found,) = check_facts(work, keyring.receipt_key.public_key()).differences
    assert "names are erased in 7 reports" in found


def test_a_host_does_not_erase_its_names_itself(work: Work, ingestion: Ingestion) -> None:
    """A report that comes without its names is refused: fsck would lay it at the officers' door."""
    host = NamingHost(HOST, ["GPU-1"])
    enrol(work, host)
    erased = without_names(host.report(30))
    assert erased is not None

    (answer,) = ingestion.ingest([Submission(host.standing(), [erased])])

    assert isinstance(answer, Answer)
    assert [one.judgement.verdict for one in answer.results] == [Verdict.REJECTED]

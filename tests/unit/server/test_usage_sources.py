"""Source files of stated usage: exact milliseconds in, every malformed row named by itself."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from expense_cases import H100, PROVIDER
from kashi_server.domain.interval import HOUR_MS
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.usage_source.files import read_source
from kashi_server.domain.usage_source.instants import instant_ms
from kashi_server.domain.usage_source.mapping import load_mapping
from kashi_server.errors import InvalidValue
from usage_samples import (
    BILL,
    BILL_HEAD,
    BILL_ROW,
    SERIES,
    SLURM,
    SLURM_HEAD,
    SLURM_ROW,
    reading,
    records,
)

CASES = Path(__file__).parents[3] / "docs/cases/usage"
AT = 1_791_158_400_000
"""2026-10-05T00:00:00Z."""


def test_a_bill_states_its_instances_to_the_millisecond() -> None:
    """An hour of an instance with 8 cards is 3 600 000 ms of 8 cards, from 08:00 in its zone."""
    (record,) = records(BILL, BILL_HEAD + BILL_ROW)

    assert (record.unit_id, record.cards, record.stated_ms) == ("cloud-a/i-1", 8, HOUR_MS)
    assert record.start_utc_ms == instant_ms("2026-10-01T00:00:00Z", timedelta())
    assert (record.line, record.whole) == (2, True)


@pytest.mark.parametrize(
    ("unit", "counts", "text", "stated_ms"),
    [
        ("hour", "allocation", "0.5", 1_800_000),
        ("hour", "cards", "8", HOUR_MS),
        ("minute", "allocation", "1.5", 90_000),
        ("hour", "allocation", "0.333333333", 1_199_999),
        ("second", "cards", "100", 12_500),
    ],
)
def test_a_quantity_is_cut_to_whole_milliseconds(
    unit: str, counts: str, text: str, stated_ms: int
) -> None:
    """Hours, minutes or seconds, of the allocation or of its 8 cards together; never rounded up."""
    mapping = BILL.replace('unit = "second"', f'unit = "{unit}", counts = "{counts}"')

    (record,) = records(mapping, BILL_HEAD + BILL_ROW.replace(",3600", f",{text}"))

    assert record.stated_ms == stated_ms


@pytest.mark.parametrize(
    ("row", "where", "message"),
    [
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00\n", "2:", "has 4 columns"),
        ("i-1,eight,2026-10-01 08:00:00,2026-10-01 09:00:00,1\n", "2: cards", "whole cards"),
        ("i-1,0,2026-10-01 08:00:00,2026-10-01 09:00:00,1\n", "2: cards", "whole cards"),
        ("i-1,8.5,2026-10-01 08:00:00,2026-10-01 09:00:00,1\n", "2: cards", "whole cards"),
        (",8,2026-10-01 08:00:00,2026-10-01 09:00:00,1\n", "2: instance", "is empty"),
        ("i-1,8,01.10.2026,2026-10-01 09:00:00,1\n", "2: from", "is no time"),
        ("i-1,8,2026-02-30 08:00:00,2026-10-01 09:00:00,1\n", "2: from", "is no time"),
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 25:00:00,1\n", "2: to", "is no time"),
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 07:00:00,1\n", "2: to", "before its start"),
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00,\n", "2: used", "no plain decimal"),
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00,1e3\n", "2: used", "no plain decimal"),
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00,NaN\n", "2: used", "no plain decimal"),
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00,-1\n", "2: used", "less than nothing"),
        ("i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00,3601\n", "2: used", "there are 3600000"),
        (
            "i-1,8,2026-10-31 23:30:00,2026-11-01 00:30:00,60\n",
            "2:",
            "crosses the end of 2026-10",
        ),
        ('"i-1,8,2026-10-01 08:00:00,2026-10-01 09:00:00,1\n', "2:", "is no CSV"),
    ],
)
def test_each_malformed_row_of_a_bill_is_named(row: str, where: str, message: str) -> None:
    """File, line and column, and nothing is taken although other rows are sound."""
    with pytest.raises(MistakesFound) as caught:
        reading(BILL, BILL_HEAD + row)

    assert re.search(rf"source\.csv:{where}.*{re.escape(message)}", str(caught.value)), caught.value


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    """Two rows are wrong: both are named, each by its line."""
    rows = BILL_ROW + BILL_ROW.replace("8,", "x,", 1) + BILL_ROW.replace("08:00:00", "soon")

    with pytest.raises(MistakesFound) as caught:
        reading(BILL, BILL_HEAD + rows)

    assert [mistake.line for mistake in caught.value.mistakes] == [3, 4]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            "instance,cards,from,to\n",
            "used: 没有这一列；表头有 instance, cards, from, to。there is no such column",
        ),
        ("instance,cards,from,to,used,used\n", "used: 在表头中出现两次。stands twice"),
        ("\n", "is empty"),
    ],
)
def test_a_head_without_a_column_is_refused(head: str, message: str) -> None:
    """A column that the mapping names and the file lacks, or has twice, is named at line 1."""
    with pytest.raises(MistakesFound, match=re.escape(message)):
        reading(BILL, head + BILL_ROW)


def test_a_file_in_another_encoding_is_named_by_its_line() -> None:
    """Chinese text in GB 18030 is read where the mapping says so, and refused where it does not."""
    content = ("实例,cards,from,to,used\n" + BILL_ROW).encode("gb18030")
    mapping = BILL.replace('column = "instance"', 'column = "实例"')

    with pytest.raises(MistakesFound, match=r"bill\.csv:1: 不是 utf-8 编码；.*is not utf-8"):
        read_source(load_mapping(mapping, "m.toml"), "bill.csv", content)
    told = read_source(
        load_mapping(f'encoding = "gb18030"\n{mapping}', "m.toml"), "bill.csv", content
    )

    assert len(told.records["HT-1"]) == 1


def test_a_byte_order_mark_is_no_part_of_the_head() -> None:
    """What spreadsheets put before the first column does not hide it."""
    (record,) = records(BILL, "\ufeff" + BILL_HEAD + BILL_ROW)

    assert record.unit_id == "cloud-a/i-1"


def test_a_job_counts_once_with_all_its_gpus_and_without_its_steps() -> None:
    """Four GPUs for 9032 s; its batch and its steps are parts of it and add nothing."""
    steps = SLURM_ROW.replace("7|", "7.batch|", 1) + SLURM_ROW.replace("7|", "7.0|", 1)

    told = reading(SLURM, SLURM_HEAD + SLURM_ROW + steps)

    (record,) = told.records["HT-1"]
    assert (record.cards, record.stated_ms) == (4, 9_032_000)
    assert told.skipped["step"] == 2


def test_arrays_and_requeued_jobs_are_counted_for_every_run() -> None:
    """Two tasks of an array, and a job that ran twice, are four records with four keys."""
    rows = "".join(
        f"{job}|a|2026-10-02T{start}|2026-10-02T{end}|{seconds}|{state}|gres/gpu=1\n"
        for job, start, end, seconds, state in (
            ("8_1", "10:00:00", "10:10:00", 600, "COMPLETED"),
            ("8_2", "10:00:00", "10:20:00", 1200, "TIMEOUT"),
            ("9", "11:00:00", "11:05:30", 330, "NODE_FAIL"),
            ("9", "11:05:50", "12:00:00", 3250, "COMPLETED"),
        )
    )

    found = records(SLURM, SLURM_HEAD + rows)

    assert [record.stated_ms for record in found] == [600_000, 1_200_000, 330_000, 3_250_000]
    assert len({record.key for record in found}) == 4


def test_suspended_time_is_not_stated() -> None:
    """ElapsedRaw leaves out an hour in which the job was suspended: the row states the rest."""
    row = SLURM_ROW.replace("9032", "5432")

    (record,) = records(SLURM, SLURM_HEAD + row)

    assert (record.stated_ms, record.whole) == (5_432_000, False)


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("COMPLETED", "RUNNING", "State", "is RUNNING still"),
        ("COMPLETED", "SUSPENDED", "State", "is SUSPENDED still"),
        ("2026-10-02T12:30:45", "Unknown", "State", "still"),
        ("COMPLETED", "DREAMING", "State", "no state of a job"),
        ("9032", "2:30:32", "ElapsedRaw", "no whole seconds"),
        ("9032", "9033", "ElapsedRaw", "more than the 9032000 ms"),
        ("2026-10-02T10:00:13", "yesterday", "Start", "is no time"),
        ("2026-10-02T12:30:45", "2026-10-02T09:30:45", "End", "before its start"),
        ("|a|", "|c|", "Account", "'c' stands for nothing"),
        ("gres/gpu=4", "gres/gpu:a=2,gres/gpu:b=2,gres/gpu=4", "AllocTRES", "of 2 types"),
        ("gres/gpu=4", "gres/gpu:a=2,gres/gpu=4", "AllocTRES", "counts 4 GPUs, 2 of them"),
        ("7|a", "7|a|pipe", "", "has 8 columns"),
        ("gres/gpu=4", "gres/gpu:1g.10gb=7,gres/gpu=7", "AllocTRES", "partitions of type 1g.10gb"),
        ("gres/gpu=4", "gres/gpu:a100_3g.20gb=2", "AllocTRES", "partitions of type a100_3g.20gb"),
    ],
)
def test_each_malformed_job_is_named(old: str, new: str, where: str, message: str) -> None:
    """A running job is refused, not guessed; so is whatever sacct does not write."""
    with pytest.raises(MistakesFound) as caught:
        reading(SLURM, SLURM_HEAD + SLURM_ROW.replace(old, new, 1))

    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.field) == (2, where)
    assert message in mistake.message


def test_sacct_without_a_column_is_refused() -> None:
    """ElapsedRaw is what is counted: without it nothing is."""
    with pytest.raises(MistakesFound, match=r"ElapsedRaw: 缺少此列；.*is missing; run sacct"):
        reading(SLURM, SLURM_HEAD.replace("ElapsedRaw", "Elapsed") + SLURM_ROW)


CARD = "GPU-6f3c9a10-0000-4000-8000-00000000abcd"


def _matrix(*values: tuple[object, str], **labels: str) -> str:
    metric = {
        "__name__": "DCGM_FI_DEV_GPU_UTIL",
        "UUID": CARD,
        "modelName": H100,
        **labels,
    }
    result = [{"metric": metric, "values": [list(value) for value in values]}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def test_presence_of_samples_counts_up_to_the_gap_limit() -> None:
    """60 s between samples are seen, 61 s are a gap; a value of 0 is a sample like any other."""
    second = AT // 1000
    content = _matrix((second, "97"), (second + 60, "0"), (second + 121, "9"), (second + 151, "9"))

    found = records(SERIES, content)

    assert [(one.start_utc_ms - AT, one.stated_ms) for one in found] == [
        (0, 60_000),
        (121_000, 30_000),
    ]
    assert all(one.identified and one.cards == 1 and one.whole for one in found)


@pytest.mark.parametrize(
    ("vendor", "said", "unit_id", "identified"),
    [
        ("nvidia", CARD, CARD, True),
        ("nvidia", CARD.upper(), CARD, True),
        ("nvidia", f" {CARD} ", CARD, True),
        ("nvidia", f"{CARD}\u200b", f"cloud-a/{CARD}\u200b", False),
        ("nvidia", f"0: {CARD[4:]}", f"cloud-a/0: {CARD[4:]}", False),
        ("huawei", CARD, f"cloud-a/{CARD}", False),
        (
            "huawei",
            "64036e64-00a07559-5c350cf2-b9d00485-104301e2",
            "64036E64-00A07559-5C350CF2-B9D00485-104301E2",
            True,
        ),
    ],
)
def test_a_hardware_id_is_one_in_the_vendors_own_form(
    vendor: str, said: str, unit_id: str, identified: bool
) -> None:
    """It is kept in the vendor's own capitals; anything else is a name within the site."""
    mapping = BILL.replace('"nvidia"', f'"{vendor}"') + "identified = true\n"

    (record,) = records(mapping, BILL_HEAD + BILL_ROW.replace("i-1,8", f"{said},1"))

    assert (record.unit_id, record.identified) == (unit_id, identified)


@pytest.mark.parametrize("said", ["GPU-1", "i-1", f"{CARD[:-1]}x"])
def test_a_bill_that_promises_hardware_ids_names_no_instance(said: str) -> None:
    """What holds no vendor's id is refused by line and column, and was no name of the site unsaid:
    a bill of instances does not say that its units are ids."""
    row = BILL_ROW.replace("i-1,8", f"{said},1")

    with pytest.raises(MistakesFound) as refused:
        records(BILL + "identified = true\n", BILL_HEAD + row)

    (mistake,) = refused.value.mistakes
    assert (mistake.line, mistake.field) == (2, "instance")
    assert "不是厂商的硬件编号" in mistake.message
    (record,) = records(BILL, BILL_HEAD + row)
    assert (record.unit_id, record.identified) == (f"cloud-a/{said}", False)


def test_what_is_called_a_hardware_id_is_one_card() -> None:
    """Also where its form is not the vendor's."""
    with pytest.raises(MistakesFound, match="what has a hardware id is one card"):
        records(BILL + "identified = true\n", BILL_HEAD + BILL_ROW)


def test_a_series_is_cut_at_whole_hours() -> None:
    """Forty seconds across an hour's end are two records, so hours can be told apart."""
    second = AT // 1000 + 3580

    found = records(SERIES, _matrix((second, "1"), (second + 40, "1")))

    assert [(one.stated_ms, one.end_utc_ms % HOUR_MS) for one in found] == [
        (20_000, 0),
        (20_000, 20_000),
    ]


@pytest.mark.parametrize(
    "blank",
    [
        *("NaN", "", "9223372036854775794", "9.223372036854775808e+18"),
        *("140737488355328", "140737488355328.000000", "1.40737488355328e+14"),
        *("140737488355329", "140737488355330", "140737488355331"),
    ],
)
def test_a_blank_is_no_sample(blank: str) -> None:
    """What DCGM writes where it has no value shows no device: 30 + 30 s are then one of 60 s."""
    second = AT // 1000
    content = _matrix((second, "1"), (second + 31, blank), (second + 62, "1"))

    told = reading(SERIES, content)

    assert (told.records, told.skipped["no_sample"]) == ({}, 1)


@pytest.mark.parametrize("value", ["140737488355327", "140737488355344", "2e14", "1e18"])
def test_a_counter_near_a_blank_is_a_sample(value: str) -> None:
    """Energy and bytes grow past what DCGM writes for a double that it does not have."""
    second = AT // 1000

    (record,) = records(SERIES, _matrix((second, "1"), (second + 31, value), (second + 62, "1")))

    assert record.stated_ms == 62_000


def test_a_series_as_csv_counts_like_json() -> None:
    """One row a sample, times in the mapping's zone."""
    mapping = f'time = "at"\nsample = "value"\n{SERIES}'
    content = (
        f"at,UUID,modelName,value\n2026-10-05 08:00:00,GPU-1,{H100},1\n"
        f"2026-10-05 08:00:45,GPU-1,{H100},0\n"
    )

    (record,) = records(mapping, content)

    assert (record.start_utc_ms, record.stated_ms) == (AT, 45_000)


@pytest.mark.parametrize(
    ("profile", "instance", "column"),
    [("1g.10gb", "7", "GPU_I_PROFILE"), ("1g.10gb", "", "GPU_I_PROFILE"), (" ", "0", "GPU_I_ID")],
)
def test_a_partition_in_a_csv_series_is_refused_like_one_in_json(
    profile: str, instance: str, column: str
) -> None:
    """A seventh of a card is no card: each of its samples is named by line and column; the same
    file without what tells the partition is one of a whole card."""
    mapping = f'time = "at"\nsample = "value"\n{SERIES}'
    head = "at,UUID,GPU_I_PROFILE,GPU_I_ID,modelName,value\n"

    def content(profile: str, instance: str) -> str:
        return head + "".join(
            f"2026-10-05 08:00:{second},{CARD},{profile},{instance},{H100},1\n"
            for second in ("00", "45")
        )

    with pytest.raises(MistakesFound) as refused:
        reading(mapping, content(profile, instance))

    said = [(one.line, one.field) for one in refused.value.mistakes]
    assert said == [(2, column), (3, column)]
    assert "不是整卡" in str(refused.value)
    (record,) = records(mapping, content(" ", ""))
    assert record.stated_ms == 45_000


def test_a_partition_of_another_contract_is_passed_over() -> None:
    """Its samples are not stated, so they are no mistake."""
    mapping = f'time = "at"\nsample = "value"\n{SERIES}'.replace(
        'value = "HT-1"', 'column = "ns", values = { a = "HT-1" }, others = "skip"'
    )
    rows = "2026-10-05 08:00:00,b,1g.10gb,1\n2026-10-05 08:00:00,a,,1\n2026-10-05 08:00:45,a,,1\n"
    content = "at,ns,GPU_I_PROFILE,value,UUID,modelName\n" + rows.replace(
        "1\n", f"1,{CARD},{H100}\n"
    )

    told = reading(mapping, content)

    assert told.skipped["other_contract"] == 1
    assert [one.stated_ms for one in told.records["HT-1"]] == [45_000]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ('{"status":"error"}', "no answer of success"),
        ('{"status":"success","data":{"resultType":"vector"}}', 'is not "matrix"'),
        (
            _matrix((AT // 1000, "1"), GPU_I_PROFILE="1g.10gb"),
            "GPU_I_PROFILE: 是分区（1g.10gb），不是整卡",
        ),
        (_matrix((AT // 1000, "1"), GPU_I_ID="0"), "result[1].metric.GPU_I_ID: 是分区（0）"),
        (_matrix((AT // 1000, "x")), "result[1].values[1]: “x”不是数。'x' is no number"),
        (_matrix(("soon", "1")), "'soon' is no time"),
        (_matrix((AT // 1000, "1"), (AT // 1000, "1")), "not in order of time"),
        (
            _matrix((AT // 1000, "1")).replace('"UUID"', '"uuid"'),
            "metric.UUID: 没有这个标签。there is no such",
        ),
        ('{"status":"success","data":{"resultType":"matrix","result":[7]}}', "no range of"),
        (
            '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"UUID":"1",'
            f'"modelName":"{H100}"' + '},"values":[[1]]}]}}',
            "no pair of time and value",
        ),
    ],
)
def test_each_malformed_series_is_named(content: str, message: str) -> None:
    """The place in the JSON says where."""
    with pytest.raises(MistakesFound, match=re.escape(message)):
        reading(SERIES, content)


def test_one_device_of_two_contracts_in_one_file_is_refused() -> None:
    """A device cannot be told apart by its samples alone."""
    mapping = SERIES.replace('value = "HT-1"', 'column = "ns", values = { a = "HT-1", b = "HT-2" }')
    one = json.loads(_matrix((AT // 1000, "1"), ns="a"))
    one["data"]["result"] += json.loads(_matrix((AT // 1000, "1"), ns="b"))["data"]["result"]

    with pytest.raises(MistakesFound, match="two contracts or models"):
        reading(mapping, json.dumps(one))


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('format = "kashi/v1/usage-mapping"', 'format = "2"', 1, "'2' is none of"),
        (f'provider = "{PROVIDER}"', 'provider = "123"', 2, "123"),
        ('vendor = "nvidia"', 'vendor = "amd"', 3, "'amd' is none of"),
        ('utc_offset = "+08:00"', 'utc_offset = "Asia/Shanghai"', 4, "no offset from UTC"),
        ('utc_offset = "+08:00"\n', "", 1, "utc_offset: 缺少此项："),
        ('kind = "bill"', 'kind = "guess"', 6, "'guess' is none of"),
        ('site = "cloud-a"', 'site = "a b"', 1, "name a place"),
        ('end = "to"', "end = 7", 9, "7 is not text"),
        ('value = "HT-1"', 'value = "HT-1", column = "c"', 10, "a constant `value`, or a"),
        ('contract = { value = "HT-1" }', "contract = 3", 10, "write a table"),
        ('cards = { column = "cards" }\n', "", 1, "cards: 缺少此项：每行是多少张整卡。is missing"),
        ('column = "cards" }', 'column = "cards", others = "skip" }', 12, "does not name"),
        ('unit = "second"', 'unit = "day"', 14, "unit 'day' is none of"),
        ('site = "cloud-a"', 'site = "cloud-a"\ncolour = "red"', 8, "no such setting"),
        ('site = "cloud-a"', 'site = "cloud-a"\ngap_limit_s = 5', 8, "means nothing for kind bill"),
    ],
)
def test_each_mistake_of_a_mapping_is_named(old: str, new: str, line: int, message: str) -> None:
    """File, line and setting; a mapping that is half understood reads nothing."""
    assert old in BILL
    with pytest.raises(MistakesFound) as caught:
        load_mapping(BILL.replace(old, new, 1), "mapping.toml")

    (mistake,) = caught.value.mistakes
    assert mistake.line == line
    assert message in str(mistake)


@pytest.mark.parametrize(
    ("text", "utc_ms"),
    [
        ("2026-10-05T08:00:00", AT),
        ("2026/10/5 08:00", AT),
        ("2026-10-05 00:00:00Z", AT),
        ("2026-10-05T01:00:00+0100", AT),
        ("2026-10-05T08:00:00.0019", AT + 1),
        ("1791158400", AT),
        ("1791158400.5009", AT + 500),
    ],
)
def test_a_time_without_a_zone_is_of_the_mappings(text: str, utc_ms: int) -> None:
    """One that names its own zone keeps it; parts of a millisecond are cut off."""
    assert instant_ms(text, timedelta(hours=8)) == utc_ms


@pytest.mark.parametrize(
    "text", ["0001-01-01 00:00:00", "1999-12-31T23:59:59", "9999-12-31 23:00:00-10:00"]
)
def test_a_blank_time_is_refused_by_its_row(text: str) -> None:
    """Exports write a time that is not set as the first or last day of the calendar."""
    with pytest.raises(InvalidValue, match="is no time of use"):
        instant_ms(text, timedelta(hours=8))


@pytest.mark.parametrize("text", ["", "now", "2026-10-05", "10/05/2026 08:00", "Unknown", "1e9"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """A day is no instant, and nobody guesses at months and days."""
    with pytest.raises(InvalidValue, match="is no time"):
        instant_ms(text, timedelta())


@pytest.mark.parametrize(
    ("name", "file", "card_ms"),
    [
        ("bill", "bill.csv", 8 * (3_600_000 + 3_600_000 + 1_810_000)),
        ("slurm", "slurm.txt", 1000 * (4 * 9032 + 600 + 1200 + 8 * (330 + 3250) + 3600)),
        ("series", "series.json", 60_500 + 30_000 + 60_000),
    ],
)
def test_the_published_samples_state_what_they_say(name: str, file: str, card_ms: int) -> None:
    """The files beside the documentation are read by their mappings, to the millisecond."""
    mapping = load_mapping((CASES / f"{name}.mapping.toml").read_text("utf-8"), name)

    told = read_source(mapping, file, (CASES / file).read_bytes())

    assert sum(one.stated_ms * one.cards for one in told.records["HT-1"]) == card_ms

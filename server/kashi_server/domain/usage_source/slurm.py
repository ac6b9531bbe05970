"""Slurm's accounting: `sacct --parsable2 --allocations --duplicates` and the like, one row a job.

Wanted are the columns JobID, Start, End, ElapsedRaw, State and AllocTRES, and whatever the mapping
names. A job is its allocation: rows of its steps (`123.batch`, `123.0`) are parts of it and passed
over. A requeued job is a record for every time it ran. A job that still runs is refused: its end is
not known. ElapsedRaw leaves out time in which a job was suspended; the row does not say when.
"""

import re
from typing import Final

from kashi_server.domain.attestation import StatedRecord
from kashi_server.domain.usage_source.instants import local_text
from kashi_server.domain.usage_source.reading import (
    FieldWrong,
    Reading,
    check_head,
    contract_of,
    decoded,
    field_of,
    row_of,
    span_of,
)
from kashi_server.domain.usage_source.values import Row, SkippedRow
from kashi_server.errors import InvalidValue

COLUMNS: Final = ("JobID", "Start", "End", "ElapsedRaw", "State", "AllocTRES")
GPU_TYPE: Final = "GpuType"
"""A column that is made: the type that AllocTRES names its GPUs by, else empty."""

PARTITION_TYPE: Final = re.compile(r".*\d+g\.\d+gb.*", re.IGNORECASE)
"""How Slurm names MIG partitions, by their profile: `1g.10gb`, `a100_3g.20gb`."""

RUN: Final = "@"
"""Between a job and the start of one of its runs."""

STEP: Final = "step"
NEVER_STARTED: Final = "never_started"
NO_CARDS: Final = "no_cards"
NO_TIME: Final = "no_time"
OTHER_MODEL: Final = "other_model"
_RUNNING: Final = frozenset(
    {"RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "STAGE_OUT", "SIGNALING", "STOPPED"}
)
_WAITING: Final = frozenset({"PENDING", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "REVOKED"})
_ENDED: Final = frozenset(
    {
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "TIMEOUT",
        "NODE_FAIL",
        "PREEMPTED",
        "BOOT_FAIL",
        "DEADLINE",
        "OUT_OF_MEMORY",
        "REQUEUED",
        "RESIZING",
    }
)
_NOWHEN: Final = frozenset({"", "Unknown", "None", "N/A"})
_GPUS: Final = re.compile(r"gres/gpu(?::([^=,]+))?=(\d{1,6})")
_SECONDS: Final = re.compile(r"\d{1,9}")


def read_slurm(reading: Reading, content: bytes) -> Reading:
    """Read what sacct wrote.

    Raises:
        MistakesFound: every mistake with line and column.
    """
    lines = decoded(reading, content).splitlines()
    head = [name.strip() for name in lines[0].split("|")] if lines else []
    for name in COLUMNS:
        if name not in head:
            reading.wrong(
                1,
                name,
                f"缺少此列；请以 --format={','.join(COLUMNS)},… 运行 sacct。"
                f"is missing; run sacct with --format={','.join(COLUMNS)},…",
            )
    if GPU_TYPE in reading.mapping.keep:
        reading.wrong(
            1,
            GPU_TYPE,
            "该列由程序得出，文件中没有；请用 model 区分类型。"
            "is made, not read; tell types apart by `model`",
        )
    check_head(reading, head, GPU_TYPE)
    for line, text in enumerate(lines[1:], 2):
        if not text.strip():
            continue
        cells = text.split("|")
        row = row_of(reading, line, head, cells)
        if row is not None:
            _take(reading, line, row)
    return reading.finish()


def _take(reading: Reading, line: int, row: Row) -> None:
    if "." in row["JobID"]:
        reading.skipped[STEP] += 1
        return
    state = row["State"].split(" ")[0].rstrip("+")
    if state in _WAITING or row["Start"].strip() in _NOWHEN:
        reading.skipped[NEVER_STARTED] += 1
        return
    try:
        cards, gpu_type = gpus_of(row["AllocTRES"])
    except InvalidValue as error:
        reading.wrong(line, "AllocTRES", str(error))
        return
    if cards == 0:
        reading.skipped[NO_CARDS] += 1
        return
    if not _ended(reading, line, row, state):
        return
    typed = {**row, GPU_TYPE: gpu_type}
    contract_id = contract_of(reading, line, typed)
    if contract_id is None:
        return
    record = _record(reading, line, typed, cards)
    if record is not None:
        reading.take(contract_id, record)


def _ended(reading: Reading, line: int, row: Row, state: str) -> bool:
    if state in _RUNNING or row["End"].strip() in _NOWHEN:
        reading.wrong(
            line,
            "State",
            f"作业 {row['JobID']} 的状态仍为 {state}；"
            "请待其结束后重新导出，或用 --state 排除。"
            f"job {row['JobID']} is {state} still; export it again once it has ended, or leave it"
            " out with --state",
        )
        return False
    if state not in _ENDED:
        reading.wrong(
            line,
            "State",
            f"“{row['State']}”不是 Slurm 文档所列的作业状态。"
            f"'{row['State']}' is no state of a job that Slurm documents",
        )
        return False
    return True


def gpus_of(tres: str) -> tuple[int, str]:
    """How many GPUs an allocation has, and of which type; the type is empty where none is told.

    Raises:
        InvalidValue: they are of two types: one row cannot say how long each was used; or they
            are partitions, which are no whole cards.
    """
    total, typed = 0, {}
    for part in tres.split(","):
        match = _GPUS.fullmatch(part.strip())
        if match is None:
            continue
        if match[1] is None:
            total = int(match[2])
        elif int(match[2]):
            if PARTITION_TYPE.fullmatch(match[1]):
                raise InvalidValue(
                    f"“{tres}”含 {match[1]} 类型的分区："
                    "它们只是卡的一部分，其份额未写明；请用采集代理计量。"
                    f"'{tres}' has partitions of type {match[1]}: they are parts of cards, and"
                    " their share is not told; meter them with an agent"
                )
            typed[match[1]] = int(match[2])
    if len(typed) > 1:
        raise InvalidValue(
            f"“{tres}”在一个作业中有 {len(typed)} 种 GPU。"
            f"'{tres}' has GPUs of {len(typed)} types in one job"
        )
    for name, count in typed.items():
        if total and count != total:
            raise InvalidValue(
                f"“{tres}”共 {total} 张 GPU，其中 {name} 类型却为 {count} 张。"
                f"'{tres}' counts {total} GPUs, {count} of them of type {name}"
            )
        return count, name
    return total, ""


def _record(reading: Reading, line: int, row: Row, cards: int) -> StatedRecord | None:
    try:
        return _stated(reading, line, row, cards)
    except SkippedRow:
        reading.skipped[OTHER_MODEL] += 1
    except FieldWrong as error:
        reading.wrong(line, error.column, str(error))
    return None


def _stated(reading: Reading, line: int, row: Row, cards: int) -> StatedRecord | None:
    mapping = reading.mapping
    start, end = span_of(mapping, row, "Start", "End")
    stated_ms = field_of("ElapsedRaw", lambda: _elapsed_ms(row["ElapsedRaw"], end - start))
    if stated_ms == 0:
        reading.skipped[NO_TIME] += 1
        return None
    model = field_of(mapping.model.column, lambda: mapping.model.of(row))
    # One job may run several times: each time is an allocation of its own.
    named = f"{mapping.site}/{row['JobID'].strip()}{RUN}{local_text(start, mapping.offset)}"
    return field_of(
        "JobID",
        lambda: StatedRecord(
            key=named,
            unit_id=named,
            identified=False,
            model=model,
            cards=cards,
            start_utc_ms=start,
            end_utc_ms=end,
            stated_ms=stated_ms,
            line=line,
        ),
    )


def _elapsed_ms(text: str, span_ms: int) -> int:
    if _SECONDS.fullmatch(text.strip()) is None:
        raise InvalidValue(f"“{text}”不是整秒数。'{text}' are no whole seconds")
    stated_ms = int(text) * 1_000
    if stated_ms > span_ms:
        raise InvalidValue(
            f"{text} 秒超过起止之间的 {span_ms} 毫秒。"
            f"{text} s are more than the {span_ms} ms from start to end"
        )
    return stated_ms

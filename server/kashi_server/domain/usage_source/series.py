"""Series of samples of one metric: Prometheus's query_range as JSON, or CSV with a row a sample.

What counts is that a sample is there: between two samples no further apart than the mapping's gap
limit the device was seen, and no value is asked how busy it was. A blank of DCGM (an integer from
0x7ffffffffffffff0 on, a double of 2^47 to 2^47 + 15) or a NaN is no sample. A record is a run of
samples without a gap, cut at whole UTC hours.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from kashi_server.domain.attestation import StatedRecord
from kashi_server.domain.interval import HOUR_MS
from kashi_server.domain.usage_source.instants import instant_ms, instant_text
from kashi_server.domain.usage_source.reading import (
    FieldWrong,
    Reading,
    contract_of,
    csv_rows,
    decoded,
    field_of,
    unit_of,
)
from kashi_server.domain.usage_source.values import Row, SkippedRow
from kashi_server.errors import InvalidValue

BLANK_MIN: Final = 0x7FFFFFFFFFFFFFF0
"""DCGM's integers that are no value: blank, not found, not supported, not permissioned and on."""
DOUBLE_BLANK_MIN: Final = 2**47
DOUBLE_BLANK_END: Final = DOUBLE_BLANK_MIN + 16
"""The same for doubles (140737488355328.0 and on), where DCGM leaves as much room: counters of
energy and bytes grow past them."""
NAME_LABEL: Final = "__name__"
PARTITION_LABELS: Final = ("GPU_I_PROFILE", "GPU_I_ID")
"""What exporters of GPU metrics put on the series of a partition alone: its profile, its number."""
OTHER_METRIC: Final = "other_metric"
OTHER_MODEL: Final = "other_model"
NO_SAMPLE: Final = "no_sample"
_VALUE: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?")
_ABSENT: Final = frozenset({"", "NaN", "nan"})

Labels = Mapping[str, str]


class _Device:
    """The samples of one device as they come: a contract, a model, and where it was seen."""

    def __init__(self, unit: tuple[str, bool], contract_id: str, model: str, line: int) -> None:
        self.unit_id, self.identified = unit
        self.contract_id, self.model, self.line = contract_id, model, line
        self.last_ms: int | None = None
        self.runs: list[tuple[int, int]] = []

    def seen(self, utc_ms: int, limit_ms: int) -> None:
        """A sample: what lies between it and the one before was seen, if that is not too long."""
        if self.last_ms is not None:
            if utc_ms <= self.last_ms:
                raise InvalidValue(
                    f"{self.unit_id} 的采样未按时间先后排列。"
                    f"the samples of {self.unit_id} are not in order of time"
                )
            if utc_ms - self.last_ms <= limit_ms:
                self._add(self.last_ms, utc_ms)
        self.last_ms = utc_ms

    def _add(self, start: int, end: int) -> None:
        while start < end:
            until = min(end, (start // HOUR_MS + 1) * HOUR_MS)
            if self.runs and self.runs[-1][1] == start and start % HOUR_MS:
                self.runs[-1] = (self.runs[-1][0], until)
            else:
                self.runs.append((start, until))
            start = until


def read_series(reading: Reading, content: bytes) -> Reading:
    """Read a series.

    Raises:
        MistakesFound: every mistake with line, or place in the JSON.
    """
    text = decoded(reading, content)
    devices: dict[str, _Device] = {}
    if reading.mapping.time:
        _read_csv(reading, text, devices)
    else:
        _read_json(reading, text, devices)
    for device in devices.values():
        for record in _records(reading, device):
            reading.take(device.contract_id, record)
    return reading.finish()


def _read_csv(reading: Reading, text: str, devices: dict[str, _Device]) -> None:
    mapping = reading.mapping
    for line, row in csv_rows(reading, text, mapping.delimiter):
        device = _device(reading, line, row, devices)
        if device is None:
            continue
        try:
            utc_ms = instant_ms(row[mapping.time], mapping.offset)
            if present(row[mapping.sample]):
                device.seen(utc_ms, mapping.gap_limit_ms)
            else:
                reading.skipped[NO_SAMPLE] += 1
        except InvalidValue as error:
            reading.wrong(line, mapping.time, str(error))


def _read_json(reading: Reading, text: str, devices: dict[str, _Device]) -> None:
    for place, series in enumerate(_matrix(reading, text), 1):
        name = f"result[{place}]"
        labels = series.get("metric") if isinstance(series, dict) else None
        values = series.get("values") if isinstance(series, dict) else None
        if not isinstance(labels, dict) or not isinstance(values, list):
            reading.wrong(
                place,
                name,
                "没有 metric 与 values，不是序列的区间查询结果。"
                "has no `metric` and `values`: it is no range of a series",
            )
            continue
        if labels.get(NAME_LABEL, reading.mapping.metric) != reading.mapping.metric:
            reading.skipped[OTHER_METRIC] += 1
            continue
        row = _labelled(reading, place, name, labels)
        device = None if row is None else _device(reading, place, row, devices, f"{name}.metric.")
        if device is not None:
            _samples(reading, place, name, values, device)


def _matrix(reading: Reading, text: str) -> list[Any]:
    try:
        said = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        reading.wrong(1, "", f"不是 JSON。is no JSON: {error}")
        return []
    if not isinstance(said, dict) or said.get("status") != "success":
        reading.wrong(1, "status", "不是成功的应答。is no answer of success")
        return []
    answer = said.get("data")
    if not isinstance(answer, dict) or answer.get("resultType") != "matrix":
        reading.wrong(
            1,
            "data.resultType",
            "不是 matrix；请用 query_range，不要用 query。"
            'is not "matrix": ask query_range, not query',
        )
        return []
    result = answer.get("result")
    return result if isinstance(result, list) else []


def _labelled(reading: Reading, place: int, name: str, labels: dict[str, Any]) -> Row | None:
    row = {label: str(value) for label, value in labels.items()}
    missing = [column for column in reading.mapping.columns if column not in row]
    for column in missing:
        reading.wrong(place, f"{name}.metric.{column}", "没有这个标签。there is no such label")
    if missing or not reading.mapping.kept(row):
        reading.skipped["other_row"] += not missing
        return None
    return row


def _samples(reading: Reading, place: int, name: str, values: list[Any], device: _Device) -> None:
    for at, sample in enumerate(values, 1):
        if not isinstance(sample, list) or len(sample) != 2:
            reading.wrong(
                place, f"{name}.values[{at}]", "不是一对时间与数值。is no pair of time and value"
            )
            return
        try:
            utc_ms = instant_ms(str(sample[0]), reading.mapping.offset)
            if present(str(sample[1])):
                device.seen(utc_ms, reading.mapping.gap_limit_ms)
            else:
                reading.skipped[NO_SAMPLE] += 1
        except InvalidValue as error:
            reading.wrong(place, f"{name}.values[{at}]", str(error))
            return


def present(text: str) -> bool:
    """A value is there.

    Raises:
        InvalidValue: it is no number.
    """
    said = text.strip()
    if said in _ABSENT:
        return False
    if _VALUE.fullmatch(said) is None:
        raise InvalidValue(f"“{text}”不是数。'{text}' is no number")
    value = Decimal(said)
    return value < BLANK_MIN and not DOUBLE_BLANK_MIN <= value < DOUBLE_BLANK_END


def _device(
    reading: Reading, line: int, row: Row, devices: dict[str, _Device], prefix: str = ""
) -> _Device | None:
    mapping = reading.mapping
    contract_id = contract_of(reading, line, row)
    if contract_id is None:
        return None
    try:
        unit = unit_of(mapping, row)
        model = field_of(mapping.model.column, lambda: mapping.model.of(row))
    except SkippedRow:
        reading.skipped[OTHER_MODEL] += 1
        return None
    except FieldWrong as error:
        reading.wrong(line, error.column, str(error))
        return None
    if _is_partition(reading, line, row, prefix):
        return None
    unit_id = unit[0]
    known = devices.setdefault(unit_id, _Device(unit, contract_id, model, line))
    if (known.contract_id, known.model) != (contract_id, model):
        reading.wrong(
            line,
            mapping.unit.column,
            f"{unit_id} 在此有两份合同或两种型号。{unit_id} has two contracts or models here",
        )
        return None
    return known


def _is_partition(reading: Reading, line: int, row: Row, prefix: str) -> bool:
    for label in PARTITION_LABELS:
        told = row.get(label, "").strip()
        if told:
            reading.wrong(
                line,
                f"{prefix}{label}",
                f"是分区（{told}），不是整卡；请用采集代理计量。"
                f"is a partition ({told}), no whole card; meter it with an agent",
            )
            return True
    return False


def _records(reading: Reading, device: _Device) -> Iterator[StatedRecord]:
    for start, end in device.runs:
        yield StatedRecord(
            key=f"{device.unit_id}@{instant_text(start, reading.mapping.offset)}",
            unit_id=device.unit_id,
            identified=device.identified,
            model=device.model,
            cards=1,
            start_utc_ms=start,
            end_utc_ms=end,
            stated_ms=end - start,
            line=device.line,
        )

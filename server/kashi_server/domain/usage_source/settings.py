"""What a usage mapping may say: one list that its reader and its published schema are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_server.domain.attestation import SourceKind

FORMAT: Final = "kashi/v1/usage-mapping"


class Shape(StrEnum):
    """How a setting is written."""

    TEXT = "text"
    CREDIT_CODE = "credit_code"
    CHOICE = "choice"
    OFFSET = "offset"
    SECONDS = "seconds"
    TRUTH = "truth"
    CHOSEN = "chosen"
    """A table: a constant `value`, or a `column` with `values` that rename what stands in it."""
    QUANTITY = "quantity"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: which kinds need it, which may have it, and what it decides, in
    English and in Chinese."""

    shape: Shape
    decides: str
    zh: str
    needed: frozenset[SourceKind] = frozenset()
    allowed: frozenset[SourceKind] = frozenset()
    choices: tuple[str, ...] = ()


_ALL: Final = frozenset(SourceKind)
_BILL: Final = frozenset({SourceKind.BILL})
_SERIES: Final = frozenset({SourceKind.SERIES})
_TABLES: Final = _BILL | _SERIES

SETTINGS: Final[Mapping[str, Setting]] = {
    "format": Setting(
        shape=Shape.CHOICE,
        decides="the format of the mapping",
        zh="映射文件的格式",
        needed=_ALL,
        choices=(FORMAT,),
    ),
    "kind": Setting(
        shape=Shape.CHOICE,
        decides="what the source files are",
        zh="源文件的种类",
        needed=_ALL,
        choices=tuple(str(kind) for kind in SourceKind),
    ),
    "site": Setting(
        shape=Shape.TEXT,
        decides="the place that the files speak of: a cluster, a region of a cloud",
        zh="文件所述的地点：集群，或云的地域",
        needed=_ALL,
    ),
    "provider": Setting(
        shape=Shape.CREDIT_CODE,
        decides="the provider whose statement it is",
        zh="作出声明的供给方",
        needed=_ALL,
    ),
    "user": Setting(
        shape=Shape.CREDIT_CODE,
        decides="the company; every contract of the files must be its",
        zh="使用方；文件中的合同都须是它的",
        allowed=_ALL,
    ),
    "vendor": Setting(
        shape=Shape.CHOICE,
        decides="who makes the cards",
        zh="卡的厂商",
        needed=_ALL,
        choices=("nvidia", "huawei"),
    ),
    "utc_offset": Setting(
        shape=Shape.OFFSET,
        decides="the zone of every time in the files that names none",
        zh="文件中未写时区的时间所用的时差",
        needed=_ALL,
    ),
    "encoding": Setting(
        shape=Shape.CHOICE,
        decides="how the files' text is encoded; utf-8 unless said",
        zh="文件的文字编码；默认 utf-8",
        allowed=_ALL,
        choices=("utf-8", "gb18030"),
    ),
    "delimiter": Setting(
        shape=Shape.CHOICE,
        decides="what parts the columns of CSV; a comma unless said",
        zh="CSV 的列分隔符；默认逗号",
        allowed=_TABLES,
        choices=(",", ";", "\t", "|"),
    ),
    "contract": Setting(
        shape=Shape.CHOSEN, decides="the contract of a row", zh="每行所属的合同", needed=_ALL
    ),
    "model": Setting(
        shape=Shape.CHOSEN,
        decides="the model, as the contract's prices name it",
        zh="型号，与合同单价中的写法一致",
        needed=_ALL,
    ),
    "cards": Setting(
        shape=Shape.CHOSEN,
        decides="how many whole cards a row is of",
        zh="每行是多少张整卡",
        needed=_BILL,
    ),
    "unit": Setting(
        shape=Shape.CHOSEN,
        decides="the instance or device of a row; of a series its label UUID unless said",
        zh="每行的实例或设备；序列默认用标签 UUID",
        needed=_BILL,
        allowed=_SERIES,
    ),
    "identified": Setting(
        shape=Shape.TRUTH,
        decides="the unit is a hardware id as agents report it; false unless said",
        zh="unit 是否为采集代理上报的硬件编号；默认 false",
        allowed=_BILL,
    ),
    "start": Setting(
        shape=Shape.TEXT, decides="the column of the start", zh="开始时间所在的列", needed=_BILL
    ),
    "end": Setting(
        shape=Shape.TEXT, decides="the column of the end", zh="结束时间所在的列", needed=_BILL
    ),
    "quantity": Setting(
        shape=Shape.QUANTITY,
        decides="the column of the time used; without it all of start to end was",
        zh="使用时长所在的列；不写则自始至终都算",
        allowed=_BILL,
    ),
    "keep": Setting(
        shape=Shape.KEEP,
        decides="by column, which rows speak of cards; all others are passed over",
        zh="按列写明哪些行是卡的用量；其余略过",
        allowed=_ALL,
    ),
    "metric": Setting(
        shape=Shape.TEXT,
        decides="the metric whose samples show the device",
        zh="以其采样表明设备在用的指标",
        needed=_SERIES,
    ),
    "gap_limit_s": Setting(
        shape=Shape.SECONDS,
        decides="samples further apart than this, in seconds, leave a gap between them",
        zh="相邻采样相隔超过多少秒即为缺口",
        needed=_SERIES,
    ),
    "time": Setting(
        shape=Shape.TEXT,
        decides="of a series as CSV: the column of the time",
        zh="CSV 形式的序列：时间所在的列",
        allowed=_SERIES,
    ),
    "sample": Setting(
        shape=Shape.TEXT,
        decides="of a series as CSV: the column of the value",
        zh="CSV 形式的序列：数值所在的列",
        allowed=_SERIES,
    ),
}
"""Every setting there is."""

TIME_UNITS: Final[Mapping[str, int]] = {"second": 1_000, "minute": 60_000, "hour": 3_600_000}
"""Milliseconds of each unit of a quantity."""

COUNTS: Final = ("allocation", "cards")
"""What a quantity counts: time of the allocation as a whole, or of every card of it."""

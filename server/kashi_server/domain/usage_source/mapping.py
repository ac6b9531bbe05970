"""Usage mappings: which column of a source file says what. TOML in, every mistake by line out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from kashi_server.domain.attestation import SourceKind
from kashi_server.domain.device import Vendor
from kashi_server.domain.positioned import Mistake, MistakesFound, Positioned, parse_positioned
from kashi_server.domain.usage_source.settings import SETTINGS
from kashi_server.domain.usage_source.values import Chosen, QuantityColumn, Row, read_value
from kashi_server.errors import InvalidValue

UUID_LABEL: Final = "UUID"
"""How the exporters of GPU metrics name a device's hardware id."""

_SITE: Final = re.compile(r"[\w.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageMapping:
    """A mapping, read. What a kind does not have is empty."""

    kind: SourceKind
    site: str
    provider_id: str
    user_id: str | None
    vendor: Vendor
    offset: timedelta
    contract: Chosen
    model: Chosen
    cards: Chosen = field(default_factory=lambda: Chosen(value="1"))
    unit: Chosen = field(default_factory=lambda: Chosen(column=UUID_LABEL))
    identified: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    start: str = ""
    end: str = ""
    quantity: QuantityColumn | None = None
    keep: Mapping[str, Sequence[str]] = field(default_factory=dict)
    metric: str = ""
    gap_limit_ms: int = 0
    time: str = ""
    sample: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column it names."""
        chosen = [self.contract, self.model]
        chosen += [self.cards] if self.kind is SourceKind.BILL else []
        chosen += [self.unit] if self.kind is not SourceKind.SLURM else []
        named = [one.column for one in chosen]
        named += [self.start, self.end, *self.keep, self.time, self.sample]
        named += [self.quantity.column] if self.quantity else []
        return tuple(dict.fromkeys(name for name in named if name))

    def kept(self, row: Row) -> bool:
        """The row speaks of cards."""
        return all(row[column].strip() in texts for column, texts in self.keep.items())

    @property
    def counted_by(self) -> str:
        """What presence of samples means, for who reads an attestation of a series."""
        return f"{self.metric}, gap limit {self.gap_limit_ms} ms" if self.metric else ""


def load_mapping(text: str, file: str) -> UsageMapping:
    """A mapping from a TOML file.

    Raises:
        MistakesFound: every mistake with its line and field.
    """
    document = parse_positioned(text, file)
    unknown = document.content.keys() - SETTINGS.keys()
    mistakes = [
        document.mistake((name,), "没有这个设置。there is no such setting") for name in unknown
    ]
    kind = _kind(document, mistakes)
    values: dict[str, Any] = {}
    for name, setting in SETTINGS.items():
        if name not in document.content:
            if kind in setting.needed:
                mistakes.append(
                    document.mistake(
                        (name,), f"缺少此项：{setting.zh}。is missing: {setting.decides}"
                    )
                )
            continue
        if kind is not None and kind not in setting.needed | setting.allowed:
            mistakes.append(
                document.mistake((name,), f"对种类 {kind} 没有意义。means nothing for kind {kind}")
            )
            continue
        try:
            values[name] = read_value(setting, document.content[name])
        except InvalidValue as error:
            mistakes.append(document.mistake((name,), str(error)))
    if mistakes or kind is None:
        raise MistakesFound(mistakes)
    try:
        return _built(kind, values)
    except InvalidValue as error:
        raise MistakesFound([document.mistake((), str(error))]) from error


def _kind(document: Positioned, mistakes: list[Mistake]) -> SourceKind | None:
    said = document.content.get("kind")
    try:
        return SourceKind(str(said))
    except ValueError:
        if "kind" in document.content:
            return None
        mistakes.append(
            document.mistake(
                ("kind",), "缺少此项：源文件的种类。is missing: what the source files are"
            )
        )
        return None


def _built(kind: SourceKind, values: Mapping[str, Any]) -> UsageMapping:
    if _SITE.fullmatch(values["site"]) is None:
        raise InvalidValue(
            f"site“{values['site']}”不成立；"
            "地点名由字母、数字、“.”“-”“_”组成，1 至 64 个字符。"
            f"site '{values['site']}': 1 to 64 letters, digits, '.', '-' and '_' name a place"
        )
    if kind is SourceKind.SERIES and ("time" in values) != ("sample" in values):
        raise InvalidValue(
            "CSV 形式的序列须同时写明 time 与 sample 两列。"
            "a series as CSV needs the columns `time` and `sample`, both"
        )
    renamed = {"provider": "provider_id", "user": "user_id", "utc_offset": "offset"}
    fields = {renamed.get(name, name): value for name, value in values.items()}
    fields.pop("format")
    gap_limit_s = fields.pop("gap_limit_s", 0)
    return UsageMapping(
        **{
            **fields,
            "kind": kind,
            # One place, however its name is spelled: cloud-A is cloud-a.
            "site": values["site"].lower(),
            "user_id": fields.get("user_id"),
            "vendor": Vendor[values["vendor"].upper()],
            "gap_limit_ms": gap_limit_s * 1_000,
            "identified": values.get("identified", kind is SourceKind.SERIES),
        }
    )

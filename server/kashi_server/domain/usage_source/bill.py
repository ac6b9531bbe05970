"""Cloud bills as CSV: one row an instance and time, with the cards of its instance type."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from kashi_server.domain.attestation import StatedRecord
from kashi_server.domain.usage_source.instants import local_text
from kashi_server.domain.usage_source.mapping import UsageMapping
from kashi_server.domain.usage_source.reading import (
    FieldWrong,
    Reading,
    contract_of,
    csv_rows,
    decoded,
    field_of,
    span_of,
    unit_of,
)
from kashi_server.domain.usage_source.values import Row, SkippedRow
from kashi_server.errors import InvalidValue

NO_TIME: Final = "no_time"
OTHER_MODEL: Final = "other_model"
_COUNT: Final = re.compile(r"[1-9]\d{0,5}")
_QUANTITY: Final = re.compile(r"\d{1,12}(\.\d{1,18})?")


def read_bill(reading: Reading, content: bytes) -> Reading:
    """Read a bill.

    Raises:
        MistakesFound: every mistake with line and column.
    """
    for line, row in csv_rows(reading, decoded(reading, content), reading.mapping.delimiter):
        contract_id = contract_of(reading, line, row)
        if contract_id is None:
            continue
        record = _record(reading, line, row)
        if record is not None:
            reading.take(contract_id, record)
    return reading.finish()


def _record(reading: Reading, line: int, row: Row) -> StatedRecord | None:
    try:
        return _stated(reading, line, row)
    except SkippedRow:
        reading.skipped[OTHER_MODEL] += 1
    except FieldWrong as error:
        reading.wrong(line, error.column, str(error))
    return None


def _stated(reading: Reading, line: int, row: Row) -> StatedRecord | None:
    mapping = reading.mapping
    model = field_of(mapping.model.column, lambda: mapping.model.of(row))
    cards = field_of(mapping.cards.column, lambda: _cards(mapping, row))
    named, identified = unit_of(mapping, row)
    start, end = span_of(mapping, row, mapping.start, mapping.end)
    column = mapping.quantity.column if mapping.quantity else mapping.end
    stated_ms = field_of(column, lambda: _stated_ms(mapping, row, cards, end - start))
    if stated_ms == 0:
        reading.skipped[NO_TIME] += 1
        return None
    return field_of(
        mapping.cards.column,
        lambda: StatedRecord(
            key=f"{named}@{local_text(start, mapping.offset)}",
            unit_id=named,
            identified=identified,
            model=model,
            cards=cards,
            start_utc_ms=start,
            end_utc_ms=end,
            stated_ms=stated_ms,
            line=line,
        ),
    )


def _cards(mapping: UsageMapping, row: Row) -> int:
    cards = card_count(mapping.cards.of(row))
    if mapping.identified and cards != 1:
        raise InvalidValue("有硬件编号的即为一张卡，张数须为 1。what has a hardware id is one card")
    return cards


def card_count(text: str) -> int:
    """Whole cards.

    Raises:
        InvalidValue: the text is no count.
    """
    if _COUNT.fullmatch(text) is None:
        raise InvalidValue(f"“{text}”不是整张卡的张数。'{text}' is no count of whole cards")
    return int(text)


def _stated_ms(mapping: UsageMapping, row: Row, cards: int, span_ms: int) -> int:
    quantity = mapping.quantity
    if quantity is None:
        return span_ms
    text = row[quantity.column].strip()
    if text.startswith("-"):
        raise InvalidValue(
            f"“{text}”小于零：退款与冲减不是用量；请用 keep 略过这些行。"
            f"'{text}' is less than nothing: refunds and corrections are no usage; pass such rows"
            " over by `keep`"
        )
    if _QUANTITY.fullmatch(text) is None:
        raise InvalidValue(f"“{text}”不是普通的十进制数。'{text}' is no plain decimal")
    stated = Fraction(Decimal(text)) * quantity.unit_ms / (cards if quantity.of_cards else 1)
    # truncate_to_ms: the one rounding of stated time, down to a whole millisecond.
    stated_ms = stated.numerator // stated.denominator
    if stated_ms > span_ms:
        raise InvalidValue(
            f"“{text}”合 {stated_ms} 毫秒，而起止之间只有 {span_ms} 毫秒；"
            "请核对其单位，以及是否按卡累计。"
            f"'{text}' comes to {stated_ms} ms, but from start to end there are {span_ms} ms;"
            " check its unit, and whether it counts cards"
        )
    return stated_ms

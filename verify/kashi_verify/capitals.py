"""Amounts in Chinese capitals 大写金额, spelled here by this program alone.

By the rules for vouchers: groups of four digits, 万 and 亿 behind them, a run of zeros read once,
整 where nothing follows the yuan or the jiao, 负 before what is owed back.
"""

from typing import Final

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_UNITS: Final = ("", "拾", "佰", "仟", "万", "拾", "佰", "仟", "亿", "拾", "佰", "仟")


def spelled(amount_fen: int) -> str:
    """An amount of fen in capitals, as certificates print it."""
    sign = "负" if amount_fen < 0 else ""
    yuan, rest = divmod(abs(amount_fen), 100)
    jiao, fen = divmod(rest, 10)
    if not abs(amount_fen):
        return "零元整"
    text = f"{_yuan(yuan)}元" if yuan else ""
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    if fen:
        text += ("零" if yuan and not jiao else "") + f"{_DIGITS[fen]}分"
    else:
        text += "整"
    return sign + text


def _yuan(number: int) -> str:
    """Digit by digit from the left: a zero waits until a digit follows it."""
    digits = str(number)
    text, waiting, in_group = "", False, False
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit == "0":
            waiting = waiting or bool(text)
        else:
            text += ("零" if waiting else "") + _DIGITS[int(digit)]
            text += _UNITS[place] if place % 4 else ""
            waiting, in_group = False, True
        if place % 4 == 0 and place and in_group:
            text += _UNITS[place]
            # A zero that ends a group is heard only where another zero begins the next one.
            waiting, in_group = False, False
    return text

"""Amounts in Chinese capitals 大写金额, as cheques and vouchers carry them.

Rules of the annex of 《支付结算办法》: digits 零壹贰叁…, then 元, 角, 分; 整 after a whole yuan or
jiao; a run of zeros inside is read once; what is owed back is 负. Integers only.
"""

from typing import Final

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("仟", "佰", "拾", "")
_GROUPS: Final = ("", "万", "亿")
FEN_MAX: Final = 10**14 - 1


def capital_amount(amount_fen: int) -> str:
    """Spell an amount of fen: 18600005 → 壹拾捌万陆仟元零伍分.

    Raises:
        ValueError: it reaches a million million yuan.
    """
    if not -FEN_MAX <= amount_fen <= FEN_MAX:
        raise ValueError(
            f"{amount_fen} 分不能写成大写金额。{amount_fen} fen cannot be written in capitals"
        )
    if amount_fen < 0:
        return f"负{capital_amount(-amount_fen)}"
    yuan, rest = divmod(amount_fen, 100)
    jiao, fen = divmod(rest, 10)
    if amount_fen == 0:
        return "零元整"
    spelled = f"{_whole(yuan)}元" if yuan else ""
    if jiao:
        spelled += f"{_DIGITS[jiao]}角"
    if fen:
        spelled += ("零" if yuan and not jiao else "") + f"{_DIGITS[fen]}分"
    return spelled if fen else spelled + "整"


def _whole(number: int) -> str:
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    spelled, zero = "", False
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if group == 0:
            zero = bool(spelled)
            continue
        if spelled and (zero or group < 1000):
            spelled += "零"
        spelled += _group(group) + _GROUPS[place]
        zero = False
    return spelled


def _group(group: int) -> str:
    spelled, zero = "", False
    for digit, place in zip(f"{group:04d}", _PLACES, strict=True):
        if digit == "0":
            zero = bool(spelled)
            continue
        spelled += ("零" if zero else "") + _DIGITS[int(digit)] + place
        zero = False
    return spelled

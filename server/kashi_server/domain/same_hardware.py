"""Which reported ids are of one piece of hardware, and which of them an assignment covers.

Agents report a MIG instance by the driver's UUID with its share and profile behind
(`MIG-….4of7-4g.40gb`), agents of before the UUID alone; and hosts may write one id in capitals and
in small letters. Whatever is behind, a UUID is one partition at a time: what two hosts observe of
it in one minute is seen twice, and two contracts cannot hold it at once. Cut otherwise, the same
UUID comes back as another device later; that is no second partition.

Ids are compared as reported, not as people spell them (`domain.hardware_name`): an agent has them
from the driver, and `storage.same_hardware` says the same rule in SQL.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

_PARTITION: Final = "mig-"
_CUT: Final = re.compile(r"([1-9][0-9]{0,8})of([1-9][0-9]{0,8})(?:-.*)?", re.DOTALL)


@lru_cache(maxsize=1 << 16)
def hardware_key(hardware_id: str) -> str:
    """The same for every id of one piece of hardware: in small letters, of a MIG instance without
    its share and profile."""
    folded = hardware_id.lower()
    return folded.partition(".")[0] if folded.startswith(_PARTITION) else folded


def cut_in(hardware_id: str) -> str:
    """The share and profile that the id of a MIG instance names, in small letters; "" for none."""
    folded = hardware_id.lower()
    return folded.partition(".")[2] if folded.startswith(_PARTITION) else ""


def same_cut(one: str, share: Fraction, other: str, others_share: Fraction) -> bool:
    """Whether two ids of one piece of hardware tell one cut of it; a UUID alone, which agents of
    before told, is of the cut that it counted as. Cut otherwise it is another device."""
    mine, others = cut_in(one), cut_in(other)
    return mine == others or (not (mine and others) and share == others_share)


def covers(assigned: str, reported: str, share: Fraction) -> bool:
    """Whether an assignment that names one id is of the device that hosts report by another.

    A UUID alone is of that partition however it is cut and told. With share and profile it is of
    that cut: told so, or by the UUID alone by an agent of before that counted it as this share.
    """
    if hardware_key(assigned) != hardware_key(reported):
        return False
    wanted, told = cut_in(assigned), cut_in(reported)
    if not wanted or wanted == told:
        return True
    return not told and _share_in(wanted) == share


def _share_in(cut: str) -> Fraction | None:
    found = _CUT.fullmatch(cut)
    return None if found is None else Fraction(int(found[1]), int(found[2]))

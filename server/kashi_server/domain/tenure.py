"""Tenure: who owns and who operates a host, and whether it is used by its owner or leased out.

Self-owned compute is metered and viewable but is no rental expense, so it earns nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kashi_server.domain.interval import Interval, instant_of
from kashi_server.domain.party import check_credit_code
from kashi_server.errors import InvalidValue

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class TenureKind(StrEnum):
    """How a host is held."""

    SELF_OWNED = "self_owned"
    LEASED_OUT = "leased_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A host's owner and operator in [interval) of UTC minutes."""

    host_id: str
    owner_id: str
    operator_id: str
    kind: TenureKind
    interval: Interval

    def __post_init__(self) -> None:
        """Refuse what is no host and no party."""
        if not _UUID.fullmatch(self.host_id):
            raise InvalidValue(
                f"主机编号“{self.host_id}”不是小写的 UUID。"
                f"host_id '{self.host_id}' is not a UUID in lower case"
            )
        check_credit_code(self.owner_id)
        check_credit_code(self.operator_id)


def check_tenure(tenure: Tenure, others: Iterable[Tenure]) -> None:
    """Refuse a second tenure of one host at one time; one with the same start is passed over.

    Raises:
        InvalidValue: they overlap.
    """
    for other in others:
        if other.host_id != tenure.host_id or other.interval.start == tenure.interval.start:
            continue
        common = other.interval.overlap(tenure.interval)
        if common is not None:
            raise InvalidValue(
                f"主机 {tenure.host_id} 自 {instant_of(common.start).isoformat()} 起"
                f"另有产权登记（所有者 {other.owner_id}）；请先结束该登记。"
                f"host {tenure.host_id} has another tenure (owner"
                f" {other.owner_id}) from"
                f" {instant_of(common.start).isoformat()}; end that one first"
            )

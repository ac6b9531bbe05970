"""What a caller hears of the dates of its certificate: the reason, and nothing that is not so."""

import pytest
from kashi_server.errors import Refused
from kashi_server.ingest.peer import Peer

BEGINS_MS, ENDS_MS = 1_000_000, 2_000_000


def heard(now_ms: int) -> str:
    """The refusal of a host's sound certificate at a time; "" when there is none."""
    peer = Peer(
        host_id="11111111-0000-4000-8000-000000000001",
        serial="0" * 40,
        valid_from_utc_ms=BEGINS_MS,
        valid_until_utc_ms=ENDS_MS,
    )
    try:
        peer.check_dates(now_ms)
    except Refused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    ("now_ms", "zh", "en"),
    [
        (BEGINS_MS - 1, "客户端证书尚未生效", "not valid yet"),
        (ENDS_MS, "客户端证书已过期", "has expired"),
    ],
)
def test_a_refused_date_is_the_one_thing_that_is_told(now_ms: int, zh: str, en: str) -> None:
    """It is a host's certificate, in both languages: nobody is sent to look for another one."""
    said = heard(now_ms)

    assert (zh in said, en in said) == (True, True)
    assert "不是主机证书" not in said
    assert "no host's" not in said


def test_within_its_dates_nothing_is_refused() -> None:
    """From its first millisecond to its last."""
    assert [heard(now_ms) for now_ms in (BEGINS_MS, ENDS_MS - 1)] == ["", ""]

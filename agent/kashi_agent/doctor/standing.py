"""Who this host is to the server, and what the server made of what it sent."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from kashi.v1 import metering_pb2

from kashi_agent.clock import Clock
from kashi_agent.doctor.finding import Finding
from kashi_agent.doctor.words import finding
from kashi_agent.errors import AgentError, KeyTokenError, SpoolError
from kashi_agent.identity import IdentityStore
from kashi_agent.report_key import REFUSED_PIN, check_no_file
from kashi_agent.spool import Spool
from kashi_agent.token_files import RefusedPin, read_pin
from kashi_agent.token_key import TokenKey, describe_token
from kashi_agent.token_settings import TokenSettings

HELD = metering_pb2.QUARANTINE_REASON_HOST_HELD
REPLAYED = metering_pb2.QUARANTINE_REASON_REPLAY_METER

_QUARANTINED: Final = {
    "before enrolment": "早于登记",
    "overlap": "与已计入的时间重叠",
    "beyond skew": "时间超前过多",
    "counters": "累计数与上一份不衔接",
    "epoch limit": "一天内纪元过多",
    "description": "设备描述与已计入的不同",
    "cadence": "计量器采样间隔过长",
}
"""Why a report does not count, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAnswer:
    """The newest receipt: when the server made it, when this host had sealed its report (None: it
    is not kept), and why the report does not count (0: it does)."""

    received_utc_ms: int
    sealed_utc_ms: int | None
    quarantine_reason: int


def look_at_keys(store: IdentityStore) -> Iterator[Finding]:
    """Files that nobody else may read, and the two that nothing can replace."""
    for name in ("report.key", "tls.pem", "tls-next.key", "holder.salt"):
        path = store.folder / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield finding("key_open", path=str(path))
    for kept in (store.report_key, store.holder_salt):
        try:
            kept()
        except KeyTokenError:
            continue  # the token has its own finding
        except AgentError as error:
            yield finding("identity_damaged", why=str(error))


def look_at_key_token(store: IdentityStore) -> Iterator[Finding]:
    """Whether the token that holds the report key would sign, by its PIN and by its key."""
    try:
        key, token = store.report_key(), store.key_token()
        if isinstance(key, TokenKey) and token is not None:
            key.check()
            yield finding("key_token_ok", token=token.named)
    except KeyTokenError as error:
        yield finding("key_token_unusable", why=str(error))
    except AgentError:
        return  # the key has its own finding


def look_at_chosen_token(settings: TokenSettings, folder: Path) -> Finding:
    """Whether `enrol` would find the token that is to hold the report key, and a PIN: it is not
    tried, and no key is made."""
    try:
        check_no_file(folder, enrolled=False)
        token = describe_token(settings)
        RefusedPin(folder / REFUSED_PIN).check(read_pin(settings), settings.pin_file)
    except KeyTokenError as error:
        return finding("key_token_not_ready", why=str(error))
    return finding("key_token_ready", token=token.named)


def look_at_certificate(store: IdentityStore, clock: Clock) -> Finding:
    """The TLS certificate and its dates."""
    try:
        tls = store.tls()
    except AgentError as error:
        return finding("certificate_missing", why=str(error))
    until = f"{tls.not_after:%Y-%m-%d %H:%M} UTC"
    if tls.expired(datetime.fromtimestamp(clock.utc_ms() / 1000, UTC)):
        return finding("certificate_expired", until=until)
    return finding("certificate_ok", until=until)


def look_at_spool(spool: Spool) -> Finding:
    """What is kept; the spool is looked at and not opened."""
    damaged = spool.look().damaged
    if damaged:
        size, files = sum(size for _, size in damaged), "、".join(name for name, _ in damaged)
        return finding("spool_damaged", bytes=str(size), files=files)
    sealed = spool.sealed
    return finding("spool_ok", kept=str(sealed.size), waiting=str(sealed.unacknowledged))


def last_answer(spool: Spool) -> LastAnswer | None:
    """The newest receipt of a spool that was looked at; None: there is none that can be read."""
    newest = max(spool.sealed.receipts(), default=None)
    if newest is None:
        return None
    position, receipt = newest
    try:
        said = metering_pb2.ReceiptPayload.FromString(
            metering_pb2.Receipt.FromString(receipt).payload
        )
        sealed = [
            spool.sealed.read(entry).sealed_utc_ms
            for entry in spool.sealed.entries()
            if entry.position == position
        ]
    except (DecodeError, SpoolError):
        return None
    return LastAnswer(
        received_utc_ms=said.received_utc_ms,
        sealed_utc_ms=sealed[-1] if sealed else None,
        quarantine_reason=said.quarantine_reason,
    )


def look_at_answer(answer: LastAnswer) -> Iterator[Finding]:
    """Whether what was sent counts."""
    if answer.quarantine_reason == HELD:
        yield finding("host_held")
    elif answer.quarantine_reason == REPLAYED:
        yield finding("quarantined_replay")
    elif answer.quarantine_reason:
        known = metering_pb2.QuarantineReason.DESCRIPTOR.values_by_number.get(
            answer.quarantine_reason
        )
        if known is None:
            number = answer.quarantine_reason
            reason = f"unknown reason {number}"
            zh: str | None = f"本版本不认识的原因 {number}"
        else:
            reason = known.name.removeprefix("QUARANTINE_REASON_").lower().replace("_", " ")
            zh = _QUARANTINED.get(reason)
        told = finding("quarantined", reason=f"{zh}。{reason}" if zh else reason)
        yield replace(told, values={"reason": reason})

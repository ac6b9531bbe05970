"""`hosts quarantined`, `hosts restore`: reports that do not count, and counting one after all."""

import json
from typing import Annotated, Final

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.instants import local_time
from kashi_server.commands.options import (
    DEFAULT_DIRECTORY,
    AsJson,
    Directory,
    HostId,
    Reason,
    two_officers,
)
from kashi_server.commands.proving import OfficersPasswords, prove_officers
from kashi_server.domain.sequence import QuarantineReason
from kashi_server.services.facts_port import StoredReport
from kashi_server.services.restoration import Decision

_WHY: Final = {
    QuarantineReason.HOST_HELD: "主机暂挂 the host was held",
    QuarantineReason.REPLAY_METER: "回放计量 a replay meter",
    QuarantineReason.BEFORE_ENROLMENT: "早于接入 before enrolment",
    QuarantineReason.OVERLAP: "时段重叠 overlap in time",
    QuarantineReason.BEYOND_SKEW: "时钟偏差过大 beyond clock skew",
    QuarantineReason.COUNTERS: "累计数不连续 totals do not follow",
    QuarantineReason.EPOCH_LIMIT: "新纪元过多 too many new epochs in a day",
    QuarantineReason.DESCRIPTION: "设备描述不符 a device described otherwise than before",
    QuarantineReason.CADENCE: "采样间隔过长 the meter looks too rarely",
}


def quarantined(
    host_id: HostId, directory: Directory = DEFAULT_DIRECTORY, *, as_json: AsJson = False
) -> None:
    """列出主机被隔离、不计入的报告及各自原因。
    List a host's reports that are stored and do not count, each with its reason.
    """
    with opened(directory) as server, server.work.begin(writes=False) as unit:
        places = unit.facts.quarantined(host_id, None)
        found = [one for place in places if (one := unit.facts.stored(host_id, *place))]
    if as_json:
        print(json.dumps([_data(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        span = f"{local_time(one.start_utc_ms)} – {local_time(one.end_utc_ms)}"
        print(f"{one.epoch} {one.sequence}  {span}  {_WHY[QuarantineReason(one.reason)]}")
    if not found:
        print("没有隔离报告 No quarantined reports.")


def restore(
    host_id: HostId,
    epoch: Annotated[
        int, typer.Argument(help="见 `hosts quarantined`。As `hosts quarantined` shows it.")
    ],
    sequence: Annotated[
        int, typer.Argument(help="见 `hosts quarantined`。As `hosts quarantined` shows it.")
    ],
    officer: Annotated[
        list[str],
        typer.Option("--officer", help="经办人账号，须两名。Login of an officer; name two."),
    ],
    reason: Reason,
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """恢复计入一份隔离报告；须两名经办人各凭密码办理。
    Count one quarantined report after all; two officers, each with the password of the portal.

    与已计入时间重叠、来自回放或使设备变大者不可恢复；已关账月份的报告须经更正计入。
    What overlaps counted time, comes from a replay or makes a device larger is never restored.
    In a closed month the report is a late fact: a correction takes it up.
    """
    decided = two_officers(officer, reason)
    with opened(directory) as server:
        prove_officers(server, decided, password_file)
        decision = Decision(officer=", ".join(decided.officers), why=decided.reason)
        server.restoration.restore_report(host_id, (epoch, sequence), decision)
    print(f"{host_id} {epoch} {sequence}: 已恢复计入 it counts now.")


def _data(one: StoredReport) -> dict[str, object]:
    return {
        "host_id": one.host_id,
        "epoch": one.epoch,
        "sequence": one.sequence,
        "start_utc_ms": one.start_utc_ms,
        "end_utc_ms": one.end_utc_ms,
        "reason": QuarantineReason(one.reason).name.lower(),
        "sha256": one.sha256.hex(),
    }

"""`token` and `hosts …`: letting hosts in, and acting upon them."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.host_keys import key_facts, key_lines, same_token
from kashi_server.commands.host_reports import (
    reports_facts,
    reports_lines,
    reports_of_hosts,
)
from kashi_server.commands.instants import local_time
from kashi_server.commands.options import (
    DEFAULT_DIRECTORY,
    AsJson,
    Directory,
    HostId,
    Officer,
    Reason,
)
from kashi_server.commands.plain import plain
from kashi_server.commands.proving import OfficerPassword, prove_officer
from kashi_server.domain.host_reason import reason_words
from kashi_server.domain.party import check_credit_code
from kashi_server.errors import InvalidValue
from kashi_server.services.hosts import Host
from kashi_server.services.releasing import Releasing
from kashi_server.services.tokens import LIFETIME_MS_MAX, IssuedToken

HOUR_MS = 3_600_000
STATED_DAYS = 2
"""A host states every fact at least once a day."""


def token(
    party: Annotated[
        str,
        typer.Argument(
            help="主机运营方的统一社会信用代码。Credit code of the party that operates the host."
        ),
    ],
    officer: Officer,
    hours: Annotated[
        int, typer.Option("--hours", help="有效小时数，1 至 24。How long it may be used, 1 to 24.")
    ] = 24,
    as_json: AsJson = False,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """签发一次性接入令牌，至多 24 小时有效；经办人凭密码办理。
    Issue an enrolment token: it works once, for one host, for at most 24 hours.
    """
    if not 1 <= hours <= LIFETIME_MS_MAX // HOUR_MS:
        raise InvalidValue(
            f"--hours {hours}：令牌有效期为 1 至 24 小时。"
            f"--hours {hours}: a token lives 1 to 24 hours"
        )
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        _check_party(party, demo=server.config.demo)
        _warn_of_strangers(server, party)
        issued = server.enrolment.issue_token(party, officer, hours * HOUR_MS)
        address = server.enrolment_address
    if as_json:
        print(json.dumps(_token_facts(issued, address)))
        return
    until = local_time(issued.record.expires_utc_ms)
    print(f"一次有效，至 {until} 止 · Valid once, until {until}.")
    print("在主机上执行 On the host:\n")
    print(f"    {install_command(issued, address)}\n")


def _warn_of_strangers(server: Server, party: str) -> None:
    """Tell that a party is not imported: its host's minutes are nobody's until it is."""
    with server.work.begin(writes=False) as unit:
        known = any(one.party_id == party for one in unit.expense.parties())
    if not known:
        print(
            f"注意 warning: 未导入主体 {party}，导入前其主机用量不归属任何单位;"
            f" party {party} is not imported: its host's use belongs to nobody until it is"
            " (kashi-server import)",
            file=sys.stderr,
        )


def _check_party(party: str, *, demo: bool) -> None:
    """Refuse a code that no party can have: its host's minutes would be nobody's.

    A demonstration has parties that are none, and says so.

    Raises:
        InvalidValue: it is none, and this server counts for real.
    """
    try:
        check_credit_code(party)
    except InvalidValue as error:
        if not demo:
            raise
        print(f"注意 warning: {error}", file=sys.stderr)


def install_command(issued: IssuedToken, address: str) -> str:
    """The exact command that enrols a host."""
    return f"kashi-agent enrol --server {address} --token {issued.text}"


def list_hosts(
    party: Annotated[
        str | None, typer.Option("--party", help="仅此运营方。Only this operator's.")
    ] = None,
    as_json: AsJson = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """列出主机及其状态。Show the hosts and how they stand."""
    with opened(directory) as server:
        every = server.hosts.all()
        hosts = [host for host in every if party in (None, host.operator_party_id)]
        words = server.hosts.key_words()
        stated = server.hosts.stated(STATED_DAYS)
        came = reports_of_hosts(server)
    together = same_token(every)
    raised = {host_id: [str(doubt.code) for doubt in of.doubts] for host_id, of in stated.items()}
    if as_json:
        facts = [
            _host_facts(host, raised.get(host.host_id, []))
            | key_facts(host, words.get(host.host_id, ()), together.get(host.host_id, ()))
            | reports_facts(came.get(host.host_id))
            for host in hosts
        ]
        print(json.dumps(facts, ensure_ascii=False))
        return
    # Lines, no table: a host's id is what agreements and other commands must spell.
    for host in hosts:
        lines = [*_host_lines(host, len(raised.get(host.host_id, [])))]
        if host.facts.key_token is not None:
            others = together.get(host.host_id, ())
            lines += key_lines(host, words.get(host.host_id, ()), others)
        print("\n".join([*lines, *reports_lines(came.get(host.host_id))]))
    if not hosts:
        print("没有主机 No hosts.")


def _host_lines(host: Host, doubts: int) -> Iterator[str]:
    kind = "中继 relay" if host.relay_names else "主机 host"
    yield f"{host.host_id}  {kind} {host.facts.hostname}"
    yield f"    运营方 operator {host.operator_party_id}"
    since, why = local_time(host.state_utc_ms), plain(reason_words(host.state_reason))
    yield f"    {host.state.zh} {host.state.value} 自 since {since}: {why}"
    recoveries = f"{host.recoveries_used}/{host.recoveries_allowed}"
    yield f"    恢复 recoveries {recoveries}, 疑点 doubts {doubts}"


def hold(
    host_id: HostId,
    officer: Officer,
    reason: Reason,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """暂挂主机：其报告不计入，仍保存并出具回执。
    Stop counting a host's reports; they are still stored and receipted.

    经办人凭门户密码办理。The officer proves it by the password of the portal.
    """
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        server.hosts.hold(host_id, officer, reason)
    print(
        f"主机 {host_id} 已暂挂，解除须由两名经办人以 kashi-server hosts "
        "release 办理。"
        f"Host {host_id} is held. Two officers release it: kashi-server hosts release"
    )


def release(
    host_id: HostId,
    officer: Officer,
    reason: Reason,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """解除主机暂挂；须两名经办人各以门户密码办理。
    Release a held host; it takes two officers, each with the password of the portal.

    暂挂期间送来的报告随即计入，另有禁止者除外。
    What the host sent while it was held is counted then, as far as nothing else forbids it.
    """
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        releasing = Releasing(server.work, server.clock, server.restoration)
        restored = releasing.release(host_id, officer, reason)
    if restored is None:
        print(
            f"已记录，须由另一名经办人同样办理 {host_id} 的解除。"
            f"Noted. Another officer must release {host_id} as well."
        )
        return
    print(
        f"主机 {host_id} 已解除暂挂，其 {len(restored.counted)} 份报告现已计入。"
        f"Host {host_id} is released; {len(restored.counted)} of its reports count now."
    )
    for (epoch, sequence), judgement in restored.refused:
        print(
            f"仍不计入：纪元 {epoch} 报告 {sequence}。"
            f"Still not counted: epoch {epoch} report {sequence}: {judgement.detail}"
        )


def revoke(
    host_id: HostId,
    officer: Officer,
    reason: Reason,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """吊销主机，五秒内生效，不可恢复。Refuse a host's calls for good, within five seconds.

    经办人凭门户密码办理。The officer proves it by the password of the portal.
    """
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        server.hosts.revoke(host_id, officer, reason)
    print(
        f"主机 {host_id} 已吊销，其机器可以新令牌重新接入。"
        f"Host {host_id} is revoked. Its machine may be enrolled anew with a new token."
    )


def allow_recoveries(
    host_id: HostId,
    count: Annotated[
        int,
        typer.Argument(
            help="总次数，含已用；0 为取消。In all, those used included; 0 takes it away."
        ),
    ],
    officer: Officer,
    reason: Reason,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """设定主机仅凭报告密钥恢复证书的次数。
    Set how often a host may get a certificate by its report key alone.
    """
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        server.hosts.allow_recoveries(host_id, count, officer, reason)
    print(f"主机 {host_id} 共可恢复 {count} 次。Host {host_id} may recover {count} times in all.")


def alarms(as_json: AsJson = False, directory: Directory = DEFAULT_DIRECTORY) -> None:
    """列出疑似攻击或复制主机的告警。Show what may be an attack or a copied machine."""
    with opened(directory) as server:
        found = server.hosts.alarms()
    if as_json:
        rows = [
            {
                "utc_ms": alarm.utc_ms,
                "kind": alarm.kind,
                "host_id": alarm.host_id,
                "detail": alarm.detail,
            }
            for alarm in found
        ]
        print(json.dumps(rows, ensure_ascii=False))
        return
    for alarm in found:
        print(f"{local_time(alarm.utc_ms)}  {alarm.kind}  {alarm.host_id or ''}".rstrip())
        print(f"    {alarm.detail}")
    if not found:
        print("没有警报 No alarms.")


def _token_facts(issued: IssuedToken, address: str) -> dict[str, object]:
    return {
        "token": issued.text,
        "server": address,
        "operator_party_id": issued.record.operator_party_id,
        "expires_utc_ms": issued.record.expires_utc_ms,
        "command": install_command(issued, address),
    }


def _host_facts(host: Host, doubts: list[str]) -> dict[str, object]:
    return {
        "host_id": host.host_id,
        "kind": "relay" if host.relay_names else "host",
        "relay_names": list(host.relay_names),
        "hostname": host.facts.hostname,
        "operator_party_id": host.operator_party_id,
        "state": host.state.value,
        "state_reason": host.state_reason,
        "state_utc_ms": host.state_utc_ms,
        "enrolled_utc_ms": host.enrolled_utc_ms,
        "recoveries_used": host.recoveries_used,
        "recoveries_allowed": host.recoveries_allowed,
        "doubts": doubts,
    }

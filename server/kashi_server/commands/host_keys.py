"""`hosts show`, `hosts confirm-key`, `hosts withdraw-key`: where a host's report key is held."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.instants import local_time
from kashi_server.commands.options import (
    DEFAULT_DIRECTORY,
    AsJson,
    Directory,
    HostId,
    Officer,
    Reason,
)
from kashi_server.commands.paper_options import content_of
from kashi_server.commands.plain import plain
from kashi_server.commands.proving import OfficerPassword, prove_officer
from kashi_server.domain.host_reason import reason_words
from kashi_server.domain.key_token import claimed_together
from kashi_server.domain.key_word import ALONE, KeyWord, key_standing
from kashi_server.errors import NotFound
from kashi_server.services.hosts import Host, HostState
from kashi_server.services.key_confirming import Document, KeyConfirming


def show_host(
    host_id: HostId, as_json: AsJson = False, directory: Directory = DEFAULT_DIRECTORY
) -> None:
    """显示一台主机、其报告密钥及办理经过。
    Show one host, where its report key is held, and what was done to it.
    """
    with opened(directory) as server:
        host = _host(server, host_id)
        others = same_token(server.hosts.all()).get(host_id, ())
        words = server.hosts.key_words().get(host_id, ())
        history = server.hosts.history(host_id)
    if as_json:
        facts = {
            "host_id": host.host_id,
            "hostname": host.facts.hostname,
            "operator_party_id": host.operator_party_id,
            "state": host.state.value,
            "enrolled_utc_ms": host.enrolled_utc_ms,
            **key_facts(host, words, others),
            "history": [
                {"utc_ms": one.utc_ms, "state": one.state.value, "reason": one.reason}
                | {"actor": one.actor}
                for one in history
            ],
        }
        print(json.dumps(facts, ensure_ascii=False))
        return
    print(f"{host.host_id}  {plain(host.facts.hostname)}")
    print(f"    运营方 operator {host.operator_party_id}")
    print("\n".join(key_lines(host, words, others)))
    for change in history:
        why = plain(reason_words(change.reason))
        said = f"{change.state.zh} {change.state.value}, {change.actor}: {why}"
        print(f"    {local_time(change.utc_ms)}  {said}")


def confirm_key(
    host_id: HostId,
    officer: Officer,
    reason: Reason,
    evidence: Annotated[
        Path,
        typer.Option(
            "--evidence",
            help="所凭文件：交货单、密钥令牌厂商证书或序列号照片；按哈希保存。"
            "The document seen: delivery note, the vendor's certificate, a photo of the serial"
            " number; kept under its hash.",
        ),
    ],
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """确认主机报告密钥保存在密钥令牌中；须两名经办人各以门户密码办理。
    Confirm that a token holds a host's report key; it takes two officers, each with the password
    of the portal.

    自第二人办理起，其后关账或更正的月份中该主机的各行为 E3。
    From the second word on its lines are of level E3, in what is closed or corrected after it.
    """
    document = Document(name=evidence.name, content=content_of(evidence))
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        keys = KeyConfirming(server.work, server.file_store, server.clock)
        decided = keys.confirm(host_id, officer, reason, document)
        host = _host(server, host_id)
        others = same_token(server.hosts.all()).get(host_id, ())
        word = server.hosts.key_words()[host_id][-1]
    token = host.facts.key_token
    named = plain(token.text if token else "")
    for line in (*_held(host, word), *_claimed_elsewhere(others)):
        print(f"注意 warning: {line}", file=sys.stderr)
    if not decided:
        print(
            f"已记录，须由另一名经办人同样办理 {host_id} 的确认（密钥令牌 {named}）。"
            f"Noted. Another officer must confirm the key of {host_id} as well (token {named})."
        )
        return
    print(
        f"主机 {host_id} 的密钥已确认保存在密钥令牌 {named} 中；此后计价的各行为 E3，"
        "已关账月份须经更正。"
        f"The key of host {host_id} is confirmed as held by token {named}: lines rated from now on"
        " are E3; months that are closed take a correction."
    )


def withdraw_key(
    host_id: HostId,
    officer: Officer,
    reason: Reason,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """撤回对主机硬件密钥的确认；须两名经办人各以门户密码办理。
    Withdraw the confirmation of a host's key; it takes two officers, each with the password of the
    portal.
    """
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        keys = KeyConfirming(server.work, server.file_store, server.clock)
        decided = keys.withdraw(host_id, officer, reason)
    if not decided:
        print(
            f"已记录，须由另一名经办人同样办理 {host_id} 的撤回。"
            f"Noted. Another officer must withdraw the confirmation of {host_id} as well."
        )
        return
    print(
        f"对主机 {host_id} 密钥的确认已撤回；此后计价的各行为 E2，已关账月份须经更正。"
        f"The confirmation of host {host_id}'s key is withdrawn: lines rated from now on are E2;"
        " months that are closed take a correction."
    )


def same_token(hosts: Sequence[Host]) -> Mapping[str, Sequence[Host]]:
    """Of each host that claims a token of the same serial number as others: those others."""
    by_id = {host.host_id: host for host in hosts}
    together = claimed_together({host.host_id: host.facts.key_token for host in hosts})
    return {host_id: [by_id[one] for one in others] for host_id, others in together.items()}


def _held(host: Host, word: KeyWord) -> Iterator[str]:
    """What an officer is told who confirms the key of a host that is held."""
    if word.host_state == HostState.HELD:
        why = plain(reason_words(host.state_reason))
        yield (
            f"主机 {host.host_id} 已暂挂（{why}），其报告保存而不计入；此意见已连同该状态记入日志，"
            f"请核实暂挂原因；确认后如需撤回，请用 kashi-server hosts withdraw-key。"
            f"Host {host.host_id} is held ({why}): its reports are stored and do not count. The"
            " word was noted with that. Look at why it is held; to take a confirmation back:"
            " kashi-server hosts withdraw-key"
        )


def _claimed_elsewhere(others: Sequence[Host]) -> Iterator[str]:
    for other in others:
        yield (
            f"同一序列号的密钥令牌亦由主机 {other.host_id} 申明（{plain(other.facts.hostname)}，"
            f"{other.state.zh}）。A token of the same serial number is claimed by host "
            f"{other.host_id} ({plain(other.facts.hostname)}, {other.state.value}) as well"
        )


def key_lines(host: Host, words: Sequence[KeyWord], others: Sequence[Host] = ()) -> Iterator[str]:
    """Where a host's report key is held, who said so, and which others claim the same token
    (`same_token`), in lines."""
    token = host.facts.key_token
    standing = key_standing(token, words)
    yield f"    报告密钥 report key: {standing.zh} {standing.en}"
    if token is None:
        return
    yield f"        密钥令牌 key token {plain(token.text)}"
    for zh, en in token.unclaimed():
        yield f"        未申明 not claimed: {zh} {en}"
    for line in _claimed_elsewhere(others):
        yield f"        {line}"
    for word in words:
        place = "第一人 first" if word.completes == ALONE else "第二人 second"
        said = f"{word.act.zh} {word.act.value} ({place}), {word.officer}: {plain(word.reason)}"
        yield f"        {local_time(word.utc_ms)}  {said}"
        if word.host_state != HostState.ACTIVE:
            state = HostState(word.host_state)
            yield f"            其时主机{state.zh} the host was {state.value} then"
        if word.evidence_sha256:
            yield f"            文件 file {word.evidence_sha256}"


def key_facts(
    host: Host, words: Sequence[KeyWord], others: Sequence[Host] = ()
) -> dict[str, object]:
    """The same as data."""
    token = host.facts.key_token
    return {
        "key_standing": key_standing(token, words).value,
        "key_token": None if token is None else token.to_data(),
        "key_token_claimed_by": [other.host_id for other in others],
        "key_words": [json.loads(word.to_bytes()) for word in words],
    }


def _host(server: Server, host_id: str) -> Host:
    for host in server.hosts.all():
        if host.host_id == host_id:
            return host
    raise NotFound(
        f"没有主机 {host_id}，请用 kashi-server hosts list 查看。"
        f"there is no host {host_id}; see: kashi-server hosts list"
    )

"""`import-usage` and `stated …`: what providers state where no agent runs, and who says yes."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.assignments import actor_of
from kashi_server.commands.instants import local_time
from kashi_server.commands.options import (
    DEFAULT_DIRECTORY,
    AsJson,
    Directory,
    Officer,
    Reason,
    two_officers,
)
from kashi_server.commands.proving import (
    OfficerPassword,
    Passwords,
    prove_officer,
    prove_officers,
)
from kashi_server.domain.attestation import Attestation, AttestationState
from kashi_server.domain.interval import HOUR_MS
from kashi_server.domain.money import truncate_places
from kashi_server.errors import ConfigurationError, InvalidValue, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.evidence_port import StoredAttestation
from kashi_server.services.stated_reversal import StatedReversal
from kashi_server.services.stating import SourceFile, UsageStating

CARD_HOUR_PLACES = 4

AttestationId = Annotated[str, typer.Argument(help="见 `stated list`。As `stated list` shows it.")]
PartyCode = Annotated[
    str | None,
    typer.Option(
        "--party", help="表态主体的统一社会信用代码。Credit code of the party that says it."
    ),
]
Recording = Annotated[
    str | None,
    typer.Option("--officer", help="录入的经办人账号。Login of the officer who records it."),
]
Own = Annotated[
    str | None, typer.Option("--by", help="本方账号。Login of the party that says it itself.")
]
OFFICE = Acting(actor="kashi-server", party_id=None)

SKIPPED = {
    "step": ("作业步，已含在作业中", "steps of jobs, parts of their jobs"),
    "never_started": ("未开始的作业", "jobs that never started"),
    "no_cards": ("没有加速卡", "rows without cards"),
    "no_time": ("时长为零", "rows without time"),
    "no_sample": ("没有数值的采样", "samples without a value"),
    "other_row": ("映射不取的行", "rows that the mapping passes over"),
    "other_contract": ("其他合同", "rows of other contracts"),
    "other_model": ("其他型号", "rows of other models"),
    "other_metric": ("其他指标", "series of other metrics"),
}


_WORDS = {
    AttestationState.COUNTERSIGNED: "已会签 countersigned",
    AttestationState.WITHDRAWN: "已撤回 withdrawn",
    AttestationState.REVERSED: "已撤销 taken back",
}


def import_usage(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...", help="账单、sacct 输出或监控时序。Bills, sacct output, series."
        ),
    ],
    mapping: Annotated[
        Path,
        typer.Option(
            "--mapping", metavar="FILE", help="读取方式，TOML。How they are read, as TOML."
        ),
    ],
    officer: Officer,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """导入供给方声明的用量；由企业会签后计入。
    Take usage that a provider states: all files or none; the company countersigns then.

    云账单、Slurm 记录、监控时序，证据等级 E1；经办人凭门户密码办理并留名。
    Bills, sacct output, series: evidence level E1. The officer who takes them in is recorded,
    and proves it by the password of the portal.
    """
    files = [_file(source) for source in sources]
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        done = UsageStating(server.work, server.clock).take(_file(mapping), files, officer)
    if as_json:
        told = [_data(StoredAttestation(attestation=one, stated_utc_ms=0, change=None))
                for one in done.attestations]  # fmt: skip
        print(json.dumps({"attestations": told, "known": done.known, "skipped": done.skipped}))
        return
    for one in done.attestations:
        print("\n".join(_lines(one)))
    if not done.attestations:
        print("没有新内容 Nothing new.")
    if done.known:
        print(f"已在册 known already: {done.known}")
    for why, count in sorted(done.skipped.items()):
        zh, en = SKIPPED[why]
        print(f"略过 passed over: {count}  {zh} {en}")
    if done.attestations:
        print("待企业会签 To be countersigned: kashi-server stated countersign ID --by LOGIN")


def stated_list(
    party: Annotated[
        str | None, typer.Option("--party", help="仅此主体。Only this party's.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """列出用量声明及其状态。List attestations and how they stand."""
    with opened(directory) as server:
        acting = OFFICE if party is None else Acting(actor=OFFICE.actor, party_id=party)
        found = UsageStating(server.work, server.clock).attestations(acting)
    if as_json:
        print(json.dumps([_data(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        print("\n".join(_lines(one.attestation)))
        print(f"    {_standing(one)}")
    if not found:
        print("没有用量声明 No attestations.")


def stated_source(
    attestation_id: AttestationId,
    file: Annotated[
        Path, typer.Argument(help="原件写到何处。Where to write the source file's bytes.")
    ],
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """取出声明所依据文件的原件。Write the exact bytes of the file behind an attestation."""
    with opened(directory) as server:
        content = UsageStating(server.work, server.clock).source(attestation_id, OFFICE)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"无法写入 {file}。{file} cannot be written: {error}") from error
    print(f"{file}: {len(content)} 字节 bytes")


def countersign(
    attestation_id: AttestationId,
    reason: Reason,
    party: PartyCode = None,
    officer: Recording = None,
    by: Own = None,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """企业会签用量声明，自此计入。The company countersigns an attestation: it counts from now on.

    企业以本方账号（--by）办理；或由未录入该声明的经办人代录，理由须写明企业（--party）表态的文件。
    The company by its own login (--by), or an officer who did not take the statement in records
    it: the reason then names the paper by which the company (--party) said so.
    """
    with opened(directory) as server:
        acting = _speaking(server, party, officer, by, password_file)
        stating = UsageStating(server.work, server.clock)
        stating.countersign(attestation_id, acting, reason)
    print(f"{attestation_id}: 已会签 countersigned by {acting.party_id}")


def withdraw_stated(
    attestation_id: AttestationId,
    reason: Reason,
    party: PartyCode = None,
    officer: Recording = None,
    by: Own = None,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """提供方撤回声明，或企业不予会签。
    The provider takes an attestation back, or the company refuses it.
    """
    with opened(directory) as server:
        acting = _speaking(server, party, officer, by, password_file)
        stating = UsageStating(server.work, server.clock)
        stating.withdraw(attestation_id, acting, reason)
    print(f"{attestation_id}: 已撤回 withdrawn by {acting.party_id}")


def reverse(
    attestation_id: AttestationId,
    reason: Reason,
    officer: Annotated[
        list[str] | None,
        typer.Option(
            "--officer",
            help="录入的经办人，或作决定的两名经办人。Who records it; or name two who decide.",
        ),
    ] = None,
    party: Annotated[
        str | None,
        typer.Option(
            "--party",
            help="表态主体的统一社会信用代码；不给即由两名经办人。"
            "Credit code of the party that says it; none: two officers.",
        ),
    ] = None,
    by: Own = None,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """撤销已会签的声明，须双方同意或两名经办人决定。
    Take back what was countersigned, by both parties or two officers.

    双方先后同意（各以本方账号，或由不同经办人录入），或由两名经办人决定；已关账月份由更正冲回。
    The parties say so one after the other, each by its own login (--by) or recorded by another
    officer. In a closed month a correction takes its lines back.
    """
    with opened(directory) as server:
        reversal = StatedReversal(server.work, server.clock)
        if party is None and by is None:
            decision = two_officers(officer, reason)
            prove_officers(server, decision, password_file)
            reversal.decide(attestation_id, decision)
            state = AttestationState.REVERSED
        else:
            named = list(officer or ())
            if len(named) > 1 or len(password_file or ()) > 1:
                raise InvalidValue(
                    "录入一方的意见只须一名经办人；两名经办人决定时不写 --party。"
                    "one officer records what a party says; two decide without --party"
                )
            only = named[0] if named else None
            file = password_file[0] if password_file else None
            acting = _speaking(server, party, only, by, file)
            party = acting.party_id
            state = reversal.say(attestation_id, acting, reason)
    done = state is AttestationState.REVERSED
    print(
        f"{attestation_id}: 已撤销，不再计入 taken back, it counts no longer"
        if done
        else f"{attestation_id}: {party} 已同意撤销，待另一方 agreed; it waits for the other side"
    )


def _speaking(
    server: Server, party: str | None, officer: str | None, by: str | None, file: Path | None
) -> Acting:
    """Whose word it is, and who gives it: the party's own login, or an officer who records it."""
    if by is not None and officer is None:
        own = actor_of(server, by, file)
        if party not in (None, own.party_id):
            raise Refused(
                f"“{own.login}”属于 {own.party_id}，不能代表 {party}。"
                f"'{own.login}' speaks for {own.party_id}, not for {party}"
            )
        return Acting(actor=own.login, party_id=own.party_id)
    if officer is None or party is None or by is not None:
        raise InvalidValue(
            "请注明声明人：--by 为本方账号；或 --officer 为录入 --party 意见的经办"
            "人。"
            "name who says it: --by, the party's own login; or --officer, who records what --party"
            " said"
        )
    prove_officer(server, officer, file)
    return Acting(actor=officer, party_id=party)


def _file(path: Path) -> SourceFile:
    try:
        return SourceFile(str(path), path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"无法读取 {path}。{path} cannot be read: {error}") from error


def _card_hours(attestation: Attestation) -> str:
    return truncate_places(Fraction(attestation.card_ms, HOUR_MS), CARD_HOUR_PLACES)


def _lines(attestation: Attestation) -> list[str]:
    count, hours = len(attestation.records), _card_hours(attestation)
    span = f"{local_time(attestation.start_utc_ms)} – {local_time(attestation.end_utc_ms)}"
    return [
        f"{attestation.attestation_id}  {attestation.contract_id}  {attestation.site}",
        f"    {span}",
        f"    {count} 条记录 records, {hours} 卡时 card-hours",
        f"    {attestation.source_name} SHA-256 {attestation.source_sha256}",
    ]


def _standing(stored: StoredAttestation) -> str:
    change = stored.change
    if change is None:
        return f"待 {stored.attestation.user_id} 会签 waits to be countersigned"
    word = _WORDS[stored.state]
    said = [(change.party_id, change.utc_ms, change.actor, change.reason)]
    said += [(one.party_id or "", one.utc_ms, one.actor, one.reason) for one in stored.words]
    told = (f"{who} {local_time(at)}, {actor}: {why}".strip() for who, at, actor, why in said)
    return f"{word} " + "; ".join(told)


def _data(stored: StoredAttestation) -> dict[str, object]:
    attestation, change = stored.attestation, stored.change
    return {
        "attestation_id": attestation.attestation_id,
        "state": str(stored.state),
        "kind": str(attestation.kind),
        "site": attestation.site,
        "contract_id": attestation.contract_id,
        "provider_id": attestation.provider_id,
        "user_id": attestation.user_id,
        "source_name": attestation.source_name,
        "source_sha256": attestation.source_sha256,
        "mapping_sha256": attestation.mapping_sha256,
        "counted_by": attestation.counted_by,
        "records": len(attestation.records),
        "start_utc_ms": attestation.start_utc_ms,
        "end_utc_ms": attestation.end_utc_ms,
        "card_ms": attestation.card_ms,
        "sha256": attestation.sha256,
        "changed_by": None if change is None else change.party_id,
        "actor": None if change is None else change.actor,
        "reason": None if change is None else change.reason,
        "taken_back_by": [one.speaker for one in stored.words],
    }

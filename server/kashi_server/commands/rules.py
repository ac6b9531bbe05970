"""`rules`: check files, show versions, tell two apart, and settle what no text says."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import PlainConsole, plain
from kashi_server.commands.proving import Passwords, prove_logins
from kashi_server.domain.deciding import DecisionRecord, check_days, decide, load_decisions
from kashi_server.domain.interval import MINUTE_MS, SHANGHAI, instant_of
from kashi_server.domain.parameter_words import PARAMETER_WORDS
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.domain.rules import ParameterState, RulesVersion
from kashi_server.domain.rules_difference import differences
from kashi_server.errors import ConfigurationError, NotFound, Refused
from kashi_server.services.accounts import Account, Role
from kashi_server.services.rulebook import Rulebook, check_base, read_rules, shipped_rules

FOUND: Final = 1
"""The exit code of a check that found something wrong (docs/operations.md)."""
RulesFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="规则文件，TOML。A TOML file of rules.")
]


def rules_check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="规则文件，TOML。TOML files of rules.")
    ],
) -> None:
    """检查规则文件，逐行指出错误。Check rules files; every mistake is named with its line."""
    mistakes: list[Mistake] = []
    for file in files:
        try:
            version = read_rules(file)
        except MistakesFound as error:
            mistakes += error.mistakes
            continue
        print(f"{file}: {version.programme_id} {version.version} 正确 is sound, {version.sha256}")
    if mistakes:
        found = sorted(set(mistakes))
        print(f"{len(found)} 处错误 mistakes:", file=sys.stderr)
        for mistake in found:
            print(plain(f"  {mistake}"), file=sys.stderr)
        raise typer.Exit(FOUND)


def rules_show(
    programme: Annotated[
        str, typer.Argument(help="项目编号。The programme.")
    ] = "shenzhen-compute-voucher",
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """显示项目规则：已公布、经决定与未知的参数。
    Show the rules of a programme: what is published, decided and unknown.
    """
    with opened(directory) as server, server.work.begin(writes=False) as unit:
        versions = list(unit.expense.rules(programme))
    known = {version.sha256 for version in versions}
    shipped = [v for v in shipped_rules() if v.programme_id == programme]
    versions += [version for version in shipped if version.sha256 not in known]
    if not versions:
        raise NotFound(
            f"“{programme}”没有规则，请用 rules list 查看。there are no rules of '{programme}'"
        )
    for version in versions:
        if as_json:
            print(version.to_bytes().decode())
        else:
            _print_rules(version, registered=version.sha256 in known)


def rules_list(*, as_json: AsJson = False) -> None:
    """列出随服务器发布的项目规则。List the programmes that ship with the server."""
    versions = shipped_rules()
    if as_json:
        print(json.dumps([_head(version) for version in versions], ensure_ascii=False))
        return
    for version in versions:
        head = _head(version)
        until = "" if head["until"] is None else str(head["until"])[:10]
        print(f"{version.programme_id}  {version.version}")
        print(f"    {version.name_zh} {version.name_en}")
        print(f"    {str(head['from'])[:10]} – {until}, {len(version.unknown)} 未知 unknown")


def _head(version: RulesVersion) -> dict[str, object]:
    in_force = version.to_data()["in_force"]
    assert isinstance(in_force, dict)
    return {
        "programme_id": version.programme_id,
        "version": version.version,
        "name_zh": version.name_zh,
        "name_en": version.name_en,
        "from": in_force["start"],
        "until": in_force["end"],
        "sha256": version.sha256,
        "unknown": list(version.unknown),
    }


def rules_diff(old: RulesFile, new: RulesFile, *, as_json: AsJson = False) -> None:
    """比较两份规则文件。Tell what parts two rules files."""
    found = differences(read_rules(old), read_rules(new))
    if as_json:
        print(json.dumps([one.to_data() for one in found], ensure_ascii=False))
        return
    table = Table()
    for title in ("参数 parameter", f"旧 old\n{old.name}", f"新 new\n{new.name}"):
        table.add_column(title, overflow="fold")
    for one in found:
        table.add_row(one.name, one.old or "—", one.new or "—")
    PlainConsole().print(table)
    print(f"{len(found)} 处不同 differences.")


def rules_decide(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="决定记录，TOML。A TOML decision record.")
    ],
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="仅显示新版本，不登记。Show the new version and register nothing."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """两名经办人决定无明文的参数，或提前终止规则，形成新版本。
    Settle parameters no text speaks of, or end rules early: two officers make a new version.

    记录所列各经办人依次凭密码证明。
    Every officer whom the record names proves it, in the order of the record.
    """
    try:
        record = load_decisions(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error
    with opened(directory) as server:
        with server.work.begin(writes=False) as unit:
            known = list(unit.expense.rules(record.programme_id))
            accounts = {account.login: account for account in unit.accounts.all()}
        _check_officers(record, accounts)
        if not dry_run:
            prove_logins(server, record.officers, password_file)
        check_days(record, instant_of(server.clock() // MINUTE_MS).astimezone(SHANGHAI).date())
        base = _base(known, record.programme_id, record.base_version)
        version = decide(base, record)
        check_base(known, base, record)
        if not dry_run:
            Rulebook(server.work, server.clock).register([base, version])
    if as_json:
        print(version.to_bytes().decode())
    else:
        _print_rules(version, registered=not dry_run)


def _check_officers(record: DecisionRecord, accounts: Mapping[str, Account]) -> None:
    """Who decided must be able to sign in as officers: a name on paper is nobody."""
    for login in record.officers:
        account = accounts.get(login)
        if account is None or account.disabled or account.role is not Role.OFFICER:
            raise Refused(
                f"账号“{login}”不是本服务器的经办人；决定须注明两名经办人的账号，"
                "请用 account list 查看。"
                f"'{login}' is no officer here; a decision names the logins of two officers:"
                " list them with: account list"
            )


def _base(known: list[RulesVersion], programme_id: str, name: str) -> RulesVersion:
    for version in (*known, *shipped_rules()):
        if (version.programme_id, version.version) == (programme_id, name):
            return version
    raise NotFound(
        f"没有规则 {programme_id} {name}，请用 rules list 查看。"
        f"there are no rules {programme_id} {name}; list them with: rules list"
    )


def _print_rules(version: RulesVersion, *, registered: bool) -> None:
    state = "已登记 registered" if registered else "未登记 not registered"
    head = _head(version)
    until = "—" if head["until"] is None else str(head["until"])[:16]
    table = Table(
        title=f"{version.name_zh} {version.name_en} {version.version} ({state})",
        caption=f"{version.document}\n施行期间 in force: {str(head['from'])[:16]} – {until}"
        f" (UTC+08:00)\n{_ended(version)}SHA-256 {version.sha256}",
    )
    for title in ("参数 parameter", "状态 state", "值 value", "出处 source"):
        # Nothing is cut: a name is what a decision record must spell.
        table.add_column(title, overflow="fold")
    for one in version.parameters:
        source = one.decision.document if one.decision else one.source or one.note
        name = f"{one.name}\n{PARAMETER_WORDS[one.name].zh}"
        table.add_row(name, _STATES[one.state], one.value_text or "—", source or "")
    PlainConsole().print(table)


def _ended(version: RulesVersion) -> str:
    """By whom, when and why they end before their own date; a line, or nothing."""
    if version.ended is None:
        return ""
    said = version.ended
    return (
        f"提前终止 ended early: {said.document}, {said.decided_on}, {said.reason}"
        f" ({', '.join(said.officers)})\n"
    )


_STATES = {
    ParameterState.PUBLISHED: "已公布 published",
    ParameterState.DECIDED: "经决定 decided",
    ParameterState.UNKNOWN: "未知 unknown",
}

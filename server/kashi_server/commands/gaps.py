"""`gaps …`: what parties say of time nobody observed, and officers' word on it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, Officer, Reason
from kashi_server.commands.proving import OfficerPassword, prove_officer
from kashi_server.domain.gap_explanation import ExplanationState, GapVerdict
from kashi_server.domain.interval import Interval, minute_of
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.errors import ConfigurationError, InvalidValue
from kashi_server.services.acting import Acting
from kashi_server.services.gap_explaining import Explained, GapExplaining

WORDS = {
    ExplanationState.OPEN: "待审 open",
    ExplanationState.HALF_ACCEPTED: "待第二人 waits for a second officer",
    ExplanationState.ACCEPTED: "已采纳 accepted",
    ExplanationState.REFUSED: "未采纳 refused",
}


def gaps_list(
    party: Annotated[
        str | None, typer.Option("--party", help="仅与该主体有关者。Only what concerns this party.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """列出缺口说明及其状态。List explanations of gaps and how they stand."""
    with opened(directory) as server:
        acting = Acting(actor="kashi-server", party_id=party)
        found = GapExplaining(server.work, server.clock).listed(acting)
    if as_json:
        print(json.dumps([_data(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        said = one.explanation
        start, end = said.interval.bounded()
        print(f"{said.explanation_id}  {said.hardware_id}  {WORDS[one.state]}")
        print(f"    {shanghai_text(start)} – {shanghai_text(end)}, 缺口 gap {one.gap_ms} ms")
        print(f"    {said.party_id}: {said.reason}")
        if said.evidence_sha256:
            print(f"    附件 file SHA-256 {said.evidence_sha256}")
        for decision in one.decisions:
            print(f"    {decision.officer}: {decision.verdict}, {decision.reason}")
    if not found:
        print("没有缺口说明 No explanations.")


def gaps_explain(
    hardware_id: Annotated[str, typer.Argument(help="设备标识。The device.")],
    start: Annotated[
        str, typer.Option("--from", help="整分钟，带时区。A whole minute with its offset.")
    ],
    end: Annotated[
        str, typer.Option("--until", help="整分钟，带时区。A whole minute with its offset.")
    ],
    party: Annotated[
        str, typer.Option("--party", help="说明方的统一社会信用代码。Credit code of who explains.")
    ],
    officer: Officer,
    reason: Reason,
    evidence: Annotated[
        Path | None,
        typer.Option(
            "--evidence", help="佐证文件，保存其哈希。A file that speaks for it; its hash is kept."
        ),
    ] = None,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """登记一方对缺口的说明，关账前有效。
    Record a party's explanation of a gap, until its month is closed.
    """
    content = None if evidence is None else _bytes(evidence)
    interval = Interval(_minute(start), _minute(end))
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        made = GapExplaining(server.work, server.clock).explain(
            hardware_id,
            interval,
            Acting(actor=officer, party_id=party),
            reason=reason,
            evidence=content,
        )
    print(f"{made.explanation_id}: 已登记 noted; others decide: kashi-server gaps decide")


def gaps_decide(
    explanation_id: Annotated[str, typer.Argument(help="见 `gaps list`。As `gaps list` shows it.")],
    verdict: Annotated[
        GapVerdict,
        typer.Option("--verdict", help="采纳 accepted 或不采纳 refused。Accepted or refused."),
    ],
    officer: Officer,
    reason: Reason,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """审定缺口说明；可能影响金额者须两名经办人。
    Accept or refuse an explanation; where it may change money it takes two officers.
    """
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        explaining = GapExplaining(server.work, server.clock)
        state = explaining.decide(explanation_id, officer, verdict, reason)
    print(f"{explanation_id}: {WORDS[state]}")


def _minute(text: str) -> int:
    try:
        return minute_of(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidValue(
            f"“{text}”不是时刻，写法如 2026-10-01T08:00+08:00。"
            f"'{text}' is no instant; write it like 2026-10-01T08:00+08:00"
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"无法读取 {path}。{path} cannot be read: {error}") from error


def _data(one: Explained) -> dict[str, object]:
    start, end = one.explanation.interval.bounded()
    said = json.loads(one.explanation.to_bytes())
    return {
        **said,
        "start": shanghai_text(start),
        "end": shanghai_text(end),
        "state": str(one.state),
        "gap_ms": one.gap_ms,
        "decisions": [json.loads(decision.to_bytes()) for decision in one.decisions],
    }

"""`evaluate`: what a programme pays on a case, step by step, without a database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from kashi_server.commands.options import AsJson
from kashi_server.commands.plain import PlainConsole, plain
from kashi_server.domain.evaluation.case_data import load_case
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.domain.evaluation.input_words import told_input
from kashi_server.domain.evaluation.step import Step
from kashi_server.domain.money import yuan_text
from kashi_server.errors import ConfigurationError
from kashi_server.services.rulebook import read_rules

_STATUS = {
    Status.FINAL: "确定 final",
    Status.ESTIMATE: "估算 estimate",
    Status.NO_AMOUNT: "无法计算 no amount",
}
_NAMES = {
    "gate": "资格 gate",
    "scope": "范围 scope",
    "meter": "计量 meter",
    "price": "计价 price",
    "prorate": "分摊 prorate",
    "base": "基数 base",
    "threshold": "门槛 threshold",
    "ratio": "比例 ratio",
    "company_cap": "上限 company cap",
    "stacking": "叠加 stacking",
    "voucher_balance": "券余额 voucher balance",
    "pool": "资金池 pool",
}


def evaluate_case(
    rules: Annotated[Path, typer.Option("--rules", help="规则文件，TOML。A TOML file of rules.")],
    case: Annotated[
        Path,
        typer.Option(
            "--case", help="一笔申请的 TOML 或 JSON 文件。A TOML or JSON file of one claim."
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """按项目规则逐步计算一笔申请。Work one claim out by a programme's rules and show every step."""
    try:
        text = case.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {case}。{case} cannot be read: {error}") from error
    done = evaluate(read_rules(rules), load_case(text, str(case)))
    if as_json:
        print(done.to_bytes().decode())
    else:
        _print(done)


def _print(done: Evaluation) -> None:
    rules, console = done.rules, PlainConsole()
    console.print(f"{rules.name_zh} {rules.name_en} {rules.version} · {done.case.case_id}")
    console.print(f"{rules.document}\nSHA-256 {rules.sha256}\n")
    counted = False
    for number, step in enumerate(done.steps, 1):
        # Before the base nothing is an amount yet, but where the gate makes it 0.
        counted = counted or step.name == "base" or step.outcome.state.ended
        amount = f"{yuan_text(step.after_fen)} 元" if counted else ""
        bound = f"  ← {step.outcome.bound}" if step.outcome.bound else ""
        console.print(Text(f"{number:>2} {_NAMES[step.name]}", style="bold"), f" {amount}{bound}")
        for line in _lines(step):
            console.print(Padding(Text(plain(line)), (0, 0, 0, 4)))
    amount_fen = done.amount_fen
    amount = "—" if amount_fen is None else f"{yuan_text(amount_fen)} 元"
    console.print(Text(f"\n{_STATUS[done.status]}: {amount}", style="bold"))
    for title, names in (
        ("规则未知 unknown", done.unknown),
        ("缺少事实 missing", done.missing),
        ("提示 flags", done.flags),
    ):
        if names:
            console.print(f"{title}: {', '.join(names)}")


def _lines(step: Step) -> Iterator[str]:
    zh, en = step.outcome.reason
    yield f"{zh} / {en}"
    if step.outcome.inputs:
        yield " · ".join(told_input(step.name, name, value) for name, value in step.outcome.inputs)
    for one in step.parameters:
        source = one.decision.document if one.decision else one.source
        yield f"{one.name} = {one.value_text} ({one.state}: {source})"
    for name in step.unknown:
        yield f"{name}: 未知 unknown"

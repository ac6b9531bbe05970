"""What services, commands, the portal and the ports refuse is said in Chinese, then in English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "server" / "kashi_server"
ROOMS = ("services", "commands", "portal", "ingest")

ENGLISH_ALONE = {
    # Part of a verdict on a report, which its host writes into its next, signed epoch.
    "FormBroken",
    "FormError",
    # A finding of fsck, told beside the others of its list.
    "Damaged",
    # Nobody but a programmer can bring it about.
    "RuntimeError",
    "StreamError",
}
"""Errors whose texts stay as they are."""

TOLD_BY = {"mistake", "_mistake", "abort", "Refusal"}
"""Calls that tell a person something without raising it."""

HAN = re.compile(r"[\u4e00-\u9fff]")
WORDS = re.compile(r"[A-Za-z]{2,}")
GAP = "\N{WHITE MEDIUM SMALL SQUARE}"
"""Where a message has a value."""


def files() -> list[Path]:
    """The sources that this is about."""
    deep = [path for room in ROOMS for path in sorted((SERVER / room).rglob("*.py"))]
    return [*sorted(SERVER.glob("*.py")), *deep]


def spoken(node: ast.expr, constants: dict[str, str]) -> str:
    """What an argument says, values left out; "" where its text is made somewhere else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                str(one.value) if isinstance(one, ast.Constant) else GAP for one in values
            )
        case ast.Name(id=name):
            return constants.get(name, "")
    return ""


def in_both(text: str) -> bool:
    """Whether a text is a Chinese sentence, then an English one, or has no words of its own."""
    if len(WORDS.findall(text)) < 2 and not HAN.search(text):
        return True
    chinese, full_stop, english = text.rpartition("。")
    if not full_stop:
        return False
    # A Chinese term may stand in an English sentence, like a 数电票, but does not end it.
    return bool(HAN.search(chinese) and WORDS.search(english) and not HAN.search(english[-1]))


def constants_of(modules: list[ast.Module]) -> dict[str, str]:
    """Texts that stand under a name of their own."""
    found: dict[str, str] = {}
    for module in modules:
        for node in module.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign):
                found[target.id] = "" if node.value is None else spoken(node.value, {})
    return found


def told(module: ast.Module) -> Iterator[ast.Call]:
    """Every call that makes an error to raise, or tells of a mistake."""
    for node in ast.walk(module):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            if name_of(node.exc) not in ENGLISH_ALONE:
                yield node.exc
        elif isinstance(node, ast.Call) and name_of(node) in TOLD_BY:
            yield node


def name_of(call: ast.Call) -> str:
    """What a call calls, without the object it belongs to."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def one_sided(module: ast.Module, constants: dict[str, str]) -> list[tuple[int, str]]:
    """Texts of a source that lack a half, each with its line."""
    said = [
        (call.lineno, spoken(call.args[-1], constants))  # before it: a status, a field's name
        for call in told(module)
        if call.args
    ]
    return [(line, text) for line, text in said if text and not in_both(text)]


def test_whatever_is_refused_is_refused_in_both_languages() -> None:
    """Chinese first, a full stop, then the English sentence: of every error and every mistake."""
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files()}
    constants = constants_of([*modules.values()])

    found = [
        f"{path.relative_to(SERVER)}:{line}: {text}"
        for path, module in modules.items()
        for line, text in one_sided(module, constants)
    ]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'raise Refused("there is no such thing")',
        'raise Refused("没有此项。")',
        'raise Refused(f"there is no {what}; see: list 没有此项")',
        'raise Refused("没有此项 there is no such thing")',
        "NOBODY = 'nobody of that name'\nraise NotFound(NOBODY)",
        'place.mistake(name, "is not text")',
    ],
)
def test_a_text_with_one_half_is_found(source: str) -> None:
    """English alone, Chinese alone, English first, no full stop; also under a name of its own."""
    module = ast.parse(source)

    assert len(one_sided(module, constants_of([module]))) == 1


@pytest.mark.parametrize(
    "source",
    [
        'raise Refused("没有此项。there is no such thing")',
        'raise Refused(f"没有 {one}，请先导入。there is no {one}; import it first")',
        'raise ConfigurationError(f"{path}: {error}")',
        'raise Refused("; ".join(refusals))',
        'raise FormError("a receipt with two verdicts")',
    ],
)
def test_both_halves_pass(source: str) -> None:
    """Chinese then English; what only passes on another text; what stays English for a reason."""
    assert one_sided(ast.parse(source), {}) == []

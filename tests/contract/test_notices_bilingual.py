"""What a meter tells of itself reaches status, doctor and reports: in Chinese and in English."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import kashi_agent
import pytest
from kashi_agent.both_languages import halves, together
from kashi_agent.doctor.running import look_at_meter
from two_languages import HOLE, called, sources

AGENT = sources(Path(kashi_agent.__file__).parent)

TOLD_BY = {"_notify", "_lose", "_confirm"}
"""What tells the agent of the meter, or the view of either; its text is given last."""

KEPT_IN = {"_asked", "unidentified", "mute", "_mute", "_untold"}
"""What is told later is kept under these names, or added to lists of these names."""

WORDS = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
CHINESE = re.compile("[\u4e00-\u9fff]")


@cache
def notices() -> tuple[tuple[str, str], ...]:
    """Every such text, values as {}, and where it stands."""
    given = AGENT.messages(TOLD_BY, last=TOLD_BY)
    found = {(f"{one.path}:{one.line}", one.text) for one in given}
    every = {*found, *_kept(), *_composed()}
    return tuple(sorted(one for one in every if WORDS.search(one[1]) or CHINESE.search(one[1])))


def _functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path, tree in AGENT.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def _kept() -> Iterator[tuple[str, str]]:
    """Texts that are given to one of the names, whatever they are wrapped in."""
    for path, function in _functions():
        for node in ast.walk(function):
            for value in _values(node):
                for part in _whole(value):
                    for text in AGENT.texts(part, function):
                        yield f"{path}:{value.lineno}", text


def _whole(value: ast.AST) -> Iterator[ast.expr]:
    """The texts in an expression, none of them in parts."""
    if isinstance(value, ast.JoinedStr | ast.Constant | ast.Name):
        yield value
    else:
        for child in ast.iter_child_nodes(value):
            yield from _whole(child)


def _values(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Assign(targets=[target], value=value) | ast.AugAssign(target=target, value=value):
            made = isinstance(value, ast.Call) and called(value.func) == "tuple"
            text = isinstance(value, ast.JoinedStr | ast.Constant)
            if _name(target) in KEPT_IN and (made or text):
                yield value
            elif _name(target) in KEPT_IN and isinstance(value, ast.Tuple):
                yield from value.elts
        case ast.Call(func=ast.Attribute(attr="append", value=to), args=[value]):
            if _name(to) in KEPT_IN and not isinstance(value, ast.Call):
                yield value


def _name(target: ast.expr) -> str:
    while isinstance(target, ast.Subscript):
        target = target.value
    return called(target)


def _composed() -> Iterator[tuple[str, str]]:
    """What is composed of a Chinese and an English name and the driver's reason."""
    for path, function in _functions():
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Name(id="unidentified"), args=[zh, en, _why]):
                    pairs = zip(AGENT.texts(zh, function), AGENT.texts(en, function), strict=True)
                    for first, second in pairs:
                        yield f"{path}:{node.lineno}", f"{first}：{HOLE}。{second}: {HOLE}"


def noted() -> dict[str, list[str]]:
    """What the agent notes of the host as it happens, by the kind of event."""
    found: dict[str, list[str]] = {}
    for _path, function in _functions():
        for node in ast.walk(function):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="note"),
                    args=[ast.Attribute(value=ast.Name(id="HostEventKind"), attr=kind), detail, *_],
                ):
                    found.setdefault(kind, []).extend(AGENT.texts(detail, function))
    return found


def wrong(text: str) -> bool:
    """It has no halves, or one of them is in the other's language."""
    zh, en = halves(text.replace(HOLE, "1"))
    return zh == en or not CHINESE.search(zh) or bool(WORDS.search(zh) or CHINESE.search(en))


def test_every_notice_has_its_chinese_half() -> None:
    """中文一句。English sentence: of all that is told of a meter or of devices it cannot name."""
    found = notices()

    assert len(found) > 12  # the walk itself works
    assert {where.partition(":")[0] for where, _ in found} >= {
        *("meter_loop.py", "meter_watch.py"),
        *("meters/nvml_cards.py", "meters/dcmi_chips.py", "meters/unidentified.py"),
    }
    assert [(where, text) for where, text in found if wrong(text)] == []


def test_every_event_of_the_host_is_told_in_both_languages() -> None:
    """The portal shows its detail as it came; facts and versions are no sentences."""
    found = noted()

    assert {"METER_STARTED", "METER_HUNG", "SPOOL_REPAIRED"} <= found.keys()
    sentences = {
        kind: texts for kind, texts in found.items() if kind not in ("FACT", "AGENT_STARTED")
    }
    assert all(sentences[kind] for kind in ("METER_STARTED", "METER_HUNG", "SPOOL_REPAIRED"))
    assert {kind: [one for one in texts if wrong(one)] for kind, texts in sentences.items()} == {
        kind: [] for kind in sentences
    }


@pytest.mark.parametrize(
    "text", ["device 1: its name is refused", "设备 1：its name is refused。device 1: its name"]
)
def test_a_notice_in_one_language_is_seen(text: str) -> None:
    """English alone, and English in the Chinese half."""
    assert wrong(text)
    assert not wrong("设备 {}：未给出名称。device {}: its name is refused")


def test_the_doctors_lines_on_what_a_driver_does_not_name_are_each_in_one_language() -> None:
    """However many devices there are, the Chinese line has the Chinese halves of all."""
    told = [text.replace(HOLE, "1") for where, text in notices() if where.startswith("meters/")]
    _, found = look_at_meter("measuring", together(told), 1)

    assert len(told) > 4
    assert not WORDS.search(found.zh)
    assert not CHINESE.search(found.en)

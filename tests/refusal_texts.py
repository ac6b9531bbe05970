"""Every text with which the server's sources refuse something, found without running them.

Looked at are the raises of the errors' tree, and the mistakes that are gathered before they are
raised together: whatever of it stands in the source as a text. Words that only a run knows, like
those of a library, are left out.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

SERVER: Final = Path(__file__).parents[1] / "server/kashi_server"

ROOT: Final = "KashiError"

GATHERED: Final = frozenset(
    {"Mistake", "SheetMistake", "mistake", "_mistake", "sheet_mistake", "wrong", "_wrong"}
)
"""Functions that take the text of a mistake, last or as `message`."""

JOINED: Final = "because"
"""The function that joins two halves and a reason: `domain.both_languages`."""

HOLE: Final = "\0"
"""Stands where a text has a value in it."""


@dataclass(frozen=True, slots=True, order=True)
class RefusalText:
    """A text and where it stands; `function`: the innermost one around it, "" outside of any."""

    path: str
    line: int
    function: str
    text: str

    @property
    def both(self) -> bool:
        """中文一句。English sentence."""
        zh, stop, en = self.text.rpartition("。")
        return bool(stop) and _chinese(zh) and not _chinese(en.lstrip()[:1]) and _told(en)


def _chinese(text: str) -> bool:
    return any("\u4e00" <= one <= "\u9fff" for one in text)


def _told(text: str) -> bool:
    return HOLE in text or any(one.isascii() and one.isalpha() for one in text)


def error_names(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of all classes of modules below the root of the errors' tree."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    found, before = {ROOT}, 0
    while before < len(found):
        before = len(found)
        found |= {name for name, of in bases.items() if of & found}
    return frozenset(found)


def refusal_texts(folders: Iterable[str], server: Path = SERVER) -> list[RefusalText]:
    """Every text of the files and folders so named below the server's sources."""
    trees = _trees(server)
    errors = error_names(trees.values())
    return sorted(
        found
        for name, tree in trees.items()
        if any(name == folder or name.startswith(f"{folder}/") for folder in folders)
        for found in _of_module(name, tree, errors)
    )


@cache
def _trees(server: Path) -> Mapping[str, ast.Module]:
    """The sources by their path below the server's."""
    return {
        path.relative_to(server).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(server.rglob("*.py"))
    }


def texts_of_source(source: str, errors: frozenset[str]) -> list[RefusalText]:
    """The texts of one source that stands in no file."""
    return sorted(_of_module("source.py", ast.parse(source), errors))


def _of_module(name: str, tree: ast.Module, errors: frozenset[str]) -> Iterator[RefusalText]:
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for function, node in _with_function(tree):
        for said in _said(node, errors):
            for text in _texts(said, constants):
                yield RefusalText(name, said.lineno, function, text)


def _with_function(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the function around it, in no order."""
    left: list[tuple[str, ast.AST]] = [("", tree)]
    while left:
        function, node = left.pop()
        yield function, node
        inside = node.name if isinstance(node, ast.FunctionDef) else function
        left += [(inside, child) for child in ast.iter_child_nodes(node)]


def _said(node: ast.AST, errors: frozenset[str]) -> Iterator[ast.expr]:
    """What a raise, or the noting of a mistake, says."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        if _name(node.exc) in errors:
            yield from node.exc.args
    elif isinstance(node, ast.Call) and _name(node) in GATHERED:
        named = [one.value for one in node.keywords if one.arg == "message"]
        yield from named or node.args[-1:]


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _texts(said: ast.expr, constants: Mapping[str, ast.expr]) -> Iterator[str]:
    """The texts of an expression that stand in the source; a single word is a name, no text."""
    match said:
        case ast.IfExp():
            yield from _texts(said.body, constants)
            yield from _texts(said.orelse, constants)
        case ast.Name(id=name) if name in constants:
            yield from _texts(constants[name], {})
        case ast.Call() if _name(said) == JOINED:
            zh, en, *_why = (next(_texts(one, constants), HOLE) for one in said.args)
            yield f"{zh}。{en}"
        case ast.Constant(value=str(text)) if " " in text or _chinese(text):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(
                str(one.value) if isinstance(one, ast.Constant) else HOLE for one in values
            )

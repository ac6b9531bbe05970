"""What a source says when it refuses, read from its syntax tree: is it told in both languages?

A message is one string, a Chinese sentence first, then the same facts in English. What a message is
made of is followed as far as one source shows it: constants, what a name was given in the same
function or module, and what functions of the package return.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_CHINESE = re.compile("[\u4e00-\u9fff]")
_ENGLISH = re.compile("[A-Za-z]{2}")
_BOTH = re.compile("[\u4e00-\u9fff].*[。？] *[^。？]*[A-Za-z]{2}", re.DOTALL)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Message:
    """One message: the file and line it is told at, the error, and its text, values as {}."""

    place: str
    error: str
    text: str

    @property
    def told_twice(self) -> bool:
        """Whether it has both halves, Chinese first; what has no word at all needs none."""
        if not _ENGLISH.search(self.text) and not _CHINESE.search(self.text):
            return True
        return _BOTH.search(self.text) is not None


@dataclass(slots=True)
class _Source:
    tree: ast.Module
    name: str
    functions: dict[str, list[_Function]]
    constants: dict[str, ast.expr] = field(default_factory=dict)

    def text(self, node: ast.expr | None, local: dict[str, ast.expr], depth: int = 4) -> str:
        """The words an expression is made of; "" where nobody can tell, {} for a value."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=values):
                return "".join(
                    self.text(value, local, depth) if isinstance(value, ast.Constant) else "{}"
                    for value in values
                )
            case ast.BinOp(left=left, right=right):
                return self.text(left, local, depth) + self.text(right, local, depth)
            case ast.Name(id=name) if depth and (
                found := local.get(name) or self.constants.get(name)
            ):
                return self.text(found, {}, depth - 1)
            case ast.Call(func=function) if depth:
                return " ".join(
                    self._returned(made, depth - 1) for made in self.functions[called(function)]
                )
        return ""

    def _returned(self, function: _Function, depth: int) -> str:
        local = assigned(function)
        returns = (node for node in ast.walk(function) if isinstance(node, ast.Return))
        return " ".join(self.text(node.value, local, depth) for node in returns)


def called(function: ast.expr) -> str:
    """The name by which something is called; of a method its own."""
    return str(getattr(function, "attr", getattr(function, "id", "")))


def assigned(tree: ast.AST) -> dict[str, ast.expr]:
    """What names are given in a function, or in a module: the last of it."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                found[name] = value
    return found


def sources(folders: Iterable[Path]) -> Iterator[_Source]:
    """Every source of some packages; functions are known by their names in all of them."""
    read = [
        (path.relative_to(folder.parent).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if "_pb2" not in path.name
    ]
    functions = defaultdict[str, list[_Function]](list)
    for node in (node for _, tree in read for node in ast.walk(tree)):
        if isinstance(node, _Function):
            functions[node.name].append(node)
    for name, tree in read:
        yield _Source(tree, name, functions, assigned(ast.Module(tree.body, [])))


def messages(folders: Iterable[Path], errors: Iterable[str]) -> Iterator[Message]:
    """Every message that one of these errors (or functions that make one) is given, by name."""
    wanted = frozenset(errors)
    for source in sources(folders):
        for function in ast.walk(source.tree):
            if isinstance(function, _Function):
                yield from _of(function, source, wanted)


def _of(function: _Function, source: _Source, wanted: frozenset[str]) -> Iterator[Message]:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    local = assigned(function) if any(called(call.func) in wanted for call in calls) else {}
    for call in calls:
        name = called(call.func)
        if name in wanted:
            said = (source.text(argument, local) for argument in call.args)
            text = " ".join(part for part in said if part)
            yield Message(f"{source.name}:{call.lineno}", name, text)

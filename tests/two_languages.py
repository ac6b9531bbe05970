"""What people are told when something is refused, read from the sources: Chinese, then English?

A message is one string: 中文一句。English sentence. What it is made of is followed as far as the
sources of one package show it: constants of any module, what a name was given around the call,
choices, halves that are joined, what functions return. What only a run knows, like the words of a
library, is left out, or a hole in a text.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

HOLE: Final = "{}"
"""Stands where a text has a value in it."""

JOINED: Final = "because"
"""The function that joins two halves and a reason: `domain.both_languages`."""

_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
_WORD: Final = re.compile("[A-Za-z]{2}")
_FULL_STOP: Final = "。"

_FOLLOWED: Final = 5
"""So many names and functions, one after the other, are followed to the words of a message."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Named = Mapping[str, list[ast.expr]]


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Message:
    """One text that an error is given, values as {}, and the file and line it is told at.

    `beside` are the single words that stand beside it in the call: a code, the name of a field.
    """

    path: str
    line: int
    error: str
    text: str
    beside: tuple[str, ...] = ()

    def told_twice(self, stops: str = _FULL_STOP) -> bool:
        """Whether it has both halves, the Chinese one first and ended by one of the stops."""
        zh, stop, en = self._parted(stops)
        if not (stop and _CHINESE.search(zh) and _WORD.search(en)):
            return False
        # A Chinese term may stand in an English sentence, like a 数电票, but neither begins nor
        # ends it.
        return not _CHINESE.search(en.strip()[0] + en.strip()[-1])

    @property
    def wordless(self) -> bool:
        """Whether it only passes on what others say."""
        return not _CHINESE.search(self.text) and not _WORD.search(self.text)

    def _parted(self, stops: str) -> tuple[str, str, str]:
        return self.text.rpartition(max(stops, key=self.text.rfind))


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of one package by their paths, with its functions and constants by name."""

    trees: Mapping[str, ast.Module]
    functions: Mapping[str, list[_Function]]
    constants: _Named

    def errors(self, *roots: str) -> frozenset[str]:
        """The names of these classes and of all that are made of them."""
        bases = {
            node.name: {called(base) for base in node.bases}
            for tree in self.trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
        }
        found, before = set(roots), 0
        while before < len(found):
            before = len(found)
            found |= {name for name, of in bases.items() if of & found}
        return frozenset(found)

    def messages(
        self, errors: Collection[str], *, last: Collection[str] = (), raised: bool = False
    ) -> Iterator[Message]:
        """Every message that one of these errors is given, wherever it is made.

        Args:
            errors: names of classes, or of functions that make or gather errors.
            last: more such names, of those that take their text last or as `message`.
            raised: whether whatever else is made where it is raised counts too.
        """
        for path, tree in self.trees.items():
            exceptions = {node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)}
            for call, local in _calls(tree):
                name = called(call.func)
                if name in errors or name in last or (raised and call in exceptions):
                    yield from self._given(path, call, local, only_last=name in last)

    def texts(self, told: ast.expr, function: _Function) -> Iterator[str]:
        """Each text that an expression inside a function may be; none where nobody can tell."""
        yield from self._texts(told, _assigned(function))

    def _given(
        self, path: str, call: ast.Call, local: _Named, *, only_last: bool
    ) -> Iterator[Message]:
        named = [one.value for one in call.keywords if one.arg == "message"]
        given = (named or call.args[-1:]) if only_last else [*call.args, *named]
        words = [word for word in map(_word, given) if word]
        texts = [text for one in given if not _word(one) for text in self._texts(one, local)]
        for text in dict.fromkeys(texts or words):
            beside = tuple(words) if texts else ()
            yield Message(
                path=path, line=call.lineno, error=called(call.func), text=text, beside=beside
            )

    def _texts(self, node: ast.expr, local: _Named, left: int = _FOLLOWED) -> Iterator[str]:
        """Each text that an expression may be; none where nobody can tell."""
        match node:
            case ast.Constant(value=str(text)) if text:
                yield text
            case ast.JoinedStr(values=values):
                yield "".join(
                    str(one.value) if isinstance(one, ast.Constant) else HOLE for one in values
                )
            case ast.BinOp(left=first, right=second):
                yield from self._joined("", (first, second), local, left)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._each((body, orelse), local, left)
            case ast.BoolOp(values=choices):
                yield from self._each(choices, local, left)
            case ast.NamedExpr(value=value):
                yield from self._texts(value, local, left)
            case ast.Name(id=name) if left:
                named = local.get(name) or self.constants.get(name, [])
                yield from self._each(named, local, left - 1)
            case ast.Call(func=function, args=[zh, en, *_why]) if called(function) == JOINED:
                yield from self._joined(_FULL_STOP, (zh, en), local, left)
            case ast.Call(func=function) if left:
                for made in self.functions.get(called(function), []):
                    returns = (one.value for one in ast.walk(made) if isinstance(one, ast.Return))
                    yield from self._each(filter(None, returns), _assigned(made), left - 1)

    def _each(self, nodes: Iterable[ast.expr], local: _Named, left: int) -> Iterator[str]:
        for node in nodes:
            yield from self._texts(node, local, left)

    def _joined(
        self, between: str, nodes: Iterable[ast.expr], local: _Named, left: int
    ) -> Iterator[str]:
        texts = [list(self._texts(node, local, left)) or [HOLE] for node in nodes]
        return map(between.join, product(*texts))


@cache
def sources(folder: Path) -> Sources:
    """The sources of a package, but for what protoc wrote."""
    return sources_of(
        {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*.py"))
            if "_pb2" not in path.name
        }
    )


def sources_of(texts: Mapping[str, str]) -> Sources:
    """Sources that need not stand in files, by the paths they would have."""
    functions = defaultdict[str, list[_Function]](list)
    constants = defaultdict[str, list[ast.expr]](list)
    trees = {path: ast.parse(text) for path, text in texts.items()}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, _Function):
                functions[node.name].append(node)
        for name, values in _constants(tree).items():
            constants[name] += values
    return Sources(trees, dict(functions), dict(constants))


def called(function: ast.expr) -> str:
    """The name by which something is called; of a method its own, "" where it has none."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def english_too(said: object) -> str:
    """A refusal with each line's Chinese half left out, and then the refusal as it is.

    A line is `PLACE: 中文一句。English sentence`, and the place may be Chinese: a column's name.
    """
    return "\n".join((*map(_english, str(said).splitlines()), str(said)))


def _english(line: str) -> str:
    before, stop, sentence = line.rpartition(_FULL_STOP)
    place, colon, _chinese = before.rpartition(": ")
    return f"{place}{colon}{sentence}" if stop else line


def _word(node: ast.expr) -> str:
    """A constant of one word, which beside a text is a name and no text; "" for all else."""
    match node:
        case ast.Constant(value=str(text)) if " " not in text and not _CHINESE.search(text):
            return text
    return ""


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, _Named]]:
    """Every call, with what names are given around it; what is nearer hides what is not."""
    left: list[tuple[ast.AST, _Named]] = [(tree, _constants(tree))]
    while left:
        node, local = left.pop()
        if isinstance(node, _Function):
            local = {**local, **_assigned(node)}
        if isinstance(node, ast.Call):
            yield node, local
        left += [(child, local) for child in ast.iter_child_nodes(node)]


def _constants(tree: ast.Module) -> _Named:
    body = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return _assigned(ast.Module([*body], []))


@cache
def _assigned(tree: ast.AST) -> _Named:
    """All that each name is given in a function, or in a module."""
    found = defaultdict[str, list[ast.expr]](list)
    given: list[tuple[ast.expr, ast.expr]]
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                given = list(zip(names, values, strict=False))
            case ast.Assign(targets=names, value=value):
                given = [(name, value) for name in names]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                given = [(target, value)]
            case ast.NamedExpr(target=target, value=value):
                given = [(target, value)]
            case _:
                continue
        for name, value in given:
            if isinstance(name, ast.Name):
                found[name.id].append(value)
    return dict(found)

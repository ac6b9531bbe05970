"""Every leaf of a certificate's data altered, and everything that follows from it made to agree.

A dishonest office that alters a figure alters what is computed from it too: hashes, line ids, the
summary, the table. `Altering` does so, so that only a check of the content can notice. A field is a
leaf's place without its numbers: `statement.lines[].billed_ms`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from kashi_server.domain.booked_line import line_id
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.summary import summary_of
from kashi_server.services.csv_text import csv_bytes
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.export_rows import lines_export

Place = tuple[str | int, ...]
Files = Mapping[str, bytes]
HEAD: Final = "certificate.json"
_A_FIELD_MOST: Final = 4


def leaves(value: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    """Every leaf with its place; an empty list is one."""
    inner: Sequence[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list) and value:
        inner = list(enumerate(value))
    else:
        yield place, value
    for key, part in inner:
        yield from leaves(part, (*place, key))


def field_of(place: Place) -> str:
    """A place without its numbers: `lines[].share`."""
    return "".join("[]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")


def chosen(value: object) -> dict[str, list[tuple[Place, object]]]:
    """By field its leaves: of many the first, the last and two that lie between."""
    found: dict[str, list[tuple[Place, object]]] = {}
    for place, leaf in leaves(value):
        found.setdefault(field_of(place), []).append((place, leaf))
    for name, every in found.items():
        step = max(1, (len(every) - 1) // (_A_FIELD_MOST - 1))
        kept = [*every[::step][: _A_FIELD_MOST - 1], every[-1]]
        found[name] = [one for at, one in enumerate(kept) if one not in kept[:at]]
    return found


def variants(leaf: object, beside: Sequence[object]) -> Iterator[object]:
    """Other values a leaf might have: its neighbours', a little more, a little less, none."""
    told = [other for other in beside if other != leaf and type(other) is type(leaf)][:2]
    yield from told
    match leaf:
        case bool():
            yield from (not leaf, None)
        case int():
            yield from (leaf + 1, leaf - 1, leaf * 2 + 60_000)
        case str():
            yield from _texts(leaf)
        case None:
            yield from ("1", 1, True)
        case _:
            yield from (["x"], [1])


def _texts(leaf: str) -> Iterator[str]:
    yield f"{leaf}x"
    at = next((at for at in reversed(range(len(leaf))) if leaf[at].isdigit()), None)
    if at is not None:
        yield f"{leaf[:at]}{(int(leaf[at]) + 1) % 10}{leaf[at + 1 :]}"
    try:
        moved = datetime.fromisoformat(leaf) + timedelta(days=1)
    except ValueError:
        return
    yield moved.date().isoformat() if len(leaf) == len("2026-10-01") else moved.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Altering:
    """The files of a certificate of one month, and its statement as it is stored."""

    files: Files
    stored: StoredStatement

    def unlike(self) -> list[str]:
        """The files that come out otherwise although nothing is altered: there must be none."""
        statement = json.loads(self.files["statement.json"])
        files = self.altered("statement.json", ("format",), statement["format"])
        return [name for name, content in files.items() if content != self.files[name]]

    def altered(self, name: str, place: Place, value: object) -> Files:
        """The files with one leaf of one of them set, and all that follows from it made to agree.

        Args:
            name: the file.
            place: the leaf.
            value: what it becomes.
        """
        content = deepcopy(json.loads(self.files[name]))
        inner: Any = content
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        files = dict(self.files)
        if name == "statement.json":
            self._statement(files, content, renamed=place[-1] != "line_id")
        elif name == "rules.json":
            self._rules(files, content)
        else:
            files[name] = canonical_bytes(content)
        if name != HEAD:
            _head(files)
        return files

    def _rules(self, files: dict[str, bytes], content: dict[str, Any]) -> None:
        statement = json.loads(files["statement.json"])
        before, files["rules.json"] = statement["programme"]["sha256"], canonical_bytes(content)
        named = sha256(files["rules.json"]).hexdigest()
        statement["programme"]["sha256"] = named
        for line in statement["lines"]:
            line["rules_sha256"] = named if line["rules_sha256"] == before else None
        self._statement(files, statement, renamed=True)

    def _statement(
        self, files: dict[str, bytes], statement: dict[str, Any], *, renamed: bool
    ) -> None:
        for line in statement["lines"] if renamed else ():
            line["line_id"] = line_id(statement["statement"]["number"], line)
        content = files["statement.json"] = canonical_bytes(statement)
        evidence = json.loads(files["evidence.json"])
        evidence["statement_sha256"] = named = sha256(content).hexdigest()
        files["evidence.json"] = canonical_bytes(evidence)
        told = json.loads(files["summary.json"])
        try:
            made = summary_of([statement], [named], stated=told["stated"], reading=told["reading"])
            rows = csv_bytes(lines_export([self._stored(statement, content)]))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            return  # a value of another kind: nothing can be computed from it
        files["summary.json"], files["lines.csv"] = canonical_bytes(made), rows

    def _stored(self, statement: dict[str, Any], content: bytes) -> StoredStatement:
        named = statement["statement"]
        return replace(
            self.stored,
            number=named["number"],
            revision=named["revision"],
            user_id=statement["user"]["party_id"],
            content=content,
        )


def _head(files: dict[str, bytes]) -> None:
    head = json.loads(files[HEAD])
    head["files"] = {name: sha256(files[name]).hexdigest() for name in head["files"]}
    for kind in ("statement", "evidence"):
        head[kind]["sha256"] = head["files"][f"{kind}.json"]
    statement = json.loads(files["statement.json"])["statement"]
    head["statement"] |= {name: statement[name] for name in ("number", "revision")}
    head["demo"] = statement["demo"]
    files[HEAD] = canonical_bytes(head)

"""Positions in TOML: every key of any layout stands on the line that a person would look at."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.positioned import MistakesFound, field_text, parse_positioned

TRICKY = '''\
# a comment with [[price]] in it
title = "not a [[table]]"

[[price]]
price_id = "P-1" # "
"model name" = """
[[price]]
yuan = 1
"""
lit = 'it''s' # two strings would be wrong TOML, so this line is replaced below
list = [ 1, # ]
  { a = "}" },
]
[price.sub]
deep.er = true

[[price]]
price_id = "P-2"
[[price.part]]
x = 1
[[price.part]]
x = """quote " and "" inside"""
'''.replace("'it''s'", "'it#s'")


def test_keys_stand_where_they_were_written() -> None:
    """Comments, strings over lines, nested tables and arrays of tables do not lead it astray."""
    found = parse_positioned(TRICKY, "tricky.toml").lines

    assert found["title",] == 2
    assert found["price", 0] == 4
    assert found["price", 0, "model name"] == 6
    assert found["price", 0, "list"] == 11
    assert found["price", 0, "sub", "deep", "er"] == 15
    assert found["price", 1, "price_id"] == 18
    assert found["price", 1, "part", 1, "x"] == 22


def test_what_is_missing_is_told_at_its_table() -> None:
    """A field that is not there is looked for where its table begins."""
    document = parse_positioned(TRICKY, "tricky.toml")

    mistake = document.mistake(("price", 1, "yuan"), "is missing")

    assert str(mistake) == "tricky.toml:17: price[2].yuan: is missing"


@pytest.mark.parametrize(
    ("text", "line"), [("a = ", 1), ("a = 1\nb = ]\n", 2), ("a = 1\na = 2", 2)]
)
def test_what_is_no_toml_is_told_with_its_line(text: str, line: int) -> None:
    """The parser's own words and line are kept."""
    with pytest.raises(MistakesFound) as refusal:
        parse_positioned(text, "bad.toml")

    (mistake,) = refusal.value.mistakes
    assert mistake.line == line


_KEYS = st.text("abcXYZ_-09", min_size=1, max_size=4)
_VALUES = st.sampled_from(
    [
        "1",
        '"x"',
        "'#'",
        '"""\n[t]\n"""',
        "'''\n\na = 1'''",
        "[1,\n2]",
        '{ b = "]" }',
        "true",
        '"\\""',
    ]
)


@given(st.lists(st.tuples(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=4)), max_size=6))
def test_every_key_of_any_file_has_its_line(tables: list[tuple[str, dict[str, str]]]) -> None:
    """The line on which the scan finds a key begins with that key."""
    text = "".join(
        f"\n# note\n[[{name}]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        for name, keys in tables
    )
    lines, content = text.split("\n"), tomllib.loads(text)

    found = parse_positioned(text, "any.toml")

    for name, entries in content.items():
        for index, entry in enumerate(entries):
            assert lines[found.lines[name, index] - 1] == f"[[{name}]]"
            for key in entry:
                assert lines[found.lines[name, index, key] - 1].startswith(f"{key} = ")


def test_people_count_from_one() -> None:
    """The third price is `price[3]`."""
    assert field_text(("price", 2, "yuan")) == "price[3].yuan"

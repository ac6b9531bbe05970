"""The walk over the sources sees every message that lacks a half, whatever it is made of."""

import pytest
from two_languages import Message, english_too, sources_of

LATE = "it is late"
BOTH = "太晚了。it is late"


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("{} 不存在。{} does not exist", True),
        ("没有此项。数电票 has no such field", False),
        ("没有此项。A 数电票 has no such field", True),
        ("没有此项。请先导入。it is not there", True),
        ("{}: {}", False),
        ("{} does not exist", False),
        ("{} 不存在", False),
        ("没有此项。", False),
        ("没有此项。{}", False),
        ("没有此项 there is no such thing", False),
        ("It does not exist。不存在", False),
        ("there is no {}; see: list 没有此项", False),
        ("没有此项。there is no such thing 没有此项", False),
        ("没有此项？there is no such thing", False),
    ],
)
def test_what_counts_as_both_languages(text: str, both: bool) -> None:
    """A Chinese sentence, its full stop, an English one; in this order, neither alone."""
    assert Message(path="a.py", line=1, error="Refused", text=text).told_twice() is both


def test_a_question_ends_a_chinese_half_where_it_may() -> None:
    """The last of the stops parts the halves."""
    asked = Message(path="a.py", line=1, error="Refused", text="打不开。已加载吗？Is it loaded?")

    assert asked.told_twice("。？")
    assert not asked.told_twice("；")


@pytest.mark.parametrize(
    ("text", "wordless"), [("{}: {}", True), ("{}。{}", True), ("late", False), ("{} 晚", False)]
)
def test_what_only_passes_on_has_no_word_of_either_language(text: str, wordless: bool) -> None:
    """Then it is for the others to say it twice."""
    assert Message(path="a.py", line=1, error="Refused", text=text).wordless is wordless


def texts(**modules: str) -> list[str]:
    """What a package of these modules tells, with what it is told beside."""
    package = sources_of(modules)
    found = package.messages(package.errors("Refused"), last={"mistake"}, raised=True)
    return [one.text for one in sorted(found)]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise Refused('it is late')", [LATE]),
        ("raise errors.Refused(day, 'it is late')", [LATE]),
        ("raise Refused('it is late', 'it is early')", ["it is early", LATE]),
        ("raise Refused(f'{day} 太晚了。{day} is late')", ["{} 太晚了。{} is late"]),
        ("raise Refused('it is ' + 'late')", [LATE]),
        ("raise Refused(day + ' is late')", ["{} is late"]),
        ("raise Refused('太晚了。it is late' if late else 'it is early')", ["it is early", BOTH]),
        ("raise Refused(said or 'it is late')", [LATE]),
        ("raise Refused(because('太晚了', 'it is late', error))", [BOTH]),
        ("raise Refused(because(zh, 'it is late', error))", ["{}。it is late"]),
        ("return Refused('it is late')", [LATE]),
        ("mistakes.append(Refused('it is late'))", [LATE]),
        ("raise ValueError('it is late')", [LATE]),
        ("raise kinds[0]('it is late')", [LATE]),
        ("ValueError('it is late')", []),
        ("place.mistake('the field', 'it is late')", [LATE]),
        ("place.mistake('the field', message='it is late')", [LATE]),
        ("raise Refused('late')", ["late"]),
        ("raise Refused(str(error), '')", []),
        ("said = 'it is late'\n    raise Refused(said)", [LATE]),
        ("said: str = 'it is late'\n    raise Refused(said)", [LATE]),
        ("zh, en = '太晚了', 'it is late'\n    raise Refused(because(zh, en, day))", [BOTH]),
        ("if said := 'it is late':\n        raise Refused(said)", [LATE]),
        ("said = 'it is late'\n    def inner():\n        raise Refused(said)", [LATE]),
        ("def inner():\n        return 'it is late'\n    raise Refused(inner())", [LATE]),
        ("class Own(Refused):\n        pass\n    return Own('it is late')", [LATE]),
    ],
)
def test_a_message_is_followed_to_its_words(source: str, told: list[str]) -> None:
    """Values in it, sums, choices, joined halves, names, functions; of errors, of whatever is
    raised, and of what gathers mistakes. What no text stands for is left out."""
    assert texts(a=f"async def refuse(day, late, said, zh):\n    {source}") == told


@pytest.mark.parametrize("constant", ["LATE = 'it is late'", "LATE: Final = 'it is late'"])
def test_a_constant_is_found_in_whatever_module_it_stands(constant: str) -> None:
    """In the same, or in another; outside of functions too."""
    assert texts(a=f"{constant}\nraise Refused(LATE)") == [LATE]
    assert texts(a="def late():\n    raise Refused(LATE)", b=constant) == [LATE]
    assert texts(a="raise Refused(late())", b=f"{constant}\ndef late():\n    return LATE") == [LATE]


def test_an_error_is_known_by_its_bases_in_whatever_module() -> None:
    """Also by those of its bases."""
    package = sources_of({"a": "class Late(errors.Early): ...", "b": "class Early(Refused): ..."})

    assert package.errors("Refused") == {"Refused", "Early", "Late"}


def test_a_word_beside_a_text_is_no_message() -> None:
    """It is a code, or a field's name."""
    (one,) = sources_of({"a": "flag('demo', 'it is late')"}).messages({"flag"})

    assert (one.text, one.beside) == (LATE, ("demo",))


def test_english_too_leaves_the_chinese_half_of_each_line_out() -> None:
    """Beside the place that it names; and then the whole."""
    said = "两处\n票面: 太晚了。it is late\nno such file"

    assert english_too(said) == f"两处\n票面: it is late\nno such file\n{said}"

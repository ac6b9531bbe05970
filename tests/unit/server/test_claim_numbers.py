"""Numbers and tables that people write into claims: what is none is told, whatever it is."""

import pytest
from kashi_server.domain.claim_content import Declared, Officially, measures_of, whole_number
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import InvalidValue
from kashi_server.services.claim_form import load_claim_form

HEAD = 'contracts = ["HT-A"]\nfrom = 2026-09-01\nuntil = 2026-12-31\n'
ENDLESS = "9" * 5_000


@pytest.mark.parametrize("number", [ENDLESS, "1" + "0" * 30, "²", "١", "", "-1"])
def test_a_measure_is_a_number_that_can_be_counted(number: str) -> None:
    """No text without end, no figure of another script, nothing below 0."""
    with pytest.raises(InvalidValue) as told:
        measures_of([f"active_users={number}"])
    assert len(str(told.value)) < 300


@pytest.mark.parametrize("text", [ENDLESS, "²", "", "1.0"])
def test_a_rank_is_a_number_that_can_be_counted(text: str) -> None:
    """As an officer writes it into a form."""
    with pytest.raises(InvalidValue, match="no whole number"):
        whole_number(text)


@pytest.mark.parametrize("rank", [0, -1, 10**30])
def test_nobody_ranks_before_the_first(rank: int) -> None:
    """A place that there is not is refused at birth."""
    with pytest.raises(InvalidValue, match="rank"):
        Officially(rank=rank)


def test_a_measure_without_end_is_no_measure() -> None:
    """Of a file as well as of a text."""
    with pytest.raises(InvalidValue, match="measure"):
        Declared(measures={"active_users": 10**30})


@pytest.mark.parametrize(
    ("rest", "field"),
    [
        ('[declared]\nmeasures = ["x"]\n', "declared.measures"),
        ("[declared]\nmeasures = 5\n", "declared.measures"),
        ('invoice = ["x"]\n', "invoice"),
        ("statement = [5]\n", "statement"),
        (f"[declared.measures]\nactive_users = {10**30}\n", "declared"),
        (f"[declared.measures]\nactive_users = {ENDLESS}\n", ""),
    ],
)
def test_what_is_no_table_is_a_mistake_with_its_place(rest: str, field: str) -> None:
    """A list or a number where the form wants a table, a number without end."""
    with pytest.raises(MistakesFound) as told:
        load_claim_form(HEAD + rest, "form.toml")
    assert [one.field for one in told.value.mistakes if one.field.startswith(field)]

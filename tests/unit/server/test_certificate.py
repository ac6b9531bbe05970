"""The usage certificate's head: numbers that catch slips, codes, statuses, canonical data."""

from dataclasses import replace

import pytest
from certificate_samples import sample_certificate
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import (
    CertificateNumber,
    CertificateStatus,
    VerificationCode,
)
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, Refused
from statement_samples import MONTH, rented_statement

numbers = st.builds(
    CertificateNumber,
    st.builds(Month, st.integers(2024, 2099), st.integers(1, 12)),
    st.integers(1, 999_999),
)


@given(numbers)
def test_number_is_read_back_as_it_is_written(number: CertificateNumber) -> None:
    """A number and its spelling name each other, whatever case a person types."""
    assert CertificateNumber.parse(f"  {str(number).lower()} ") == number


@given(numbers, st.data())
def test_one_wrong_digit_is_seen(number: CertificateNumber, data: st.DataObject) -> None:
    """Changing any one digit breaks the check: nobody looks up somebody else's certificate."""
    text = str(number)
    place = data.draw(st.sampled_from([at for at, char in enumerate(text) if char.isdigit()]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[place]]))

    with pytest.raises(InvalidValue):
        CertificateNumber.parse(text[:place] + other + text[place + 1 :])


@given(numbers, st.data())
def test_two_swapped_neighbours_are_seen(number: CertificateNumber, data: st.DataObject) -> None:
    """So does swapping two different digits that stand side by side."""
    text = str(number)
    pairs = [
        at
        for at in range(len(text) - 1)
        if text[at : at + 2].isdigit() and text[at] != text[at + 1]
    ]
    at = data.draw(st.sampled_from(pairs))

    with pytest.raises(InvalidValue):
        CertificateNumber.parse(text[:at] + text[at + 1] + text[at] + text[at + 2 :])


@pytest.mark.parametrize("text", ["", "KC-202610-000001", "KC-202613-000001-05", "KC-202610-1-18"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(InvalidValue):
        CertificateNumber.parse(text)


@given(st.binary(min_size=10, max_size=10))
def test_code_keeps_every_bit(entropy: bytes) -> None:
    """Two different draws never spell the same code, and a typed one is found again."""
    code = VerificationCode.from_entropy(entropy)

    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    value = 0
    for char in code.text.replace("-", ""):
        value = value * 32 + alphabet.index(char)
    assert value.to_bytes(10, "big") == entropy
    assert VerificationCode.parse(code.text.lower().replace("-", " ")) == code


@pytest.mark.parametrize("text", ["", "ABCD", "ABCD-EFGH-JKMN-PQR0", "ABCD-EFGH-JKMN-PQR"])
def test_what_is_no_code_is_refused(text: str) -> None:
    """A code of another length, or with a look-alike, is none."""
    with pytest.raises(InvalidValue):
        VerificationCode.parse(text)


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("issued", "superseded", True),
        ("issued", "withdrawn", True),
        ("issued", "redeemed", True),
        ("redeemed", "withdrawn", True),
        ("issued", "issued", False),
        ("superseded", "issued", False),
        ("superseded", "withdrawn", False),
        ("withdrawn", "redeemed", False),
        ("redeemed", "superseded", False),
    ],
)
def test_status_moves_forward_only(before: str, after: str, allowed: bool) -> None:
    """What is superseded or withdrawn stays so; what was paid on can only be withdrawn."""
    if allowed:
        assert CertificateStatus(before).become(CertificateStatus(after)) == after
    else:
        with pytest.raises(Refused):
            CertificateStatus(before).become(CertificateStatus(after))


def test_head_is_canonical_and_names_its_parts() -> None:
    """The head has one spelling, with both hashes, the code and where to verify."""
    certificate, _parts = sample_certificate(rented_statement())
    data = certificate.to_data()

    assert canonical_bytes(data) == canonical_bytes(certificate.to_data())
    assert data["statement"] == {
        "number": certificate.statement_number,
        "revision": 1,
        "sha256": certificate.statement_sha256,
    }
    assert data["issued_at"] == "2026-11-01T10:26:40+08:00"
    assert data["verification"] == {
        "code": "222J-62S6-2N52-G42B",
        "url": f"https://kashi.example/verify?number={certificate.number}&code={certificate.code}",
    }


def test_demo_says_so_in_both_languages() -> None:
    """A demonstration's head carries the notice that it is void."""
    certificate, _parts = sample_certificate(rented_statement(demo=True))
    notices = certificate.to_data()["notices"]

    assert isinstance(notices, dict)
    assert any("演示" in notice for notice in notices["zh"])
    assert any("DEMONSTRATION" in notice for notice in notices["en"])


@pytest.mark.parametrize(
    "change",
    [
        {"statement_sha256": "AB" * 32},
        {"evidence_sha256": "ab"},
        {"statement_revision": 0},
        {"issued_utc_ms": 0},
        {"supersedes": CertificateNumber(MONTH, 11)},
        {"supersedes_sha256": "ab" * 32},
        {"supersedes": CertificateNumber(MONTH, 11), "supersedes_sha256": "ab"},
    ],
)
def test_nonsense_is_refused_at_birth(change: dict[str, object]) -> None:
    """A hash that is none, a revision 0, a certificate without a time, one that is superseded by
    number or by hash alone are refused."""
    certificate, _parts = sample_certificate(rented_statement())

    with pytest.raises(InvalidValue):
        replace(certificate, **change)  # type: ignore[arg-type]  # nonsense on purpose
    with pytest.raises(InvalidValue):
        replace(certificate, supersedes=certificate.number, supersedes_sha256="ab" * 32)

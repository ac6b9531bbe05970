"""What a host says of its key's token when it is enrolled: kept, logged, bounded; and a claim."""

import pytest
from claimed_tokens import TOKEN
from fixtures_identity import PARTY, Machine
from kashi import signing
from kashi.limits import TEXT_CHARACTERS_MAX
from kashi.v1 import carry_pb2, enrolment_pb2
from kashi_server.domain.key_word import KeyStanding, key_standing
from kashi_server.errors import InvalidValue
from kashi_server.services.authority import Keyring
from kashi_server.services.carried_enrolment import CarriedEnrolments
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.evidence_inputs import KEY_CLAIM_ENTRY
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.hosts import Host
from kashi_server.services.introducing import Greeting, introduction_of
from kashi_server.storage.unit_of_work import Work

CLAIM = enrolment_pb2.KeyToken(**TOKEN.to_data())  # type: ignore[arg-type]  # texts and flags


def request_of(
    machine: Machine, issued: str, token: enrolment_pb2.KeyToken | None
) -> enrolment_pb2.EnrolRequest:
    """What an agent sends, with or without a claim."""
    said = machine.introduction(issued)
    return enrolment_pb2.EnrolRequest(
        token=said.secret,
        csr=said.csr,
        report_public_key=said.report_public_key,
        possession=said.possession,
        facts=enrolment_pb2.HostFacts(hostname="node-1", key_token=token),
    )


def only_host(work: Work) -> Host:
    """The one host."""
    with work.begin(writes=False) as unit:
        (host,) = unit.identity.hosts()
    return host


def logged_claims(work: Work) -> list[bytes]:
    """Claims in the log."""
    with work.begin(writes=False) as unit:
        return list(unit.log.logged(KEY_CLAIM_ENTRY))


def test_a_claim_is_kept_and_logged_and_changes_nothing_else(
    enrolment: Enrolment, work: Work
) -> None:
    """With every word and property; the host's key is no more than claimed to be in hardware."""
    issued = enrolment.issue_token(PARTY, "lin").text
    request = request_of(Machine(), issued, CLAIM)
    enrolment.enrol(introduction_of(request))
    enrolment.enrol(introduction_of(request))

    host = only_host(work)
    assert host.facts.key_token == TOKEN
    assert key_standing(host.facts.key_token, ()) is KeyStanding.CLAIMED
    assert logged_claims(work) == [host.key_claim()]
    assert check_logged(work) == []


def test_a_key_in_a_file_claims_nothing(enrolment: Enrolment, work: Work) -> None:
    """No row and no entry; a token that says nothing of itself is a claim all the same."""
    enrolment.enrol(
        introduction_of(request_of(Machine(), enrolment.issue_token(PARTY, "l").text, None))
    )

    assert only_host(work).facts.key_token is None
    assert logged_claims(work) == []
    assert introduction_of(
        request_of(Machine(), enrolment.issue_token(PARTY, "l").text, enrolment_pb2.KeyToken())
    ).facts.key_token


@pytest.mark.parametrize("name", ["manufacturer", "model", "serial"])
@pytest.mark.parametrize("text", ["x" * (TEXT_CHARACTERS_MAX + 1), "a\nb", "\x1b[31m", "\u202e"])
def test_a_claim_that_cannot_be_shown_is_refused(
    enrolment: Enrolment, work: Work, name: str, text: str
) -> None:
    """In the usual words, naming the field; the token is not consumed."""
    issued = enrolment.issue_token(PARTY, "lin").text
    claim = enrolment_pb2.KeyToken(**{name: text})  # type: ignore[arg-type]  # a text
    machine = Machine()

    with pytest.raises(InvalidValue, match=f"facts.key_token.{name} is not a printable text"):
        enrolment.enrol(introduction_of(request_of(machine, issued, claim)))

    enrolment.enrol(introduction_of(request_of(machine, issued, CLAIM)))
    assert only_host(work).facts.key_token == TOKEN


def test_a_claim_that_comes_as_a_file_is_kept_alike(
    enrolment: Enrolment, work: Work, keyring: Keyring
) -> None:
    """A carried request, which holds no token, is read as one at the port is."""
    token_sha256 = enrolment.issue_token(PARTY, "lin").record.token_sha256
    content = request_of(Machine(), "kashi1..", CLAIM).SerializeToString()
    carried = carry_pb2.CarriedEnrolment(
        request=content,
        token_hint=token_sha256[:8],
        token_proof=signing.request_proof(token_sha256, content),
    )
    greeting = Greeting(receipt_chain=(), metering_address="localhost:1", demo=False)

    answers = CarriedEnrolments(enrolment, greeting, keyring.receipt_key)
    answers.answer(carry_pb2.CarryRecord(enrolment=carried))

    host = only_host(work)
    assert host.facts.key_token == TOKEN
    assert logged_claims(work) == [host.key_claim()]

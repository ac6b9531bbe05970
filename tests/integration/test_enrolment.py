"""Enrolment, recovery and renewal: every step may be repeated, and none can be stolen."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cryptography import x509
from fixtures_identity import OTHER_PARTY, PARTY, START_UTC_MS, Machine, SteppedClock
from kashi import signing
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.authority import Keyring, der, serial_text
from kashi_server.services.enrolment import (
    RECOVERIES_ALLOWED,
    Enrolled,
    Enrolment,
)
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.hosts import CertificateStanding, Host, HostState
from kashi_server.services.issuing import CERTIFICATES_PER_DAY_MAX
from kashi_server.services.profiles import Purpose, check_chain, new_key
from kashi_server.services.standings import STANDING_CACHE_MS, HostStandings
from kashi_server.services.tokens import encode
from kashi_server.storage.unit_of_work import Work
from released_hosts import OFFICERS, add_officers, release, releasing
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

HOUR_MS = 3_600_000
OFFICER = "lin"


def _enrol(enrolment: Enrolment, machine: Machine, party: str = PARTY) -> Enrolled:
    return enrolment.enrol(machine.introduction(enrolment.issue_token(party, OFFICER).text))


def _hosts(work: Work) -> list[Host]:
    with work.begin(writes=False) as unit:
        return list(unit.identity.hosts())


def _alarm_kinds(work: Work) -> list[str]:
    with work.begin(writes=False) as unit:
        return [alarm.kind for alarm in unit.identity.alarms()]


def _serial(chain: tuple[bytes, ...]) -> str:
    return serial_text(x509.load_der_x509_certificate(chain[0]))


def test_enrolled_host_is_known(
    enrolment: Enrolment, work: Work, keyring: Keyring, clock: SteppedClock
) -> None:
    """A token and two keys make a host of the token's party, with a chain to the hosts' root."""
    machine = Machine()
    enrolled = _enrol(enrolment, machine)
    chain = tuple(x509.load_der_x509_certificate(one) for one in enrolled.chain)
    host = _hosts(work)[0]

    check_chain(Purpose.HOST, chain, clock.now_ms)
    assert chain[-1] == keyring.host_root
    assert (host.host_id, host.operator_party_id) == (enrolled.host_id, PARTY)
    assert host.report_public_key_der == signing.public_key_bytes(machine.report_key.public_key())
    assert (host.state, host.facts.hostname) == (HostState.ACTIVE, "node-1")
    assert host.enrolled_utc_ms == START_UTC_MS


def test_token_carries_the_server_root_and_no_more(enrolment: Enrolment, keyring: Keyring) -> None:
    """The token's text is kashi1, a secret and the server's root; only its hash is stored."""
    issued = enrolment.issue_token(PARTY, OFFICER)
    prefix, secret, root = issued.text.split(".")

    assert prefix == "kashi1"
    assert len(secret) == 43
    assert issued.record.token_sha256 == signing.sha256(secret.encode())
    assert root == encode(der(keyring.server_root))


def test_lost_answer_is_repeated_byte_for_byte(enrolment: Enrolment, work: Work) -> None:
    """The same keys on the same token get the same answer, though the request is signed anew."""
    token, machine = enrolment.issue_token(PARTY, OFFICER), Machine()
    first = enrolment.enrol(machine.introduction(token.text))
    second = enrolment.enrol(machine.introduction(token.text))

    assert second == first
    assert len(_hosts(work)) == 1
    assert _alarm_kinds(work) == []


def test_lost_answer_is_repeated_after_the_token_expired(
    enrolment: Enrolment, clock: SteppedClock
) -> None:
    """A host that comes back for its answer after the token's last minute still gets it."""
    token, machine = enrolment.issue_token(PARTY, OFFICER), Machine()
    clock.advance(24 * HOUR_MS - 1)
    first = enrolment.enrol(machine.introduction(token.text))
    clock.advance(HOUR_MS)

    assert enrolment.enrol(machine.introduction(token.text)) == first


@pytest.mark.parametrize("which", ["both", "report", "tls"])
def test_other_keys_on_a_used_token_are_alarmed(
    enrolment: Enrolment, work: Work, which: str
) -> None:
    """A used token with another key, either of the two, is refused and an officer sees it."""
    token, machine = enrolment.issue_token(PARTY, OFFICER), Machine()
    enrolment.enrol(machine.introduction(token.text))
    thief = {
        "both": Machine(),
        "report": replace(machine, report_key=new_key()),
        "tls": replace(machine, tls_key=new_key()),
    }[which]

    with pytest.raises(Refused, match="used by another host"):
        enrolment.enrol(thief.introduction(token.text))
    assert _alarm_kinds(work) == ["token-reused"]
    assert len(_hosts(work)) == 1


def test_expired_token_is_refused(enrolment: Enrolment, work: Work, clock: SteppedClock) -> None:
    """After 24 hours a token is worth nothing."""
    token = enrolment.issue_token(PARTY, OFFICER)
    clock.advance(24 * HOUR_MS)

    with pytest.raises(Refused, match="expired"):
        enrolment.enrol(Machine().introduction(token.text))
    assert _hosts(work) == []


def test_unknown_token_is_refused(enrolment: Enrolment, work: Work) -> None:
    """A secret that was never issued makes no host."""
    issued = enrolment.issue_token(PARTY, OFFICER).text.split(".")
    forged = ".".join([issued[0], issued[1][::-1], issued[2]])

    with pytest.raises(Refused, match="not issued here"):
        enrolment.enrol(Machine().introduction(forged))
    assert _hosts(work) == []


@pytest.mark.parametrize(
    ("party", "lifetime_ms"),
    [("9144", HOUR_MS), (PARTY.lower(), HOUR_MS), (PARTY, 24 * HOUR_MS + 1), (PARTY, 0)],
)
def test_impossible_token_is_refused(enrolment: Enrolment, party: str, lifetime_ms: int) -> None:
    """A token needs a party's full code and lives at most 24 hours."""
    with pytest.raises(InvalidValue):
        enrolment.issue_token(party, OFFICER, lifetime_ms)


def test_keys_must_be_possessed(enrolment: Enrolment, work: Work) -> None:
    """A report key that did not sign this token and this request is refused; the token stays."""
    token, machine = enrolment.issue_token(PARTY, OFFICER), Machine()
    honest = machine.introduction(token.text)
    other = Machine()
    forged = [
        replace(honest, csr=other.csr()),
        replace(honest, report_public_key=other.introduction(token.text).report_public_key),
        replace(honest, possession=other.introduction(token.text).possession),
        replace(honest, report_public_key=b"\x30\x00"),
    ]
    for introduction in forged:
        with pytest.raises(Refused, match="possess"):
            enrolment.enrol(introduction)
    assert _hosts(work) == []

    enrolment.enrol(honest)
    assert len(_hosts(work)) == 1


def test_one_key_for_both_is_refused(enrolment: Enrolment) -> None:
    """The long-lived report key must not be the key of the daily TLS certificate."""
    key = new_key()
    machine = Machine(report_key=key, tls_key=key)

    with pytest.raises(Refused, match="must not be the TLS key"):
        _enrol(enrolment, machine)


def test_known_report_key_cannot_be_enrolled_again(enrolment: Enrolment, work: Work) -> None:
    """A host's report key with another party's token moves no identity and raises an alarm."""
    machine = Machine()
    _enrol(enrolment, machine)

    with pytest.raises(Refused, match="already is a host's"):
        _enrol(enrolment, replace(machine, tls_key=new_key()), OTHER_PARTY)
    assert [host.operator_party_id for host in _hosts(work)] == [PARTY]
    assert _alarm_kinds(work) == ["key-enrolled-again"]


def test_copied_machine_is_enrolled_and_alarmed(enrolment: Enrolment, work: Work) -> None:
    """A second host on one machine is let in, and an officer sees both names."""
    first = _enrol(enrolment, Machine())
    second = _enrol(enrolment, Machine())
    _enrol(enrolment, Machine(hostname="another machine"))
    with work.begin(writes=False) as unit:
        alarms = unit.identity.alarms()

    assert [(one.kind, one.host_id) for one in alarms] == [
        ("machine-enrolled-again", second.host_id)
    ]
    assert first.host_id in alarms[0].detail


def test_twenty_at_once_make_one_identity(enrolment: Enrolment, work: Work) -> None:
    """Twenty machines with one token at the same moment: exactly one becomes a host."""
    token = enrolment.issue_token(PARTY, OFFICER)
    introductions = [Machine(hostname=f"n{i}").introduction(token.text) for i in range(20)]
    barrier = threading.Barrier(20)

    def attempt(place: int) -> str | None:
        barrier.wait()
        try:
            return enrolment.enrol(introductions[place]).host_id
        except Refused:
            return None

    with ThreadPoolExecutor(20) as pool:
        enrolled = [host_id for host_id in pool.map(attempt, range(20)) if host_id is not None]

    assert len(enrolled) == 1
    assert [host.host_id for host in _hosts(work)] == enrolled
    assert _alarm_kinds(work) == ["token-reused"] * 19


def test_twenty_retries_at_once_get_one_answer(enrolment: Enrolment, work: Work) -> None:
    """One machine that asks twenty times at the same moment gets one identity, twenty times."""
    token, machine = enrolment.issue_token(PARTY, OFFICER), Machine()
    introductions = [machine.introduction(token.text) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(enrolment.enrol, introductions))

    assert len(answers) == 1
    assert len(_hosts(work)) == 1


def test_one_report_key_on_two_tokens_at_once(enrolment: Enrolment, work: Work) -> None:
    """The same report key on two tokens at the same moment makes one host."""
    machine = Machine()
    tokens = [enrolment.issue_token(PARTY, OFFICER).text for _ in range(2)]
    introductions = [replace(machine, tls_key=new_key()).introduction(token) for token in tokens]

    def attempt(place: int) -> bool:
        try:
            enrolment.enrol(introductions[place])
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(attempt, range(2)))

    assert sorted(done) == [False, True]
    assert len(_hosts(work)) == 1


def test_renewed_certificate_is_next_until_used(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """Current and next are both good until the next is first used; then only the next."""
    machine, ticks = Machine(), SteppedClock(0)
    enrolled = _enrol(enrolment, machine)
    renewed = enrolment.renew(enrolled.host_id, machine.csr(new_key()))
    standings = HostStandings(work, clock, ticks)
    old, new = _serial(enrolled.chain), _serial(renewed)

    assert standings.of(enrolled.host_id, old).state is HostState.ACTIVE
    assert standings.of(enrolled.host_id, new).state is HostState.ACTIVE
    with pytest.raises(Refused, match="replaced"):
        standings.of(enrolled.host_id, old)
    with work.begin(writes=False) as unit:
        certificate = unit.identity.certificate(new)
    assert certificate is not None
    assert certificate.standing is CertificateStanding.CURRENT


def test_lost_renewal_is_repeated(enrolment: Enrolment, work: Work, clock: SteppedClock) -> None:
    """A renewal whose answer was lost: the same key gets the same certificate again."""
    machine, tls_key = Machine(), new_key()
    enrolled = _enrol(enrolment, machine)
    first = enrolment.renew(enrolled.host_id, machine.csr(tls_key))

    assert enrolment.renew(enrolled.host_id, machine.csr(tls_key)) == first
    standings = HostStandings(work, clock, SteppedClock(0))
    assert standings.of(enrolled.host_id, _serial(enrolled.chain)).host_id == enrolled.host_id


def test_renewal_with_another_key_replaces_the_unused_one(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """A host that lost the answer and its new key asks with a third: the unused one is past."""
    machine = Machine()
    enrolled = _enrol(enrolment, machine)
    lost = enrolment.renew(enrolled.host_id, machine.csr(new_key()))
    kept = enrolment.renew(enrolled.host_id, machine.csr(new_key()))
    standings = HostStandings(work, clock, SteppedClock(0))

    with pytest.raises(Refused, match="replaced"):
        standings.of(enrolled.host_id, _serial(lost))
    assert standings.of(enrolled.host_id, _serial(kept)).host_id == enrolled.host_id


def test_renewals_are_bounded(enrolment: Enrolment, clock: SteppedClock) -> None:
    """A host that asks without end is refused, and served again a day later."""
    machine = Machine()
    enrolled = _enrol(enrolment, machine)
    for _ in range(CERTIFICATES_PER_DAY_MAX - 1):
        enrolment.renew(enrolled.host_id, machine.csr(new_key()))

    with pytest.raises(Refused, match="wait"):
        enrolment.renew(enrolled.host_id, machine.csr(new_key()))
    clock.advance(24 * HOUR_MS + 1)
    enrolment.renew(enrolled.host_id, machine.csr(new_key()))


def _recover(enrolment: Enrolment, host_id: str, machine: Machine) -> tuple[bytes, ...]:
    nonce, csr = enrolment.challenge(host_id), machine.csr(machine.tls_key)
    return enrolment.recover(host_id, csr, nonce, machine.recovery(nonce, csr))


def test_recovery_after_a_long_outage(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """A host whose certificate expired months ago gets a new one by its report key."""
    machine = Machine()
    enrolled = _enrol(enrolment, machine)
    clock.advance(90 * 24 * HOUR_MS)
    standings = HostStandings(work, clock, SteppedClock(0))
    with pytest.raises(Refused, match="expired"):
        standings.of(enrolled.host_id, _serial(enrolled.chain))

    chain = _recover(enrolment, enrolled.host_id, replace(machine, tls_key=new_key()))

    assert standings.of(enrolled.host_id, _serial(chain)).host_id == enrolled.host_id
    assert _hosts(work)[0].recoveries_used == 1


def test_lost_recovery_is_repeated_and_not_counted(enrolment: Enrolment, work: Work) -> None:
    """The same TLS key recovers to the same certificate; only the first is counted."""
    machine = Machine()
    enrolled = _enrol(enrolment, machine)
    fresh = replace(machine, tls_key=new_key())
    first = _recover(enrolment, enrolled.host_id, fresh)

    assert _recover(enrolment, enrolled.host_id, fresh) == first
    assert _hosts(work)[0].recoveries_used == 1


def test_recoveries_are_limited_until_an_officer_allows_more(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """Five recoveries, then an alarm; an officer raises the limit."""
    machine = Machine()
    host_id = _enrol(enrolment, machine).host_id
    for _ in range(RECOVERIES_ALLOWED):
        _recover(enrolment, host_id, replace(machine, tls_key=new_key()))
    with pytest.raises(Refused, match="recovered 5 times"):
        _recover(enrolment, host_id, replace(machine, tls_key=new_key()))
    assert _alarm_kinds(work) == ["recoveries-used-up"]

    HostKeeping(work, clock).allow_recoveries(host_id, 6, OFFICER, "new mainboard")
    _recover(enrolment, host_id, replace(machine, tls_key=new_key()))


def test_recovery_can_be_taken_away(enrolment: Enrolment, work: Work, clock: SteppedClock) -> None:
    """With no recoveries allowed, the report key alone opens nothing."""
    machine = Machine()
    host_id = _enrol(enrolment, machine).host_id
    HostKeeping(work, clock).allow_recoveries(host_id, 0, OFFICER, "disk was stolen")

    with pytest.raises(Refused, match="officer must allow"):
        _recover(enrolment, host_id, replace(machine, tls_key=new_key()))


def test_nonce_is_bound_to_host_and_time(enrolment: Enrolment, clock: SteppedClock) -> None:
    """A nonce of another host, of two minutes ago, or made up opens nothing."""
    machine, other = Machine(), Machine(hostname="node-2")
    host_id, other_id = _enrol(enrolment, machine).host_id, _enrol(enrolment, other).host_id
    csr, nonce = machine.csr(new_key()), enrolment.challenge(other_id)
    with pytest.raises(Refused, match="not one that this server gave"):
        enrolment.recover(host_id, csr, nonce, machine.recovery(nonce, csr))
    for forged in (b"", nonce[:-1], bytes(56), nonce + b"\0"):
        with pytest.raises(Refused, match="not one that this server gave"):
            enrolment.recover(host_id, csr, forged, machine.recovery(forged, csr))

    nonce = enrolment.challenge(host_id)
    clock.advance(120_000)
    with pytest.raises(Refused, match="older than two minutes"):
        enrolment.recover(host_id, csr, nonce, machine.recovery(nonce, csr))


def test_recovery_needs_the_report_key(enrolment: Enrolment, work: Work) -> None:
    """Neither the TLS key nor a stranger's key recovers a host; nothing is counted."""
    machine = Machine()
    host_id = _enrol(enrolment, machine).host_id
    nonce, csr = enrolment.challenge(host_id), machine.csr(new_key())
    thief = replace(machine, report_key=machine.tls_key)

    with pytest.raises(Refused, match="not signed by the host's report key"):
        enrolment.recover(host_id, csr, nonce, thief.recovery(nonce, csr))
    with pytest.raises(Refused, match="not signed by the host's report key"):
        enrolment.recover(host_id, machine.csr(new_key()), nonce, machine.recovery(nonce, csr))
    assert _hosts(work)[0].recoveries_used == 0


def test_unknown_host_cannot_recover(enrolment: Enrolment) -> None:
    """A nonce is given for any id and tells nothing; recovery of an unknown host is refused."""
    machine, nobody = Machine(), "0b8e4c9e-5c6d-4a57-9d0e-2f1f7a3c9b10"

    with pytest.raises(Refused, match="no host of this id"):
        _recover(enrolment, nobody, machine)


def test_revoked_host_gets_nothing(enrolment: Enrolment, work: Work, clock: SteppedClock) -> None:
    """After revocation no way leads to a certificate: not retry, not renewal, not recovery."""
    token, machine = enrolment.issue_token(PARTY, OFFICER), Machine()
    enrolled = enrolment.enrol(machine.introduction(token.text))
    HostKeeping(work, clock).revoke(enrolled.host_id, OFFICER, "sold")

    with pytest.raises(Refused, match="revoked"):
        enrolment.enrol(machine.introduction(token.text))
    with pytest.raises(Refused, match="revoked"):
        enrolment.renew(enrolled.host_id, machine.csr(new_key()))
    with pytest.raises(Refused, match="revoked"):
        _recover(enrolment, enrolled.host_id, machine)


def test_hold_and_revocation_take_effect_within_five_seconds(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """A standing is at most five seconds old, on a clock that never steps."""
    enrolled = _enrol(enrolment, Machine())
    keeping, ticks = HostKeeping(work, clock), SteppedClock(0)
    standings, serial = HostStandings(work, clock, ticks), _serial(enrolled.chain)

    def state() -> HostState:
        return standings.of(enrolled.host_id, serial).state

    assert state() is HostState.ACTIVE
    keeping.hold(enrolled.host_id, OFFICER, "odd counters")
    ticks.advance(STANDING_CACHE_MS - 1)
    assert state() is HostState.ACTIVE
    ticks.advance(1)
    assert state() is HostState.HELD
    keeping.revoke(enrolled.host_id, OFFICER, "stolen")
    ticks.advance(STANDING_CACHE_MS)
    assert state() is HostState.REVOKED


def test_open_connection_does_not_outlive_its_certificate(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """Expiry is checked on every call, also when the standing is cached."""
    enrolled = _enrol(enrolment, Machine())
    standings, serial = HostStandings(work, clock, SteppedClock(0)), _serial(enrolled.chain)
    standings.of(enrolled.host_id, serial)
    clock.advance(24 * HOUR_MS)

    with pytest.raises(Refused, match="expired"):
        standings.of(enrolled.host_id, serial)


def test_certificate_of_another_host_is_refused(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """Host id and serial must belong together, and both must be known."""
    one, two = _enrol(enrolment, Machine()), _enrol(enrolment, Machine())
    standings = HostStandings(work, clock, SteppedClock(0))

    for host_id, serial in [(one.host_id, _serial(two.chain)), (one.host_id, "0" * 40)]:
        with pytest.raises(Refused, match="no host of this server"):
            standings.of(host_id, serial)


def test_release_takes_two_officers(enrolment: Enrolment, work: Work, clock: SteppedClock) -> None:
    """One officer cannot release alone, not even by asking twice; the second one does."""
    host_id = _enrol(enrolment, Machine()).host_id
    keeping = HostKeeping(work, clock)
    keeping.hold(host_id, OFFICER, "fork")
    add_officers(work, *OFFICERS)
    both = releasing(work, clock)
    assert both.release(host_id, OFFICERS[0], "looked into it") is None
    with pytest.raises(Refused, match="another officer"):
        both.release(host_id, OFFICERS[0], "again")
    assert _hosts(work)[0].state is HostState.HELD

    assert both.release(host_id, OFFICERS[1], "agreed") is not None
    assert _hosts(work)[0].state is HostState.ACTIVE
    assert [change.state for change in keeping.history(host_id)] == [
        HostState.ACTIVE,
        HostState.HELD,
        HostState.ACTIVE,
    ]


def test_new_hold_forgets_the_half_release(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """A half-given release does not outlive the hold it was given for."""
    host_id = _enrol(enrolment, Machine()).host_id
    keeping = HostKeeping(work, clock)
    keeping.hold(host_id, OFFICER, "fork")
    release(work, clock, host_id)
    keeping.hold(host_id, OFFICER, "fork again")

    assert releasing(work, clock).release(host_id, OFFICERS[1], "first of two") is None


def test_server_holds_a_host(enrolment: Enrolment, work: Work) -> None:
    """The server's own hold is in the history, raises an alarm, and changes a held host no more."""
    host_id = _enrol(enrolment, Machine()).host_id
    for reason in ("fork at 3", "fork at 4"):
        with work.begin() as unit:
            unit.identity.hold_host(host_id, reason, START_UTC_MS)
            unit.commit()

    host = _hosts(work)[0]
    assert (host.state, host.state_reason) == (HostState.HELD, "fork at 3")
    assert _alarm_kinds(work) == ["host-held"]


def test_privileged_acts_say_who_when_and_why(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """Every act upon a host is recorded with officer, time and reason; without a reason, none."""
    host_id = _enrol(enrolment, Machine()).host_id
    keeping = HostKeeping(work, clock)
    clock.advance(1)
    keeping.hold(host_id, OFFICER, "odd counters")
    with pytest.raises(InvalidValue, match="reason"):
        keeping.revoke(host_id, OFFICER, "  ")

    with work.begin(writes=False) as unit:
        acts = [(one.act, one.actor, one.utc_ms, one.reason) for one in unit.identity.acts()]
    assert [act[0] for act in acts] == ["token-issued", "host-held"]
    assert acts[1][1:] == (OFFICER, START_UTC_MS + 1, "odd counters")
    assert _hosts(work)[0].state is HostState.HELD


def test_privileged_acts_go_to_the_log(
    enrolment: Enrolment, work: Work, clock: SteppedClock
) -> None:
    """What officers do awaits its place in the log in the same unit of work, word for word."""
    host_id = _enrol(enrolment, Machine()).host_id
    HostKeeping(work, clock).hold(host_id, OFFICER, "odd counters")
    with work.begin(writes=False) as unit:
        pending = unit.log.pending_entries(10)

    assert [(one.kind, one.reference == host_id) for one in pending] == [
        ("privileged-act", False),
        ("privileged-act", True),
    ]
    assert json.loads(pending[1].entry) == {
        "act": "host-held",
        "actor": OFFICER,
        "reason": "odd counters",
        "reference": host_id,
        "utc_ms": START_UTC_MS,
    }


def test_history_cannot_be_rewritten(enrolment: Enrolment, work: Work) -> None:
    """The database refuses to change or delete states, alarms and acts, whoever asks."""
    _enrol(enrolment, Machine())
    for statement in ("UPDATE host_states SET actor = 'x'", "DELETE FROM privileged_acts"):
        with pytest.raises(IntegrityError, match="only ever added"):
            _execute(work, statement)


def _execute(work: Work, statement: str) -> None:
    with work.begin() as unit:
        unit.connection.execute(text(statement))

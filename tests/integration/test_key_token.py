"""A report key on a PKCS#11 token: made inside, never out, away and back, a PIN tried once."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import cast

import pkcs11
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from driven_host import HOST_ID, START_UTC_MS, Driven
from fixtures_spool import SimulatedDisk, VerdictServer
from kashi.v1 import report_pb2
from kashi_agent.agent import KEY_TOKEN_FACT
from kashi_agent.daemon import SEALED_A_TICK_MAX
from kashi_agent.enrolment import host_facts, introduction
from kashi_agent.errors import AgentError, KeyTokenError
from kashi_agent.identity import Host, IdentityStore
from kashi_agent.key_token import KeyToken, told
from kashi_agent.report_key import KEY_FILE, RECORD, REFUSED_PIN
from kashi_agent.shipping import Batch
from kashi_agent.token_files import Pin, RefusedPin
from kashi_agent.token_key import ModuleCalls, TokenKey, describe_token
from kashi_agent.token_session import P256, _logged_in
from kashi_agent.token_slot import look_at_token
from key_tokens import KeyTokens, held, key_tokens, refusal, signature_of, token_key
from pkcs11 import Attribute, TokenFlag
from soft_token import KEY, LABEL, PIN

from deploy.demo.manual_clock import ManualClock

MISTYPED = "1357-kashi"
"""A wrong PIN, as long as the right one."""


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyTokens]:
    """A token in software."""
    with key_tokens(tmp_path_factory.mktemp("tokens")) as drawer:
        yield drawer


def enrolled(store: IdentityStore) -> IdentityStore:
    """A host that the server knows by the key it has now."""
    store.report_key()
    store.save_host(
        Host(
            host_id=HOST_ID,
            operator_party_id="party",
            enrolment_address="localhost:1",
            metering_address="localhost:2",
            enrolled_utc_ms=START_UTC_MS,
            demo=False,
            server_root=b"root",
            receipt_chain=(b"chain",),
        )
    )
    return store


def test_the_key_is_made_inside_and_signs_and_nothing_else(
    tokens: KeyTokens, tmp_path: Path
) -> None:
    """Sensitive, not extractable, for signatures alone; the token says so, and the same key is
    taken after a restart."""
    settings = tokens.settings("made")
    store = IdentityStore(tmp_path, settings)
    key = token_key(store)
    inside = held(settings, tmp_path)

    signature_of(key)
    allowed = {name: bool(inside.private[name]) for name in (Attribute.SIGN, Attribute.SENSITIVE)}
    not_so = [inside.private[one] for one in (Attribute.EXTRACTABLE, Attribute.DERIVE)]
    assert allowed == {Attribute.SIGN: True, Attribute.SENSITIVE: True}
    assert [bool(one) for one in not_so] == [False, False]
    assert store.key_token() == replace(
        describe_token(settings), made_inside=True, never_extractable=True, always_sensitive=True
    )
    assert describe_token(settings).manufacturer == "SoftHSM project"
    again = IdentityStore(tmp_path, settings)
    assert again.report_key().public_key() == key.public_key() == inside.public
    inside.close()


def test_a_key_of_the_label_that_is_there_is_taken(tokens: KeyTokens, tmp_path: Path) -> None:
    """One that the token's own tool made, with what the token says of it."""
    store = IdentityStore(tmp_path, tokens.settings(KEY))

    signature_of(store.report_key())
    told = store.key_token()
    assert told is not None
    assert told.made_inside


def test_a_token_is_known_by_its_serial_number_too(tokens: KeyTokens, tmp_path: Path) -> None:
    """Two of one label are told apart by it, and neither is guessed."""
    for _ in range(2):
        tokens.add("twin")
    with pytest.raises(KeyTokenError, match="There are 2 key tokens named 'twin'") as said:
        describe_token(tokens.settings(token="twin"))
    serials = str(said.value).rpartition("(")[2].partition(")")[0].split(", ")
    by_serial = replace(tokens.settings(token="twin"), token=serials[0])

    assert describe_token(by_serial).serial == serials[0]
    signature_of(IdentityStore(tmp_path, by_serial).report_key())


def test_the_key_never_leaves(tokens: KeyTokens, tmp_path: Path) -> None:
    """Whoever asks for it gets a sentence, and no file of the identity holds a private key."""
    store = enrolled(IdentityStore(tmp_path, tokens.settings("kept")))
    key = token_key(store)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8

    with pytest.raises(KeyTokenError, match="never leaves"):
        key.private_bytes(*pem, serialization.NoEncryption())
    with pytest.raises(KeyTokenError, match="never leaves"):
        key.private_numbers()
    with pytest.raises(KeyTokenError, match="never leaves"):
        key.exchange(ec.ECDH(), key.public_key())
    with pytest.raises(UnsupportedAlgorithm):
        key.sign(b"x", ec.ECDSA(hashes.SHA512()))
    assert {path.name for path in tmp_path.iterdir()} == {RECORD, "host.json"}
    assert not any(b"PRIVATE" in path.read_bytes() for path in tmp_path.iterdir())


def test_enrolment_says_what_holds_the_key(tokens: KeyTokens, tmp_path: Path) -> None:
    """Maker, model, serial number and how the key came; of a key in a file nothing."""
    store = IdentityStore(tmp_path / "token", tokens.settings("introduced"))
    told = introduction(store, "secret", host_facts()).facts.key_token
    in_file = introduction(IdentityStore(tmp_path / "file"), "secret", host_facts())

    assert (told.manufacturer, told.model) == ("SoftHSM project", "SoftHSM v2")
    assert told.serial == describe_token(tokens.settings()).serial
    assert (told.made_inside, told.never_extractable, told.always_sensitive) == (True, True, True)
    assert not in_file.facts.HasField("key_token")


def test_a_token_that_was_away_signs_again(tokens: KeyTokens, tmp_path: Path) -> None:
    """Pulled out under an open session, put back: no restart is needed."""
    key = IdentityStore(tmp_path, tokens.settings("away")).report_key()
    signature_of(key)

    with tokens.pulled_out():
        assert "see to the token" in refusal(key)
        assert "see to the token" in refusal(key)
    signature_of(key)


def test_what_is_not_there_is_named_with_the_next_step(tokens: KeyTokens, tmp_path: Path) -> None:
    """Another token's name: what there is; a key that the enrolled token does not have."""
    with pytest.raises(KeyTokenError, match=f"no key token 'absent' .*there: .*{LABEL}.*put it in"):
        IdentityStore(tmp_path / "a", tokens.settings(token="absent")).report_key()
    assert not (tmp_path / "a").exists()

    store = enrolled(IdentityStore(tmp_path / "b", tokens.settings("here")))
    elsewhere = IdentityStore(store.folder, tokens.settings("elsewhere"))
    assert "holds no key 'elsewhere'; put in the token" in refusal(elsewhere.report_key())


def test_an_enrolled_host_uses_no_other_key(tokens: KeyTokens, tmp_path: Path) -> None:
    """Another key under the settings' names is refused before it signs anything, and again."""
    store = enrolled(IdentityStore(tmp_path / "own", tokens.settings("own")))
    IdentityStore(tmp_path / "other", tokens.settings("other")).report_key()
    key = token_key(IdentityStore(store.folder, tokens.settings("other")))

    with pytest.raises(KeyTokenError, match="is not the key this host was enrolled with"):
        key.check()
    for _ in range(2):
        assert "is not the key this host was enrolled with" in refusal(key)
    signature_of(IdentityStore(store.folder, tokens.settings("own")).report_key())


def test_a_signature_that_does_not_hold_goes_nowhere(tokens: KeyTokens, tmp_path: Path) -> None:
    """A token that shows the right public key and signs with another, or is broken: the server
    would reject the report, and its number would be another's."""
    key = token_key(IdentityStore(tmp_path, tokens.settings("true")))
    other = token_key(IdentityStore(tmp_path / "other", tokens.settings("false")))
    assert key._held is not None
    assert other._held is not None
    key._held = replace(key._held, private=other._held.private)

    assert "is not the key this host was enrolled with" in refusal(key)


def test_a_wrong_pin_is_tried_once(
    tokens: KeyTokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By no later try, of this process or another: a token locks after a few. A PIN that stands in
    a file written anew is tried, and one that fits is the end of it."""
    tried: list[Pin] = []
    kept = RefusedPin.note

    def noted(self: RefusedPin, pin: Pin) -> None:
        tried.append(pin)
        kept(self, pin)

    monkeypatch.setattr(RefusedPin, "note", noted)
    settings = tokens.settings("pin")
    store = enrolled(IdentityStore(tmp_path, settings))
    tokens.begin_anew()
    settings.pin_file.write_text(f"{MISTYPED}\n", encoding="utf-8")

    for _ in range(3):
        assert "The key token refused the PIN" in refusal(store.report_key())
        assert "The key token refused the PIN" in refusal(
            IdentityStore(tmp_path, settings).report_key()
        )
    assert len(tried) == 1

    # The right PIN in a file that seems to be the refused one: nobody asks the token.
    before = settings.pin_file.stat()
    settings.pin_file.write_text(f"{PIN}\n", encoding="utf-8")
    os.utime(settings.pin_file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "The key token refused the PIN" in refusal(store.report_key())

    os.utime(settings.pin_file)
    signature_of(store.report_key())
    assert not (tmp_path / REFUSED_PIN).exists()
    assert len(tried) == 1


def test_a_wrong_pin_is_tried_once_before_enrolment_too(
    tokens: KeyTokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever repeats `enrol` over a mistyped PIN does not lock the token."""
    tried: list[Pin] = []
    kept = RefusedPin.note

    def noted(self: RefusedPin, pin: Pin) -> None:
        tried.append(pin)
        kept(self, pin)

    monkeypatch.setattr(RefusedPin, "note", noted)
    settings = replace(tokens.settings("early"), pin_file=tokens.pin("mistyped", MISTYPED))
    tokens.begin_anew()

    for _ in range(3):
        with pytest.raises(KeyTokenError, match="The key token refused the PIN"):
            IdentityStore(tmp_path / "new", settings).report_key()
    assert len(tried) == 1


@pytest.mark.parametrize("flag", [TokenFlag.USER_PIN_LOCKED, TokenFlag.USER_PIN_FINAL_TRY])
def test_the_last_try_of_a_token_is_not_ours(
    tokens: KeyTokens, tmp_path: Path, flag: TokenFlag
) -> None:
    """Others may have used up the tries before: then not even the right PIN is tried."""

    class Nearly:
        """A token that would lock."""

        flags = flag

        def open(self, **_: object) -> None:
            """Never."""
            raise AssertionError("it was tried")

    settings = tokens.settings()
    with pytest.raises(KeyTokenError, match="one more wrong PIN would lock it: nothing was tried"):
        _logged_in(
            Nearly(),  # type: ignore[arg-type]  # as far as it is asked
            settings,
            RefusedPin(tmp_path / "note"),
            writes=False,
        )


def test_a_host_with_a_key_in_a_file_does_not_move_into_a_token(
    tokens: KeyTokens, tmp_path: Path
) -> None:
    """Nor back: the server knows one key a host. Each time the way is said, and nothing is made."""
    in_file = IdentityStore(tmp_path / "file")
    in_file.report_key()
    moved = IdentityStore(in_file.folder, tokens.settings("moved"))
    with pytest.raises(KeyTokenError, match="an enrolment that was not finished"):
        moved.report_key()
    enrolled(in_file)
    with pytest.raises(KeyTokenError, match=r"cannot move into a token; take .*enrol anew"):
        moved.report_key()

    in_token = enrolled(IdentityStore(tmp_path / "token", tokens.settings("stays")))
    with pytest.raises(KeyTokenError, match=r"the settings have no .report_key.; put it back"):
        IdentityStore(in_token.folder).report_key()
    assert not (in_token.folder / KEY_FILE).exists()
    assert not (in_file.folder / RECORD).exists()


def test_an_enrolled_host_that_lost_its_record_takes_no_key(
    tokens: KeyTokens, tmp_path: Path
) -> None:
    """Whatever key the token has now: nothing says that it is the one. Damage is told as such."""
    store = enrolled(IdentityStore(tmp_path, tokens.settings("lost")))
    kept = (tmp_path / RECORD).read_text(encoding="utf-8")
    (tmp_path / RECORD).unlink()
    with pytest.raises(AgentError, match=r"nothing says which key.*restore it from a backup"):
        IdentityStore(tmp_path, tokens.settings("lost")).report_key()

    for damaged in ("{}", kept.replace("MF", "MX", 1), kept.replace("true", '"yes"', 1)):
        (tmp_path / RECORD).write_text(damaged, encoding="utf-8")
        with pytest.raises(AgentError, match=f"{RECORD} is damaged; restore it from a backup"):
            IdentityStore(tmp_path, tokens.settings("lost")).report_key()
    (tmp_path / RECORD).write_text(kept, encoding="utf-8")
    again = IdentityStore(tmp_path, tokens.settings("lost"))
    assert again.report_key().public_key() == store.report_key().public_key()


def test_a_key_that_may_not_sign_is_refused(tokens: KeyTokens, tmp_path: Path) -> None:
    """Before the server hears of it: a key for something else has the label."""
    settings = tokens.settings("derives")
    _only_derives(tokens, settings.label)

    with pytest.raises(KeyTokenError, match="may not sign; use another"):
        IdentityStore(tmp_path, settings).report_key()
    assert not (tmp_path / RECORD).exists()


def _only_derives(tokens: KeyTokens, label: str) -> None:
    tokens.begin_anew()
    (token,) = pkcs11.lib(str(tokens.module)).get_tokens(token_label=LABEL)
    with token.open(rw=True, user_pin=PIN) as session:
        domain = session.create_domain_parameters(
            pkcs11.KeyType.EC, {Attribute.EC_PARAMS: P256}, local=True
        )
        domain.generate_keypair(label=label, store=True, capabilities=pkcs11.MechanismFlag.DERIVE)


def test_a_call_that_hangs_is_waited_for_once() -> None:
    """Later ones say so at once, and none is made beside it; when it has returned, all is well."""
    calls, back = ModuleCalls("p11.so"), threading.Event()

    with pytest.raises(KeyTokenError, match=r"p11.so does not answer in time"):
        calls.made(back.wait, 0.05)
    began = time.monotonic()
    with pytest.raises(KeyTokenError, match="does not answer in time"):
        calls.made(lambda: pytest.fail("a second call beside one that hangs"), 30)
    assert time.monotonic() - began < 10
    back.set()
    until = time.monotonic() + 20
    while True:
        try:
            assert calls.made(lambda: 7, 5) == 7
            break
        except KeyTokenError:
            assert time.monotonic() < until


def test_a_process_that_was_forked_off_leaves_the_session_alone(
    tokens: KeyTokens, tmp_path: Path
) -> None:
    """It is told so; the agent that forked it signs on over the same session."""
    key = IdentityStore(tmp_path, tokens.settings("forked")).report_key()
    signature_of(key)

    child = os.fork()
    if child == 0:
        told = "by the process that opened it alone" in refusal(key)
        os._exit(0 if told else 1)
    _, state = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(state) == 0
    signature_of(key)


def test_many_threads_sign_at_once(tokens: KeyTokens, tmp_path: Path) -> None:
    """The loop seals while the wire's thread renews, and two keys of a process share the module."""
    stores = [IdentityStore(tmp_path / name, tokens.settings(name)) for name in ("one", "two")]
    keys = [store.report_key() for store in stores] * 3
    wrong: list[Exception] = []

    def sign_often(key: ec.EllipticCurvePrivateKey) -> None:
        try:
            for _ in range(20):
                signature_of(key)
        except Exception as error:  # gathered, asserted below
            wrong.append(error)

    threads = [threading.Thread(target=sign_often, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_what_the_token_says_is_bounded() -> None:
    """A module is a stranger: no control characters, no novel."""
    assert told("  SoftHSM\x1b[31m " + "x" * 200).startswith("SoftHSM?[31m x")
    assert len(told("x" * 200)) == 64
    assert KeyToken(manufacturer="A", model="", serial="7").named == "A 7"


def test_an_end_that_nobody_signs_is_told_of(tokens: KeyTokens, tmp_path: Path) -> None:
    """The token goes after the last report and before the end: what is left waits, and why stands
    in the state, from which the status and `export` have it."""
    host = driven_by(IdentityStore(tmp_path, tokens.settings("ends")).report_key())
    host.live(600)
    host.ship()
    host.live(60)

    with tokens.pulled_out(), pytest.raises(KeyTokenError):
        host.agent.finish()

    assert "see to the token" in host.agent.shipper.state.unsigned


def test_nothing_is_lost_while_the_token_is_away(tokens: KeyTokens, tmp_path: Path) -> None:
    """What was measured stays in the journal, over a restart too; back again, every minute is
    signed and delivered, no gap is made, and both moments are told."""
    host = driven_by(IdentityStore(tmp_path, tokens.settings("driven")).report_key())
    host.live(600)
    host.ship()
    before = host.server.head.sequence

    with tokens.pulled_out():
        host.live(600)
        with pytest.raises(KeyTokenError, match="see to the token"):
            host.ship()
        assert "see to the token" in host.agent.shipper.state.unsigned
        host.live(600)
        with pytest.raises(KeyTokenError):
            host.agent.finish()
        host.agent.close()
        host.start()
        host.live(300)
        with pytest.raises(KeyTokenError):
            host.ship()
        host.live(60)
    host.live(600)
    host.ship()
    host.live(600)
    host.ship()

    assert host.agent.shipper.state.unsigned == ""
    assert host.server.head.sequence > before + 5
    for account in host.server.accounts().values():
        assert [gap for gap in account.gaps if gap[3] == report_pb2.GAP_REASON_SPOOL_LOST] == []
    facts = [
        event.detail
        for stored in host.server.stored
        for event in host.server.header(stored).events
        if event.detail.startswith(KEY_TOKEN_FACT)
    ]
    assert facts == [f"{KEY_TOKEN_FACT}?not_ready", *facts[1:-1], f"{KEY_TOKEN_FACT}=ready"]


class SlowKey:
    """A key that takes its time to sign: a smart card, an HSM that others use too."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, clock: ManualClock, seconds: float) -> None:
        self._key, self._clock, self._seconds = key, clock, seconds

    def sign(self, data: bytes, algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Its signature, after a while."""
        self._clock.advance(int(self._seconds * 1000))
        return self._key.sign(data, algorithm)

    def __getattr__(self, name: str) -> object:
        """All else as any key."""
        return getattr(self._key, name)


@pytest.mark.parametrize("seconds", [0.7, 3.0, 7.9])
def test_a_slow_token_never_holds_the_loop_for_long(seconds: float) -> None:
    """A day's backlog is signed in pieces: between two of them the service manager hears that the
    agent lives, samples come in, and an end is in time; all of it is delivered."""
    key = ec.generate_private_key(ec.SECP256R1())
    host = driven_by(key)
    host.live(7_200)
    slow = SlowKey(key, host.clock, seconds)
    sealer = replace(host.agent.reporter.sealer, key=cast("ec.EllipticCurvePrivateKey", slow))
    host.agent.reporter.sealer = sealer
    shipper, longest_ms, made = host.agent.shipper, 0, 0
    shipper.absorb(Batch(), host.server.submit(()), host.clock.utc_ms())
    while True:
        before = host.clock.boottime
        batch = shipper.prepare(SEALED_A_TICK_MAX)
        longest_ms = max(longest_ms, host.clock.boottime - before)
        if batch is None:
            break
        made += len(batch.entries)
        shipper.absorb(batch, host.server.submit(batch.wires), host.clock.utc_ms())
    host.live(900)
    before = host.clock.boottime
    assert host.agent.finish()
    at_the_end_ms = host.clock.boottime - before

    assert made >= 23
    assert longest_ms <= 4_000 + 8_000
    assert at_the_end_ms <= 4_000 + 8_000


def driven_by(key: ec.EllipticCurvePrivateKey) -> Driven:
    """A host driven by hand whose key is in a token."""
    random = Random(1)
    host = Driven(
        disk=SimulatedDisk(random),
        clock=ManualClock(boottime=3_600_000, monotonic=3_600_000, utc=START_UTC_MS),
        server=VerdictServer(key.public_key(), HOST_ID),
        report_key=key,
        random=random,
    )
    host.start()
    return host


def test_what_is_sealed_is_delivered_without_the_token(tokens: KeyTokens, tmp_path: Path) -> None:
    """Only what is not signed waits for it."""
    key = IdentityStore(tmp_path, tokens.settings("sealed")).report_key()
    host = driven_by(key)
    host.live(600)
    host.ship()
    host.live(600)
    made = host.agent.reporter.seal(8)
    before = host.server.head.sequence
    with tokens.pulled_out():
        host.live(600)
        with pytest.raises(KeyTokenError):
            host.ship()

    assert made
    assert host.server.head.sequence == before + made
    assert isinstance(key, TokenKey)


def test_the_token_is_looked_at_without_its_pin(tokens: KeyTokens, tmp_path: Path) -> None:
    """Its name is told before anybody agreed to anything: no PIN is needed for that."""
    settings = replace(tokens.settings(), pin_file=tmp_path / "absent")

    assert look_at_token(settings).model == "SoftHSM v2"

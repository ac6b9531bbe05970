"""Enrolment and renewal over a power cut: after any file operation either identity works."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cut_files import CutFiles
from fixtures_database import Database
from fixtures_identity import PARTY, SteppedClock
from google.protobuf.message import Message
from kashi import signing
from kashi.carry import write_carry_file
from kashi.v1 import carry_pb2, enrolment_pb2
from kashi_agent.carried_enrolment import take_response, write_enrolment_request
from kashi_agent.enrolment import EnrolmentToken, HostFacts, introduction, settle
from kashi_agent.identity import Host, IdentityStore, TlsIdentity, tls_request
from kashi_server.services.authority import Keyring, der
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.hosts import HostState
from kashi_server.services.introducing import Greeting, introduction_of, response_of
from kashi_server.services.standings import HostStandings
from kashi_server.storage.unit_of_work import Work

OPERATIONS_MIN, OPERATIONS_MAX = 5, 60
RENEWAL_DUE_MS = 9 * 3_600_000
FACTS = HostFacts(
    hostname="node", machine_sha256=bytes(32), operating_system="test", architecture="test"
)


@pytest.fixture
def work(sqlite_database: Database) -> Work:
    """What the agent's files are has nothing to do with the kind of database."""
    return sqlite_database.work


class Office:
    """The server's side, and what it thinks of a host."""

    def __init__(
        self, work: Work, enrolment: Enrolment, keyring: Keyring, clock: SteppedClock
    ) -> None:
        self._enrolment, self._clock = enrolment, clock
        self._keyring = keyring
        self._standings = HostStandings(work, clock, clock)

    def token(self) -> EnrolmentToken:
        """A fresh one."""
        return EnrolmentToken.parse(self._enrolment.issue_token(PARTY, "li").text)

    def answer(self, store: IdentityStore, token: EnrolmentToken) -> enrolment_pb2.EnrolResponse:
        """What a host that introduces itself is answered."""
        asked = introduction_of(introduction(store, token.secret, FACTS))
        chain = tuple(der(one) for one in self._keyring.receipt_chain)
        greeting = Greeting(receipt_chain=chain, metering_address="kashi:1", demo=False)
        return response_of(self._enrolment.enrol(asked), greeting)

    def enrol(self, store: IdentityStore, token: EnrolmentToken) -> Host:
        """Enrol over the port."""
        return settle(store, "kashi:2", token.server_root, self.answer(store, token))[0]

    def renew(self, store: IdentityStore) -> None:
        """What an agent does when a third of the certificate's life has passed."""
        key = store.next_tls_key()
        store.save_tls(key, self.next_chain(store, key))

    def next_chain(
        self, store: IdentityStore, key: ec.EllipticCurvePrivateKey
    ) -> tuple[bytes, ...]:
        """The next certificate of an enrolled host."""
        return self._enrolment.renew(store.host().host_id, tls_request(key))

    def signed(self, answer: enrolment_pb2.EnrolResponse) -> enrolment_pb2.SignedEnrolment:
        """An answer as a file brings it."""
        payload = answer.SerializeToString()
        signature = signing.sign(self._keyring.receipt_key, signing.ENROLMENT, payload)
        return enrolment_pb2.SignedEnrolment(payload=payload, signature=signature)

    def check_works(self, store: IdentityStore) -> None:
        """The identity is whole and the server's own; it renews twice, each for another key."""
        host = store.host()
        host.receipt_key()
        assert len(store.holder_salt()) == 32
        store.report_key()
        tls = [self.check_admitted(store)]
        for _ in range(2):
            self._clock.advance(RENEWAL_DUE_MS)
            self.renew(store)
            tls.append(self.check_admitted(store))
        assert len({one.key_pem for one in tls}) == 3
        assert len({_serial(one) for one in tls}) == 3

    def check_admitted(self, store: IdentityStore) -> TlsIdentity:
        """The server takes calls with the certificate that the host has."""
        tls = store.tls()
        assert self._standings.of(store.host().host_id, _serial(tls)).state is HostState.ACTIVE
        return tls


@pytest.fixture
def office(work: Work, enrolment: Enrolment, keyring: Keyring, clock: SteppedClock) -> Office:
    """A server that answers without a network."""
    return Office(work, enrolment, keyring, clock)


Cut = Callable[[Callable[[], object]], None]


def cut_everywhere(
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    lossy: bool,
    prepare: Callable[[IdentityStore], object],
) -> Iterator[tuple[IdentityStore, Cut]]:
    """For each file operation a store that was prepared, and what runs an act that is cut there.
    The last act ends uncut."""
    for at in range(OPERATIONS_MAX):
        state = folder / f"state-{at}"
        state.mkdir()
        store = IdentityStore(state / "identity")
        prepare(store)
        cut = CutFiles(root=state, at=at)
        yield store, partial(_cut_once, cut, patch, lossy)
        if cut.done < at:
            assert at > OPERATIONS_MIN
            return
    raise AssertionError("no act of so many file operations comes to its end")


def _cut_once(
    cut: CutFiles, patch: pytest.MonkeyPatch, lossy: bool, act: Callable[[], object]
) -> None:
    with cut.armed(patch):
        act()
    if lossy:
        cut.lose()


def nothing(_store: IdentityStore) -> None:
    """A host that has asked for nothing."""


lost_or_kept = pytest.mark.parametrize("lossy", [False, True], ids=["kept", "lost"])
"""Whether what was not synchronised is there after the cut."""


@lost_or_kept
def test_an_enrolment_cut_anywhere_goes_on(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lossy: bool
) -> None:
    """By the same command with the same token: the keys that the server knows are never gone before
    the identity is there."""
    for store, cut in cut_everywhere(tmp_path, monkeypatch, lossy=lossy, prepare=nothing):
        token = office.token()
        cut(partial(office.enrol, store, token))

        if not store.enrolled:
            office.enrol(store, token)
        office.check_works(store)


@lost_or_kept
def test_a_renewal_cut_anywhere_leaves_a_certificate_that_works(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lossy: bool
) -> None:
    """The old one or the new one, and the next renewal is for another key than it has."""

    def enrolled(store: IdentityStore) -> None:
        office.enrol(store, office.token())

    for store, cut in cut_everywhere(tmp_path, monkeypatch, lossy=lossy, prepare=enrolled):
        cut(partial(office.renew, store))

        office.check_works(store)


@lost_or_kept
def test_an_enrolment_by_file_cut_anywhere_takes_its_answer_again(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lossy: bool
) -> None:
    """The same file once more, and the identity is whole: the keys wait for it."""
    asked, token = IdentityStore(tmp_path / "asked" / "identity"), office.token()
    asked.folder.mkdir(parents=True)
    write_enrolment_request(tmp_path / "request", asked, FACTS, known_by=token, utc_ms=0)
    file = tmp_path / "response"
    _write_response(file, identity=office.signed(office.answer(asked, token)))

    def copied(store: IdentityStore) -> None:
        shutil.copytree(asked.folder, store.folder)

    for store, cut in cut_everywhere(tmp_path, monkeypatch, lossy=lossy, prepare=copied):
        cut(partial(take_response, file, store))

        if not store.enrolled:
            take_response(file, store)
        assert store.host().enrolment_address == ""
        assert store.report_key().private_numbers() == asked.report_key().private_numbers()
        assert len(store.holder_salt()) == 32
        office.check_admitted(store)


@lost_or_kept
def test_a_renewal_by_file_cut_anywhere_takes_its_answer_again(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lossy: bool
) -> None:
    """Until it is taken the old certificate stands; taken again it changes nothing."""
    asked, file = IdentityStore(tmp_path / "asked" / "identity"), tmp_path / "response"
    office.enrol(asked, office.token())
    key = asked.next_tls_key()
    certificate = carry_pb2.CarriedCertificate(host_id=asked.host().host_id)
    chain = office.next_chain(asked, key)
    certificate.answer.certificate_chain.extend(chain)
    _write_response(file, certificate=certificate)

    def copied(store: IdentityStore) -> None:
        shutil.copytree(asked.folder, store.folder)

    for store, cut in cut_everywhere(tmp_path, monkeypatch, lossy=lossy, prepare=copied):
        cut(partial(take_response, file, store))

        assert _serial(store.tls()) in (_serial(asked.tls()), _serial_of(chain[0]))
        for _ in range(2):
            take_response(file, store)
            assert _serial(store.tls()) == _serial_of(chain[0])
        assert store.next_tls_key().private_numbers() != key.private_numbers()


def _serial(tls: TlsIdentity) -> str:
    return f"{x509.load_pem_x509_certificate(tls.chain_pem).serial_number:040x}"


def _serial_of(certificate: bytes) -> str:
    return f"{x509.load_der_x509_certificate(certificate).serial_number:040x}"


def _write_response(path: Path, **record: Message) -> None:
    opening = carry_pb2.CarryOpening(kind=carry_pb2.CARRY_KIND_RESPONSES, made_by="server")
    write_carry_file(path, opening, [carry_pb2.CarryRecord(**record)])  # type: ignore[arg-type]  # one of the kinds of record

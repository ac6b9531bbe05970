"""Officers' words on a host's claim that a token holds its report key: two confirm, two withdraw.

A claim is the host's own. Two officers who saw a document (a delivery note, the vendor's
certificate, the serial number on the token) confirm it; from the second word's place in the log on
the lines of that host are of level E3, in every month that is rated behind it. The key of a host id
never changes, so what is confirmed of it holds for whatever it signed. Two officers withdraw it,
from the second word's place on. Every word is kept, an entry of the log and a privileged act, and
tells how the host stood. Of a host that is held a key may be confirmed: what it sends counts after
its release. Of a revoked one nothing is confirmed any more: what was, stands until it is withdrawn.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from kashi_server.domain.evidence_file import Subject, SubjectKind
from kashi_server.domain.key_word import ALONE, KeyAct, KeyStanding, KeyWord, key_standing, waiting
from kashi_server.errors import Refused
from kashi_server.services.accounts import normal_login
from kashi_server.services.acts import PendingPort, PrivilegedAct, record
from kashi_server.services.evidence_files import ByteStore, described, keep
from kashi_server.services.evidence_inputs import KEY_WORD_ENTRY
from kashi_server.services.expense_port import ExpensePort
from kashi_server.services.host_keeping import existing_host
from kashi_server.services.hosts import Host, HostsPort, HostState
from kashi_server.services.papers_port import FilesPort
from kashi_server.services.two_officers import (
    AccountsRead,
    OfficersDecision,
    check_officers,
    officers_of,
)

ASKED_ACTS: Final = {
    KeyAct.CONFIRMED: "host-key-confirm-requested",
    KeyAct.WITHDRAWN: "host-key-withdraw-requested",
}
"""How first words are called among privileged acts."""
DECIDED_ACTS: Final = {
    KeyAct.CONFIRMED: "host-key-confirmed",
    KeyAct.WITHDRAWN: "host-key-withdrawn",
}
"""How second words are called there: with them it is decided."""


class KeyUnit(Protocol):
    """A unit of work as a word on a key needs it."""

    @property
    def identity(self) -> HostsPort:
        """Hosts."""

    @property
    def accounts(self) -> AccountsRead:
        """Who is an officer."""

    @property
    def expense(self) -> ExpensePort:
        """The lock of whoever changes what months are rated by."""

    @property
    def files(self) -> FilesPort:
        """Evidence files."""

    @property
    def log(self) -> PendingPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class KeyWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[KeyUnit]:
        """Open one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What an officer saw: a file's bytes under its name."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Said:
    """One officer's word as it is given."""

    act: KeyAct
    officer: str
    reason: str
    evidence_sha256: str


class KeyConfirming:
    """Takes officers' words on where a host's report key is held.

    Args:
        work: opens units of work, as the database's owner.
        store: keeps the documents.
        clock: UTC milliseconds.
    """

    def __init__(self, work: KeyWork, store: ByteStore, clock: Callable[[], int]) -> None:
        self._work = work
        self._store = store
        self._clock = clock

    def confirm(self, host_id: str, officer: str, reason: str, document: Document) -> bool:
        """Say, first or as the second officer, that the token holds the host's report key.

        Returns:
            Whether it is confirmed now; False while a second officer is awaited.

        Raises:
            NotFound: there is no such host.
            InvalidValue: the document is empty, too large, or of a kind that is no evidence.
            Refused: the host claims no such key or is revoked, it is confirmed already, the login
                is no officer's, or the same officer spoke before.
        """
        with self._work.begin() as unit:
            host, words = _locked(unit, host_id)
            _check_claim(host, key_standing(host.facts.key_token, words))
            file = described(
                document.content,
                name=document.name,
                owner_id=host.operator_party_id,
                subject=Subject(kind=SubjectKind.HOST, name=host_id),
                added_by=officer,
                utc_ms=self._clock(),
            )
            said = _Said(KeyAct.CONFIRMED, normal_login(officer), reason, file.file.sha256)
            decided = self._say(unit, host, words, said)
            keep(unit, self._store, file, document.content)
            unit.commit()
        return decided

    def withdraw(self, host_id: str, officer: str, reason: str) -> bool:
        """Say, first or as the second officer, that what was confirmed counts no more.

        Returns:
            Whether it is withdrawn now; False while a second officer is awaited.

        Raises:
            NotFound: there is no such host.
            Refused: its key is not confirmed, the login is no officer's, or the same officer spoke
                before.
        """
        with self._work.begin() as unit:
            host, words = _locked(unit, host_id)
            standing = key_standing(host.facts.key_token, words)
            if standing is not KeyStanding.CONFIRMED:
                raise Refused(
                    f"主机 {host_id}：{standing.zh}，没有可撤回的确认；"
                    "请用 kashi-server hosts show 查看。"
                    f"host {host_id}: {standing.en}; nothing is confirmed that could be withdrawn;"
                    " see: kashi-server hosts show"
                )
            said = _Said(KeyAct.WITHDRAWN, normal_login(officer), reason, "")
            decided = self._say(unit, host, words, said)
            unit.commit()
        return decided

    def _say(self, unit: KeyUnit, host: Host, words: Sequence[KeyWord], said: _Said) -> bool:
        officers = officers_of(unit.accounts)
        if said.officer not in officers:
            raise Refused(
                f"账号“{said.officer}”不是本服务器的经办人。'{said.officer}' is no officer here"
            )
        standing = [one for one in waiting(words, officers) if one.act is said.act]
        first = next((one for one in standing if one.officer != said.officer), None)
        if first is None and standing:
            raise Refused(
                f"{said.officer} 已就此表示{said.act.zh}，须由另一名经办人同样办理。"
                f"{said.officer} said so already; another officer must say it as well"
            )
        if first is not None:
            both = OfficersDecision(officers=(first.officer, said.officer), reason=said.reason)
            check_officers(unit.accounts, both)
        self._keep(unit, host, said, len(words) + 1, first)
        return first is not None

    def _keep(
        self, unit: KeyUnit, host: Host, said: _Said, ordinal: int, first: KeyWord | None
    ) -> None:
        word = KeyWord(
            host_id=host.host_id,
            ordinal=ordinal,
            act=said.act,
            completes=ALONE if first is None else first.ordinal,
            officer=said.officer,
            reason=said.reason,
            evidence_sha256=said.evidence_sha256,
            claim_sha256=sha256(host.key_claim() or b"").hexdigest(),
            host_state=host.state.value,
            utc_ms=self._clock(),
        )
        unit.identity.add_key_word(word)
        unit.log.append_pending(KEY_WORD_ENTRY, word.reference, word.to_bytes())
        done = PrivilegedAct(
            utc_ms=word.utc_ms,
            actor=word.officer,
            act=(ASKED_ACTS if first is None else DECIDED_ACTS)[word.act],
            reference=word.host_id,
            reason=word.reason,
        )
        record(unit, done)


def _locked(unit: KeyUnit, host_id: str) -> tuple[Host, Sequence[KeyWord]]:
    """A host with the words on its key, one officer at a time."""
    unit.expense.lock()
    host = existing_host(unit, host_id)
    return host, unit.identity.key_words(host_id)


def _check_claim(host: Host, standing: KeyStanding) -> None:
    if host.state is HostState.REVOKED:
        raise Refused(
            f"主机 {host.host_id} 已吊销，其密钥不再有效，不能再予确认；吊销前已确认的不变，"
            "可由两名经办人撤回；其机器请以新密钥重新接入。"
            f"host {host.host_id} is revoked: its key is good for nothing any more and cannot be"
            " confirmed now; what was confirmed before stands until two officers withdraw it; enrol"
            " its machine anew, with a new key"
        )
    token = host.facts.key_token
    if token is None:
        raise Refused(
            f"主机 {host.host_id} 接入时未申明硬件中的密钥，无可确认；"
            "请在密钥令牌上生成新密钥后以新的登记令牌重新接入。"
            f"host {host.host_id} claimed no key in hardware when it was enrolled; nothing can be"
            " confirmed: make a new key on the token, and enrol it anew"
        )
    lacking = token.unclaimed()
    if lacking:
        words_zh = "、".join(zh for zh, _en in lacking)
        words_en = ", ".join(en for _zh, en in lacking)
        raise Refused(
            f"主机 {host.host_id} 接入时未申明：{words_zh}；此密钥不能确认为硬件密钥。"
            f"host {host.host_id} did not claim when it was enrolled: {words_en};"
            " such a key cannot be confirmed as held in hardware"
        )
    if standing is KeyStanding.CONFIRMED:
        raise Refused(
            f"主机 {host.host_id} 的密钥已由两名经办人确认，无须再办。"
            f"the key of host {host.host_id} is confirmed by two officers already"
        )

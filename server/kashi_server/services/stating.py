"""Stating usage: source files in, attestations out, countersigned or withdrawn.

All files of one import are one unit: everything in them is taken or nothing, and then every mistake
is named at once with file, line and column. What is known already, record by record, changes
nothing; the same record with other content, or other time of the same unit, is a conflict and named
with the attestation that has it. Time that an agent measured is refused: a minute counts once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from kashi_server.domain.attestation import Attestation, AttestationState, StatedRecord
from kashi_server.domain.contract import Contract
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.domain.usage_source.files import read_source
from kashi_server.domain.usage_source.mapping import UsageMapping, load_mapping
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.evidence_inputs import ATTESTATION_CHANGE_ENTRY, ATTESTATION_ENTRY
from kashi_server.services.evidence_port import AttestationChange, StoredAttestation
from kashi_server.services.stated_conflicts import StatedBook
from kashi_server.services.stating_port import StatingUnit, StatingWork

STATED_ACT = "usage-stated"
"""How taking in what a provider states is called among privileged acts."""

SOURCE_BYTES_MAX = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was given: its name as people know it, and its bytes."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Hash of its bytes, in hexadecimal."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an import made: new attestations, records known before, rows passed over by why."""

    attestations: tuple[Attestation, ...]
    known: int
    skipped: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a file says of one contract."""

    file: SourceFile
    contract_id: str
    records: tuple[StatedRecord, ...]


class UsageStating:
    """Takes what providers state, and what companies say to it."""

    def __init__(self, work: StatingWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def take(self, mapping_file: SourceFile, sources: Sequence[SourceFile], actor: str) -> Taken:
        """Take source files as a provider's statement; it waits for the company then.

        Args:
            mapping_file: how they are read.
            sources: what the provider states.
            actor: the login of whoever takes them in, who has proved to be that one.

        Raises:
            MistakesFound: every mistake with file, line and column; nothing was taken.
        """
        mapping, read, skipped = _read(mapping_file, sources)
        now = self._clock()
        with self._work.begin() as unit:
            unit.expense.lock()
            contracts = {one.contract_id: one for one in unit.expense.contracts()}
            mistakes = list(_contract_mistakes(mapping, read, contracts))
            if mistakes:
                raise MistakesFound(mistakes)
            book = StatedBook(unit, mapping, [one for part in read for one in part.records])
            book.know_rows({part.file.sha256 for part in read})
            made, known = [], 0
            for part in read:
                fresh = book.fresh(part.file, part.contract_id, part.records, now)
                known += len(part.records) - len(fresh)
                if fresh:
                    contract = contracts[part.contract_id]
                    made.append(_attestation(mapping, mapping_file, part, fresh, contract))
                    book.mistakes += _said_before(unit, part, made[-1])
            if book.mistakes:
                raise MistakesFound(book.mistakes)
            self._store(
                unit, mapping_file, {one.file.sha256: one.file for one in read}, made, actor
            )
            unit.commit()
        return Taken(attestations=tuple(made), known=known, skipped=skipped)

    def _store(
        self,
        unit: StatingUnit,
        mapping_file: SourceFile,
        files: Mapping[str, SourceFile],
        made: Iterable[Attestation],
        actor: str,
    ) -> None:
        for one in made:
            for file in (mapping_file, files[one.source_sha256]):
                if not unit.stated.has_source(file.sha256):
                    unit.stated.add_source(file.sha256, file.content, self._clock())
            unit.stated.add(one, self._clock())
            unit.log.append_pending(ATTESTATION_ENTRY, one.attestation_id, one.to_bytes())
            reason = f"{one.source_name} {one.source_sha256}"
            self._record(unit, actor, STATED_ACT, one.attestation_id, reason)

    def attestations(self, acting: Acting) -> Sequence[StoredAttestation]:
        """Every attestation that is the party's on either side; the office sees all."""
        with self._work.begin(writes=False) as unit:
            return unit.stated.attestations(acting.party_id)

    def attestation(self, attestation_id: str, acting: Acting) -> StoredAttestation:
        """One attestation.

        Raises:
            NotFound: there is none for this party.
        """
        with self._work.begin(writes=False) as unit:
            return existing(unit, attestation_id, acting)

    def source(self, attestation_id: str, acting: Acting) -> bytes:
        """The exact bytes of the file behind an attestation: the provider's and the office's.

        Raises:
            NotFound: there is none for this party, or the file may tell of others.
        """
        with self._work.begin(writes=False) as unit:
            stated = existing(unit, attestation_id, acting).attestation
            acting.check_sees(f"source of attestation {attestation_id}", stated.provider_id)
            content = unit.stated.source(stated.source_sha256)
        if content is None:
            raise NotFound(
                f"原件 {stated.source_sha256} 缺失，请运行 kashi-server fsck。"
                f"source {stated.source_sha256} is missing; run: kashi-server fsck"
            )
        return content

    def countersign(self, attestation_id: str, acting: Acting, reason: str) -> None:
        """The company agrees: the attestation counts from now on.

        In a month that is closed it is a late fact; a correction takes it up.

        Raises:
            NotFound: there is none for this party.
            Refused: the party is not the company, the attestation is settled, or whoever says so
                took the provider's statement in: one person is not both sides.
        """
        self._settle(attestation_id, acting, reason, AttestationState.COUNTERSIGNED)

    def withdraw(self, attestation_id: str, acting: Acting, reason: str) -> None:
        """The provider takes an attestation back, or the company refuses it; its records may then
        be stated anew.

        Raises:
            NotFound: there is none for this party.
            Refused: it is settled already.
        """
        self._settle(attestation_id, acting, reason, AttestationState.WITHDRAWN)

    def _settle(
        self, attestation_id: str, acting: Acting, reason: str, state: AttestationState
    ) -> None:
        with self._work.begin() as unit:
            unit.expense.lock()
            stored = existing(unit, attestation_id, acting)
            stated = stored.attestation
            sides = {stated.user_id}
            if state is AttestationState.WITHDRAWN:
                sides.add(stated.provider_id)
            if acting.party_id is None or acting.party_id not in sides:
                raise Refused(
                    f"声明 {attestation_id} 仅可由 {stated.user_id} 会签，"
                    f"由其或 {stated.provider_id} 撤回。"
                    f"attestation {attestation_id} is countersigned by {stated.user_id}, and"
                    f" withdrawn by it or by {stated.provider_id}, nobody else"
                )
            if stored.change is not None:
                raise Refused(
                    f"声明 {attestation_id} 已是 {stored.state} 状态{_back_zh(stored)}。"
                    f"attestation {attestation_id} is {stored.state} already{_back(stored)}"
                )
            if state is AttestationState.COUNTERSIGNED:
                _check_other_side(unit, attestation_id, acting.actor)
            change = AttestationChange(
                attestation_id=attestation_id,
                state=state,
                party_id=acting.party_id,
                actor=acting.actor,
                reason=reason,
                utc_ms=self._clock(),
            )
            unit.stated.change(change)
            unit.log.append_pending(ATTESTATION_CHANGE_ENTRY, attestation_id, change.to_bytes())
            self._record(unit, acting.actor, f"usage-{state}", attestation_id, reason)
            unit.commit()

    def _record(self, unit: StatingUnit, actor: str, act: str, reference: str, reason: str) -> None:
        done = PrivilegedAct(
            utc_ms=self._clock(), actor=actor, act=act, reference=reference, reason=reason
        )
        record(unit, done)


def _check_other_side(unit: StatingUnit, attestation_id: str, actor: str) -> None:
    """A word of each side is worth two words only where two people gave or recorded them."""
    if actor in unit.identity.actors(STATED_ACT, attestation_id):
        raise Refused(
            f"双方的意见须由不同账号录入：供给方的声明由 {actor} 录入，"
            "请企业以本方账号会签，或由其他经办人录入。"
            f"{actor} took in what the provider states; the company countersigns by its own login,"
            " or another officer records it"
        )


def _back(stored: StoredAttestation) -> str:
    if stored.state is not AttestationState.COUNTERSIGNED:
        return ""
    return "; both parties or two officers take it back: kashi-server stated reverse"


def _back_zh(stored: StoredAttestation) -> str:
    if stored.state is not AttestationState.COUNTERSIGNED:
        return ""
    return "，撤销须双方同意或由两名经办人办理：kashi-server stated reverse"


def _said_before(unit: StatingUnit, part: _Read, made: Attestation) -> Iterable[Mistake]:
    """What was taken back stands under its hash for ever: the very same says nothing new."""
    before = unit.stated.attestation(made.attestation_id)
    if before is not None:
        yield _whole(
            part.file,
            f"与声明 {made.attestation_id} 逐字节相同，而该声明现为 {before.state}；"
            "如确需再次声明，请换文件名。"
            f"says to the byte what attestation {made.attestation_id} said, which is"
            f" {before.state}; state it in a file of another name, if it is meant after all",
        )


def existing(unit: StatingUnit, attestation_id: str, acting: Acting) -> StoredAttestation:
    """One attestation, read in a unit of work.

    Raises:
        NotFound: there is none for this party.
    """
    stored = unit.stated.attestation(attestation_id)
    if stored is None:
        raise NotFound(
            f"没有声明 {attestation_id}，请用 kashi-server stated list 查看。"
            f"there is no attestation {attestation_id}; see: kashi-server stated list"
        )
    stated = stored.attestation
    acting.check_sees(f"attestation {attestation_id}", stated.provider_id, stated.user_id)
    return stored


def _read(
    mapping_file: SourceFile, sources: Sequence[SourceFile]
) -> tuple[UsageMapping, list[_Read], Counter[str]]:
    mapping = load_mapping(_text(mapping_file), mapping_file.name)
    found: list[_Read] = []
    skipped: Counter[str] = Counter()
    mistakes: list[Mistake] = []
    for file in sources:
        try:
            _check_size(file)
            reading = read_source(mapping, file.name, file.content)
        except MistakesFound as error:
            mistakes += error.mistakes
            continue
        skipped += reading.skipped
        found += [
            _Read(file=file, contract_id=contract_id, records=tuple(records))
            for contract_id, records in sorted(reading.records.items())
        ]
    if mistakes:
        raise MistakesFound(mistakes)
    return mapping, found, skipped


def _check_size(file: SourceFile) -> None:
    if len(file.content) > SOURCE_BYTES_MAX:
        raise MistakesFound(
            [_whole(file, f"超过 {SOURCE_BYTES_MAX} 字节。is larger than {SOURCE_BYTES_MAX} bytes")]
        )


def _text(file: SourceFile) -> str:
    try:
        return file.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MistakesFound(
            [_whole(file, f"不是 UTF-8 编码。is not UTF-8: {error.reason}")]
        ) from error


def _whole(file: SourceFile, message: str) -> Mistake:
    return Mistake(file=file.name, line=1, field="", message=message)


def _contract_mistakes(
    mapping: UsageMapping, read: Iterable[_Read], contracts: Mapping[str, Contract]
) -> Iterable[Mistake]:
    for part in read:
        contract = contracts.get(part.contract_id)
        line = part.records[0].line
        wrong = ""
        if contract is None:
            wrong = (
                f"合同 {part.contract_id} 未登记，请先导入。"
                f"contract {part.contract_id} is not known here; import it first"
            )
        elif contract.provider_id != mapping.provider_id:
            wrong = (
                f"合同 {part.contract_id} 的供给方是 {contract.provider_id}，"
                "与映射所写不同。"
                f"contract {part.contract_id} is {contract.provider_id}'s, not the mapping's"
            )
        elif mapping.user_id not in (None, contract.user_id):
            wrong = (
                f"合同 {part.contract_id} 的使用方是 {contract.user_id}，"
                "与映射所写不同。"
                f"contract {part.contract_id} is used by {contract.user_id}, not the mapping's"
            )
        if wrong:
            field = mapping.contract.column or "contract"
            yield Mistake(file=part.file.name, line=line, field=field, message=wrong)


def _attestation(
    mapping: UsageMapping,
    mapping_file: SourceFile,
    part: _Read,
    records: Sequence[StatedRecord],
    contract: Contract,
) -> Attestation:
    return Attestation(
        kind=mapping.kind,
        site=mapping.site,
        vendor=mapping.vendor,
        contract_id=contract.contract_id,
        provider_id=contract.provider_id,
        user_id=contract.user_id,
        source_name=part.file.name.rpartition("/")[2],
        source_sha256=part.file.sha256,
        mapping_sha256=mapping_file.sha256,
        counted_by=mapping.counted_by,
        records=tuple(records),
    )

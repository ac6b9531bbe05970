"""Audit of the log: every entry hashed again from storage; every checkpoint, signature and root."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.errors import ContractError
from kashi.merkle import Frontier, leaf_hash

from kashi_server.domain.both_languages import because
from kashi_server.errors import StorageError
from kashi_server.log.checkpoint import origin_of, verify_checkpoint
from kashi_server.log.sequencer import stored_entries
from kashi_server.log.tree import Tree
from kashi_server.services.log_port import Checkpoint, LogPort, LogWork

ENTRIES_AT_ONCE: int = 4096


@dataclass(slots=True)
class LogChecked:
    """What was looked at, and the first difference if there is one."""

    size: int = 0
    checkpoint_count: int = 0
    differences: list[str] = field(default_factory=list)


def check_log(work: LogWork, key: ec.EllipticCurvePublicKey) -> LogChecked:
    """Hash the log again from the stored entries and compare tiles, head and checkpoints."""
    checked = LogChecked()
    with work.begin(writes=False) as unit:
        try:
            _check(unit.log, key, checked)
        except StorageError as damaged:
            checked.differences.append(str(damaged))
    return checked


def _check(log: LogPort, key: ec.EllipticCurvePublicKey, checked: LogChecked) -> None:
    # Checkpoints before the head: a sequencer at work meanwhile only adds beyond it.
    checkpoints = {one.size: one for one in log.checkpoints()}
    head = log.head()
    checked.size = head.size
    tree, frontier = Tree(log.tile, head.size), Frontier()
    checked.checkpoint_count = len(checkpoints)
    _check_checkpoint(key, checkpoints.get(0), frontier)
    for start in range(0, head.size, ENTRIES_AT_ONCE):
        end = min(head.size, start + ENTRIES_AT_ONCE)
        for index, entry in sorted(stored_entries(log, start, end)):
            leaf = leaf_hash(entry)
            if index != frontier.size or tree.leaf(index) != leaf:
                raise StorageError(
                    f"日志第 {index} 条与其分块所载不符。"
                    f"log entry {index} is not what its tile holds"
                )
            frontier.append(leaf)
            _check_checkpoint(key, checkpoints.get(frontier.size), frontier)
    if tuple(frontier.peaks) != head.peaks:
        raise StorageError(
            f"日志在第 {head.size} 条处的头与各条记录不符。"
            f"the log's head at size {head.size} does not follow from its entries"
        )
    if tree.root() != frontier.root():
        raise StorageError(
            "日志的分块与各条记录得出不同的根。"
            "the log's tiles lead to another root than its entries"
        )
    beyond = [size for size in checkpoints if size > head.size]
    if beyond:
        raise StorageError(
            f"已签有第 {min(beyond)} 条的检查点，而日志只有 {head.size} 条。"
            f"a checkpoint of size {min(beyond)} is signed; the log has {head.size}"
        )


def _check_checkpoint(
    key: ec.EllipticCurvePublicKey, checkpoint: Checkpoint | None, frontier: Frontier
) -> None:
    if checkpoint is None:
        return
    where = f"the checkpoint of size {checkpoint.size}"
    where_zh = f"第 {checkpoint.size} 条处的检查点"
    try:
        text = verify_checkpoint(key, checkpoint.signed)
    except ContractError as error:
        raise StorageError(because(f"{where_zh}不成立", f"{where} does not hold", error)) from error
    said = (text.origin, text.size, text.root, text.utc_ms)
    stored = (origin_of(key), checkpoint.size, checkpoint.root, checkpoint.utc_ms)
    if said != stored:
        raise StorageError(
            f"{where_zh}与其旁的列所述不同。{where} says other than the columns beside it"
        )
    if checkpoint.root != frontier.root():
        raise StorageError(
            f"{where_zh}所签的树与存储的记录不符。"
            f"{where} was signed over another tree than the stored entries make"
        )

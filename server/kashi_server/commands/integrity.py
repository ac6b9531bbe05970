"""`fsck`: is what the server holds what was signed, and is what it shows what that adds up to?"""

import json
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.differing_months import (
    DifferingMonths,
    differing_months,
    print_months,
)
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.log.audit import LogChecked, check_log
from kashi_server.services.evidence_files import check_files
from kashi_server.services.fsck import FactsChecked, check_facts
from kashi_server.services.fsck_log import check_logged

EXIT_DIFFERENT = 1


def fsck(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="以保存的原文重建不符的投影。"
            "Build projections that differ again from the stored bytes.",
        ),
    ] = False,
    months: Annotated[
        bool,
        typer.Option(
            "--months",
            help="另重算各已关账月份，列出更正会改变者。"
            "Also rate every closed month anew and name those that a correction would change.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="以 JSON 输出。Print JSON for a program.")
    ] = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """核验全部报告、回执与检查点，并逐分钟重建用量。
    Verify every stored report, receipt and checkpoint, and rebuild usage minute by minute.

    约定、票据、规则、结算单与经办人的决定须与日志一致，证据文件须与存入时一致。
    Agreements, papers, rules, statements and officers' decisions must be what the log has of
    them, and evidence files what was added.

    已关账月份与今日重算不同不属损坏，仅作提示。
    A closed month that its facts would make otherwise today is no damage: it is named as such.

    退出码 0：没有（或已无）不符；1：有不符，并列出。
    Exit code 0: nothing differs (any more); 1: something does, and is named.
    """
    with opened(directory) as server:
        receipt_key = server.keyring.receipt_key.public_key()
        facts = check_facts(server.work, receipt_key, repair=repair)
        log = check_log(server.work, server.keyring.checkpoint_key.public_key())
        log.differences.extend(check_logged(server.work))
        log.differences.extend(check_files(server.work, server.file_store))
        damaged = bool(facts.differences or log.differences)
        differing = differing_months(server) if months and not damaged else None
    if as_json:
        print(json.dumps(_facts(facts, log, differing), ensure_ascii=False))
    else:
        _print(facts, log)
        if months:
            print_months(differing)
    if not facts.sound or log.differences:
        raise typer.Exit(EXIT_DIFFERENT)


def _facts(
    facts: FactsChecked, log: LogChecked, differing: DifferingMonths | None
) -> dict[str, object]:
    return {
        "hosts": facts.host_count,
        "reports": facts.report_count,
        "readings": facts.reading_count,
        "reports_with_erased_names": facts.erased_count,
        "log_size": log.size,
        "checkpoints": log.checkpoint_count,
        "repaired": facts.repaired,
        "differences": [*facts.differences, *log.differences],
        "months": None if differing is None else differing.to_data(),
    }


def _print(facts: FactsChecked, log: LogChecked) -> None:
    print(
        f"主机 {facts.host_count} 台，报告 {facts.report_count} 份，"
        f"读数 {facts.reading_count} 条；日志 {log.size} 条，"
        f"检查点 {log.checkpoint_count} 个。"
        f"{facts.host_count} hosts, {facts.report_count} reports, {facts.reading_count} readings;"
        f" log of {log.size} entries, {log.checkpoint_count} checkpoints"
    )
    if facts.erased_count:
        print(f"姓名已抹除 names erased: {facts.erased_count} 份报告 reports, proofs whole.")
    for line in facts.repaired:
        print(f"已修复 repaired: {line}")
    for line in (*facts.differences, *log.differences):
        print(f"不一致 DIFFERS: {line}")
    if not (facts.differences or log.differences):
        print(
            "所存内容与签名一致，用量与其合计相符。"
            "Everything stored is what was signed, and usage is what it adds up to."
        )
    elif not log.differences:
        print(
            "汇总可以重建：kashi-server fsck --repair；损坏的报告不能重建，"
            "请从备份恢复，主机会重新发送其所存报告。"
            "Projections can be built again: kashi-server fsck --repair. Damaged reports cannot;"
        )
        print("restore them from a backup: hosts send again what they hold.")

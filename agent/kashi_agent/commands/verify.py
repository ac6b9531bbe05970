"""`kashi-agent verify`: the chain, counters and receipts in this host's spool, and its files."""

import argparse
import sys

from kashi_agent.commands.options import Commands, add_command, config_of, print_json
from kashi_agent.verification import audit_spool
from kashi_agent.wiring import member, real_spool


def add(commands: Commands) -> None:
    """Add the command."""
    words = "核对缓存的链与计数。Check the spool's chain and counters"
    add_command(commands, "verify", words, run)


def run(options: argparse.Namespace) -> int:
    """Print what was checked; 1 when something does not hold."""
    config = config_of(options)
    known = member(config)
    spool = real_spool(config, known.host.host_id)
    recovery = spool.look()
    audit = audit_spool(
        spool,
        known.host.host_id,
        known.store.report_key().public_key(),
        known.host.receipt_key(),
    )
    for name, size in recovery.damaged:
        path = config.spool_folder / name
        audit.findings.append(
            f"{path}：{size} 字节不可读或属于另一台主机；代理下次启动时会将其移开，并如实上报损失。"
            f"{path}: {size} bytes are unreadable or another host's; the next start of the agent "
            "sets them aside and reports the loss"
        )
    if options.json:
        print_json(
            {"reports": audit.reports, "receipts": audit.receipts, "findings": audit.findings}
        )
    else:
        reports, receipts, wrong = audit.reports, audit.receipts, len(audit.findings)
        sys.stdout.write(
            f"已核对报告 {reports} 份、回执 {receipts} 份，{wrong} 处不符\n"
            f"{reports} reports and {receipts} receipts checked, {wrong} things do not hold\n"
        )
        sys.stdout.writelines(f"  不符 does not hold: {finding}\n" for finding in audit.findings)
    return 1 if audit.findings else 0

"""`kashi-server` on the command line. Commands live in `commands/`; here they get their names.

Exit codes: 0 done · 1 a check found something wrong · 2 the command line is not understood ·
3 refused: a rule, a value or a file forbids it · 4 settings or keys are wrong · 5 the database is.
"""

import os
import sys
from typing import Final

import typer

from kashi_server.commands import (
    accounts,
    agreed,
    appropriating,
    assignments,
    backup,
    batches,
    carried,
    certificates,
    claim_filing,
    claim_review,
    claims,
    confirming,
    correcting,
    document_key,
    doubts,
    evaluation,
    expense,
    explaining,
    exporting,
    files,
    gaps,
    host_keys,
    hosts,
    integrity,
    invoice_deciding,
    invoices,
    ledger,
    names,
    payment_righting,
    payments,
    restoring,
    rules,
    serving,
    setup,
    simulation,
    stated,
)
from kashi_server.commands.command_line import PROGRAM, in_both_languages, told
from kashi_server.commands.plain import plain
from kashi_server.errors import ConfigurationError, KashiError, StorageError

EXIT_REFUSED: Final = 3
EXIT_CONFIGURATION: Final = 4
EXIT_STORAGE: Final = 5

app = typer.Typer(
    help="卡时入账，出具算力使用证明。Kashi's server: card-hours in, usage certificates out.",
    epilog="退出码：0 完成，1 检查发现问题，2 命令行有误，3 被拒绝，4 设置或密钥有误，5 数据库错。"
    "Exit codes: 0 done, 1 a check found something wrong, 2 command line not understood, 3 refused,"
    " 4 settings or keys wrong, 5 database wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command("init")(setup.init)
app.command("upgrade")(setup.upgrade)
app.command("version")(setup.version)
app.command("serve")(serving.serve)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("fsck")(integrity.fsck)
app.command("token")(hosts.token)

hosts_app = typer.Typer(
    help="主机：列表、暂挂、解除、吊销、告警、疑点。"
    "Hosts: list, hold, release, revoke, alarms, doubts.",
    no_args_is_help=True,
)
hosts_app.command("list")(hosts.list_hosts)
hosts_app.command("show")(host_keys.show_host)
hosts_app.command("hold")(hosts.hold)
hosts_app.command("release")(hosts.release)
hosts_app.command("revoke")(hosts.revoke)
hosts_app.command("allow-recoveries")(hosts.allow_recoveries)
hosts_app.command("confirm-key")(host_keys.confirm_key)
hosts_app.command("withdraw-key")(host_keys.withdraw_key)
hosts_app.command("alarms")(hosts.alarms)
hosts_app.command("doubts")(doubts.show_doubts)
hosts_app.command("quarantined")(restoring.quarantined)
hosts_app.command("restore")(restoring.restore)
app.add_typer(hosts_app, name="hosts")

account_app = typer.Typer(help="门户账号。Accounts of the portal.", no_args_is_help=True)
account_app.command("create")(accounts.create)
account_app.command("list")(accounts.list_accounts)
account_app.command("password")(accounts.set_password)
account_app.command("disable")(accounts.disable)
app.add_typer(account_app, name="account")

app.command("import-reports")(carried.import_reports)
app.command("enrol-requests")(carried.enrol_requests)
app.command("import")(expense.import_files)
app.command("import-usage")(stated.import_usage)
app.command("close")(expense.close)
app.command("closing-day")(expense.closing_day)
app.command("statements")(expense.statements)
app.command("correct")(correcting.correct)
app.command("replay")(correcting.replay)
app.command("export")(exporting.export)
app.command("evaluate")(evaluation.evaluate_case)
app.command("simulate")(simulation.simulate)
app.command("certify")(certificates.certify)
app.command("certificates")(certificates.certificates)
app.command("withdraw")(certificates.withdraw)
app.command("confirm-certificate")(confirming.confirm_certificate)
app.command("explain")(explaining.explain)
app.command("document-certificate")(document_key.document_certificate)

assignments_app = typer.Typer(
    help="租用指派：列表、提议、答复。Assignments of devices to contracts: list, propose, answer.",
    no_args_is_help=True,
)
assignments_app.command("list")(assignments.list_assignments)
assignments_app.command("propose")(assignments.propose)
assignments_app.command("confirm")(assignments.confirm)
assignments_app.command("decline")(assignments.decline)
assignments_app.command("withdraw")(assignments.withdraw)
assignments_app.command("end")(assignments.propose_end)
assignments_app.command("template")(assignments.write_template)
assignments_app.command("import")(assignments.import_sheet)
app.add_typer(assignments_app, name="assignments")

stated_app = typer.Typer(
    help="用量声明：列表、会签、撤回。Usage that providers state: list, countersign, withdraw.",
    no_args_is_help=True,
)
stated_app.command("list")(stated.stated_list)
stated_app.command("countersign")(stated.countersign)
stated_app.command("withdraw")(stated.withdraw_stated)
stated_app.command("reverse")(stated.reverse)
stated_app.command("source")(stated.stated_source)
app.add_typer(stated_app, name="stated")

gaps_app = typer.Typer(
    help="缺口说明：各方说明与经办人的审定。Gaps: what parties say of them, and officers' word.",
    no_args_is_help=True,
)
gaps_app.command("list")(gaps.gaps_list)
gaps_app.command("explain")(gaps.gaps_explain)
gaps_app.command("decide")(gaps.gaps_decide)
app.add_typer(gaps_app, name="gaps")

batch_app = typer.Typer(
    help="申报批次：开批、关批、列表、导出。Application rounds: open, close, list, export.",
    no_args_is_help=True,
)
batch_app.command("open")(batches.open_batch)
batch_app.command("close")(batches.close_batch)
batch_app.command("list")(batches.list_batches)
batch_app.command("export")(batches.export_batch)
app.add_typer(batch_app, name="batch")

claim_app = typer.Typer(
    help="申报与兑现，从起草到拨付。Claims, from draft to payment.", no_args_is_help=True
)
claim_app.command("draft")(claim_filing.draft)
claim_app.command("add")(claim_filing.add)
claim_app.command("submit")(claim_filing.submit)
claim_app.command("withdraw")(claim_filing.withdraw)
claim_app.command("check")(claim_review.check)
claim_app.command("return")(claim_review.send_back)
claim_app.command("assess")(claim_review.assess)
claim_app.command("review")(claim_review.review)
claim_app.command("approve")(claim_review.approve)
claim_app.command("publicise")(claim_review.publicise)
claim_app.command("issue")(claim_review.issue)
claim_app.command("use")(claim_filing.use)
claim_app.command("redeem")(claim_filing.redeem)
claim_app.command("verify")(claim_review.verify)
claim_app.command("pay")(claim_review.pay)
claim_app.command("reject")(claim_review.reject)
claim_app.command("expire")(claims.expire)
claim_app.command("suspend")(claim_review.suspend)
claim_app.command("resume")(claim_review.resume)
claim_app.command("reopen")(claim_review.reopen)
claim_app.command("claw-back")(claim_review.claw_back)
claim_app.command("charge-interest")(claim_review.charge_interest)
claim_app.command("list")(claims.list_claims)
claim_app.command("show")(claims.show)
claim_app.command("pack")(claim_filing.pack)
app.add_typer(claim_app, name="claim")

voucher_app = typer.Typer(help="券：列表、详情。Vouchers: list, show.", no_args_is_help=True)
voucher_app.command("list")(claims.list_vouchers)
voucher_app.command("show")(claims.show_voucher)
app.add_typer(voucher_app, name="voucher")

rules_app = typer.Typer(
    help="项目规则：检查、查看、比较、决定。Rules of programmes: check, show, compare, decide.",
    no_args_is_help=True,
)
rules_app.command("list")(rules.rules_list)
rules_app.command("check")(rules.rules_check)
rules_app.command("show")(rules.rules_show)
rules_app.command("diff")(rules.rules_diff)
rules_app.command("decide")(rules.rules_decide)
app.add_typer(rules_app, name="rules")

contracts_app = typer.Typer(help="合同，按部分列示。Contracts, part by part.", no_args_is_help=True)
contracts_app.command("show")(agreed.show_contract)
app.add_typer(contracts_app, name="contracts")

providers_app = typer.Typer(help="服务机构名单。Lists of providers.", no_args_is_help=True)
providers_app.command("list")(agreed.list_providers)
app.add_typer(providers_app, name="providers")

invoices_app = typer.Typer(
    help="发票：导入、列表、详情、对应合同部分。Invoices: import, list, show, map to parts.",
    no_args_is_help=True,
)
invoices_app.command("import")(invoices.import_invoices)
invoices_app.command("list")(invoices.list_invoices)
invoices_app.command("show")(invoices.show_invoice)
invoices_app.command("map")(invoices.map_invoice)
invoices_app.command("put-right")(invoices.put_right)
invoices_app.command("decide")(invoice_deciding.decide_invoice)
invoices_app.command("name-blue")(invoice_deciding.name_blue)
app.add_typer(invoices_app, name="invoices")

payments_app = typer.Typer(
    help="企业向服务机构的付款。Payments of companies to providers.", no_args_is_help=True
)
payments_app.command("import")(payments.import_payments)
payments_app.command("list")(payments.list_payments)
payments_app.command("put-right")(payment_righting.put_payment_right)
app.add_typer(payments_app, name="payments")

files_app = typer.Typer(
    help="证据文件：存入、列表、取出。Evidence files: add, list, get.", no_args_is_help=True
)
files_app.command("add")(files.add_file)
files_app.command("list")(files.list_files)
files_app.command("get")(files.get_file)
app.add_typer(files_app, name="files")

names_app = typer.Typer(
    help="占用者姓名：抹除。Names of holders: erase them.", no_args_is_help=True
)
names_app.command("erase")(names.erase)
app.add_typer(names_app, name="names")

ledger_app = typer.Typer(help="财政资金台账。The ledger of public money.", no_args_is_help=True)
ledger_app.command("show")(ledger.balances)
ledger_app.command("movements")(ledger.movements)
ledger_app.command("check")(ledger.check)
ledger_app.command("appropriate")(appropriating.appropriate)
app.add_typer(ledger_app, name="ledger")

in_both_languages(app)


def main() -> None:
    """Run a command; what the server raises on purpose becomes a sentence and an exit code."""
    # Keys, settings and a SQLite database are nobody else's to read.
    os.umask(0o077)
    try:
        # What a command ends with on purpose comes back as a number.
        code = app(prog_name=PROGRAM, standalone_mode=False)
    except KashiError as error:
        print(plain(f"kashi-server: {error}"), file=sys.stderr)
        sys.exit(exit_code(error))
    except typer.TyperException as error:
        sys.stderr.write(told(error))
        sys.exit(error.exit_code)
    except typer.Abort:
        print("kashi-server: 已中止。Aborted", file=sys.stderr)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def exit_code(error: KashiError) -> int:
    """The exit code that stands for an error."""
    if isinstance(error, ConfigurationError):
        return EXIT_CONFIGURATION
    if isinstance(error, StorageError):
        return EXIT_STORAGE
    return EXIT_REFUSED

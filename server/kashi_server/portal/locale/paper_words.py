"""Words of papers: invoices, payments, evidence files."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "nav.papers": ("票据与凭证", "Papers"),
    "papers.title": ("票据与凭证", "Papers"),
    "papers.lead": (
        "发票、付款与证据文件。已开具的发票不可更改；其红冲、作废状态随导入更新。",
        (
            "Invoices, payments and evidence files. An issued invoice never changes; how it stands "
            "follows the exports."
        ),
    ),
    "papers.taken": (
        "新增 {added} 项，更新 {changed} 项，原已一致 {unchanged} 项；略过他方 {passed_by} 行。",
        "{added} added, {changed} changed, {unchanged} stood so; {passed_by} rows of others.",
    ),
    "papers.file": ("文件", "File"),
    "papers.add_invoices": ("导入发票", "Add invoices"),
    "papers.add_invoices_note": (
        "税务局导出的 XLSX、CSV，或数电票 XML；全部导入或全部不导入。",
        "The tax bureau's XLSX or CSV, or an invoice's XML. All of it or nothing.",
    ),
    "papers.invoice_file": ("发票文件（不超过 8 MiB）", "Invoices (up to 8 MiB)"),
    "papers.add_payments": ("导入付款", "Add payments"),
    "papers.add_payments_note": (
        "银行流水 XLSX、CSV，或 TOML；注明对应发票。",
        "A bank's XLSX or CSV, or TOML, each with the invoices it covers.",
    ),
    "papers.payment_file": ("付款文件（不超过 8 MiB）", "Payments (up to 8 MiB)"),
    "papers.upload": ("上传", "Upload"),
    "papers.invoices": ("发票", "Invoices"),
    "papers.payments": ("付款", "Payments"),
    "papers.files": ("证据文件", "Evidence files"),
    "papers.files_note": (
        "以 SHA-256 存证，登入只追加日志；下载时逐字节核对。",
        "Kept by their SHA-256, logged, and checked byte for byte when downloaded.",
    ),
    "papers.count": ("共 {n} 项", "{n} shown"),
    "papers.about": ("关于", "About"),
    "papers.about_number": (
        "编号（付款写为 付款方代码/流水号）",
        "Its number (a payment: payer's code/reference)",
    ),
    "papers.evidence_file": ("文件（不超过 20 MiB）", "File (up to 20 MiB)"),
    "papers.name": ("名称", "Name"),
    "papers.bytes": ("字节", "Bytes"),
    "papers.added": ("加入时间", "Added"),
    "papers.hash": ("SHA-256", "SHA-256"),
    "subject.contract": ("合同", "contract"),
    "subject.invoice": ("发票", "invoice"),
    "subject.payment": ("付款", "payment"),
    "subject.claim": ("申报", "claim"),
    "subject.host": ("主机", "host"),
    "invoice": ("发票", "Invoice"),
    "invoice.number": ("发票号码", "Number"),
    "invoice.issued_on": ("开票日期", "Issued on"),
    "invoice.status": ("状态", "State"),
    "invoice.seller": ("销售方", "Seller"),
    "invoice.buyer": ("购买方", "Buyer"),
    "invoice.ex_tax": ("不含税金额（元）", "Without tax (CNY)"),
    "invoice.tax": ("税额（元）", "Tax (CNY)"),
    "invoice.incl": ("价税合计（元）", "With tax (CNY)"),
    "invoice.paid": ("已付款（元）", "Paid (CNY)"),
    "invoice.blue": ("对应蓝字发票", "Takes back"),
    "invoice.for": ("对应合同部分", "For"),
    "invoice.what": ("项目名称", "What"),
    "invoice.unmapped": ("未对应", "not said"),
    "invoice.lines": ("明细", "Lines"),
    "invoice.lines_note": (
        "每行对应合同的一个部分；已被申报占用的发票不可更改对应。",
        "Each line is for a part of a contract. What claims hold cannot be said otherwise.",
    ),
    "invoice.map": ("保存对应", "Save"),
    "invoice.history": ("状态变化", "How it stood"),
    "invoice.source": ("依据", "Source"),
    "invoice.decided": ("两名经办人决定：", "Decided by two officers:"),
    "invoice.claims": ("申报占用", "Held by claims"),
    "invoice.contents": ("本号码的各种内容", "Contents told of this number"),
    "invoice.contents_note": (
        "同一号码被告知了不同内容：每一种都保存，两名经办人裁定以何者为准；裁定前不能申报。",
        (
            "Several contents of one number were told. Each is kept; two officers decide which "
            "stands, and until then nothing is claimed of it."
        ),
    ),
    "invoice.contents_beside": (
        "此号码现以他人之间的发票登记；以下为您方的内容。如有异议，请向主管部门提交税务局查验结果。",
        (
            "This number stands here as an invoice between others; below is what was told of "
            "yours. To contest it, bring the office the tax bureau's answer."
        ),
    ),
    "invoice.awaits": (
        "本号码有多种内容，待两名经办人裁定以何者为准：",
        "Several contents of this number were told; two officers decide which stands:",
    ),
    "invoice.version": ("第几版", "Version"),
    "invoice.told_at": ("告知时间", "Told at"),
    "invoice.told_by": ("告知人", "Told by"),
    "invoice.stands": ("现行", "stands"),
    "invoice.does_not_stand": ("不作数", "does not stand"),
    "invoice.decisions": ("裁定", "Decisions"),
    "invoice.decided_for": ("以第 {n} 版为准", "version {n} stands"),
    "invoice.document": ("依据文件", "Document"),
    "invoice.reason": ("理由", "Reason"),
    "invoice.deciders": ("经办人", "Officers"),
    "contested.title": ("待裁定的发票", "Contested invoices"),
    "contested.lead": (
        "同一号码有多种内容、两名经办人尚未裁定的发票，等候最久的在前。",
        (
            "Numbers with several contents of which two officers have not decided, the one that "
            "waits longest first."
        ),
    ),
    "contested.count": (
        "{n} 张发票有多种内容，待两名经办人裁定",
        "{n} invoices with several contents await two officers",
    ),
    "contested.contents": ("内容数", "Contents"),
    "contested.last": ("最近告知", "Last told"),
    "invoice_status.normal": ("正常", "normal"),
    "invoice_status.partly_red": ("部分红冲", "partly red-flushed"),
    "invoice_status.red": ("已红冲", "red-flushed"),
    "invoice_status.void": ("已作废", "void"),
    "payment.returned": ("退回", "went back"),
    "payment.reference": ("流水号", "Reference"),
    "payment.paid_on": ("付款日期", "Paid on"),
    "payment.payer": ("付款方", "Payer"),
    "payment.payee": ("收款方", "Payee"),
    "payment.amount": ("金额（元）", "Amount (CNY)"),
    "payment.covers": ("对应发票", "Covers"),
    "act.papers-taken": ("导入票据", "papers taken"),
}

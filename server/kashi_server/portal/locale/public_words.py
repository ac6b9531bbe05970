"""Words of public verification and of the data interface's page."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "verify.title": ("核验算力使用证明", "Verify a usage certificate"),
    "verify.lead": (
        "凭证明编号与核验码，或上传证明 PDF，查验其真伪与状态。无需登录。",
        "Check a certificate and its status by number and code, or by its PDF. No account needed.",
    ),
    "verify.by_number": ("按编号核验", "By number"),
    "verify.number": ("证明编号", "Certificate number"),
    "verify.code": ("核验码", "Verification code"),
    "verify.submit": ("核验", "Verify"),
    "verify.by_document": ("按文件核验", "By document"),
    "verify.document": ("证明 PDF（不超过 16 MiB，可拖入）", "Certificate PDF (up to 16 MiB)"),
    "verify.document_note": (
        "只计算文件的 SHA-256 并比对，文件不保存。",
        "Only the SHA-256 of the file is computed and compared; the file is not kept.",
    ),
    "verify.stands": (
        "本服务器出具了这份证明，当前状态：有效。",
        "This server issued this certificate, and it is valid.",
    ),
    "verify.redeemed": (
        "本服务器出具了这份证明，已用于兑付。",
        "This server issued this certificate; it has been redeemed.",
    ),
    "verify.superseded": (
        "本服务器出具了这份证明，但已被新证明替代，请索取最新一份。",
        "This server issued this certificate, but a newer one supersedes it; ask for that.",
    ),
    "verify.withdrawn": (
        "本服务器出具了这份证明，但已撤销，不得使用。",
        "This server issued this certificate, but withdrew it; it must not be used.",
    ),
    "verify.unknown_number": (
        "没有与该编号和核验码相符的证明。请对照原件重新输入。",
        "No certificate has this number and code. Compare with the original and try again.",
    ),
    "verify.unknown_document": (
        (
            "本服务器没有出具过与此文件逐字节相同的证明。文件可能被改动或另存过；"
            "也可改用编号核验，或用 kashi-verify 离线检查签名。"
        ),
        (
            "This server issued no certificate with exactly these bytes. The file may have been "
            "changed or re-saved; try its number, or check its signature offline with kashi-verify."
        ),
    ),
    "verify.identical": (
        "文件与出具时逐字节一致。",
        "The file is identical, byte for byte, to what was issued.",
    ),
    "verify.masked": (
        "为保护企业信息，名称与代码部分隐去。",
        "Names and codes are partly masked to protect the company.",
    ),
    "verify.digest": ("文件 SHA-256", "SHA-256 of the file"),
    "verify.demo": (
        "演示证明：工作负载由程序生成，无任何效力。",
        "Demonstration certificate: generated workload, void for any use.",
    ),
    "api.title": ("数据接口", "Data interface"),
    "api.lead": (
        "与页面相同的数据与权限范围，JSON 格式；金额为整数分，时间为毫秒或分钟，卡时为精确值。",
        (
            "The same data and scope as the pages, in JSON: money in integer fen, time in "
            "milliseconds or minutes, card-hours as exact decimals or fractions."
        ),
    ),
    "api.description": ("接口描述（OpenAPI 3.1）", "Description (OpenAPI 3.1)"),
    "api.address": ("地址", "Address"),
    "api.summary": ("内容", "What it gives"),
    "api.operation.account": ("当前账号", "The account that asks"),
    "api.operation.parties": ("可查看的主体", "Parties the reader may look at"),
    "api.operation.company_months": ("按企业汇总的已结月份", "Closed months by company"),
    "api.operation.company_month": ("某主体某月的用量", "A party's usage in a month"),
    "api.operation.gaps": ("某月上报的缺口", "Reported gaps in a month"),
    "api.operation.device_month": ("某设备某月的用量", "A device's usage in a month"),
    "api.operation.device_day": ("某设备某日的逐小时用量", "A device's hours of a day"),
    "api.operation.hosts": ("本方运营或拥有的主机", "Hosts the reader operates or owns"),
    "api.operation.host": ("单台主机", "One host"),
    "api.operation.holds": ("暂挂与待查事项", "What is held or must be looked at"),
    "api.operation.statements": ("结算单（最新修订）", "Latest revisions of statements"),
    "api.operation.statement": ("结算单最新修订原文", "A statement's latest revision, as stored"),
    "api.operation.statement_revision": ("结算单某次修订原文", "A statement revision, as stored"),
    "api.operation.certificates": ("可下载的使用证明", "Certificates the reader may download"),
    "api.operation.certificate": ("单份使用证明", "One certificate"),
    "api.operation.download": ("使用证明的文件", "A file of a certificate"),
    "api.operation.audit": (
        "最近的审计记录（仅主管部门与审计）",
        "The latest lines of the audit trail (office and auditors)",
    ),
}

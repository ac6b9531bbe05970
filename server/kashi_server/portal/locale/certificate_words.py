"""Words of usage certificates."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "certificates.title": ("算力使用证明", "Usage certificates"),
    "certificates.lead": (
        "PDF 与数据文件内容一致，均带签名；更正后的证明替代旧证明，旧证明保留可查。",
        (
            "PDF and data say the same and are signed; a corrected certificate supersedes the old "
            "one, which stays."
        ),
    ),
    "certificates.none": (
        "还没有使用证明。月份关账并出具后显示在这里。",
        "No certificate yet. They appear once a month is closed and certified.",
    ),
    "certificate": ("使用证明", "Certificate"),
    "certificate.number": ("证明编号", "Certificate no."),
    "certificate.code": ("核验码", "Verification code"),
    "certificate.status": ("状态", "Status"),
    "certificate.issued": ("出具时间", "Issued"),
    "certificate.statement": ("结算单", "Statement"),
    "certificate.user": ("使用方", "User"),
    "certificate.month": ("月份", "Month"),
    "certificate.card_hours": ("计量卡时", "Metered card-hours"),
    "certificate.amount": ("应付金额（元）", "Amount (CNY)"),
    "certificate.eligible": ("合格金额（元）", "Eligible (CNY)"),
    "certificate.files": ("下载", "Downloads"),
    "certificate.supersedes": ("替代", "Supersedes"),
    "certificate.superseded_by": ("被替代于", "Superseded by"),
    "certificate.reason": ("说明", "Reason"),
    "certificate.pdf_sha256": ("PDF 的 SHA-256", "SHA-256 of the PDF"),
    "certificate.statement_sha256": ("结算单的 SHA-256", "SHA-256 of the statement"),
    "status.issued": ("有效", "valid"),
    "status.superseded": ("已被替代", "superseded"),
    "status.withdrawn": ("已撤销", "withdrawn"),
    "status.redeemed": ("已兑付", "redeemed"),
    "file.pdf": ("证明 PDF（含签名与数据附件）", "Certificate PDF (signed, data attached)"),
    "file.statement": ("结算数据 JSON", "Statement JSON"),
    "file.evidence": ("证据数据 JSON", "Evidence JSON"),
    "file.summary": ("汇总 JSON（小计、大写、发票勾稽）", "Summary JSON"),
    "file.lines": ("计费明细 CSV", "Rated lines CSV"),
    "certificate.confirmations": ("双方确认", "Confirmed by both parties"),
    "certificate.side.user": ("需求方", "User"),
    "certificate.side.provider": ("供给方", "Provider"),
    "certificate.unconfirmed": ("尚未确认", "not confirmed yet"),
    "certificate.confirm": ("确认本证明", "Confirm this certificate"),
    "certificate.confirm_text": (
        "以登录单位的名义确认本证明内容属实；确认被记录、标明日期并写入日志，已签名的 PDF 不变。",
        (
            "Confirm in your organisation's name that this certificate says what you know. It is "
            "recorded, dated and logged; the signed PDF stays as it is."
        ),
    ),
    "certificate.newer": (
        "其结算单已有第 {n} 次修订：请向出具单位索取新证明。",
        "Its statement has revision {n} by now: ask the issuer for the certificate of it.",
    ),
    "file.bundle": ("证据包 ZIP（离线核验用）", "Evidence bundle ZIP (for offline verification)"),
    "certificate.verify": ("公开核验", "Public verification"),
    "certificate.verify_text": (
        "任何人可凭编号与核验码，或上传 PDF，在核验页查验本证明。",
        (
            "Anybody may check this certificate on the verification page by number and code, or by "
            "uploading the PDF."
        ),
    ),
}

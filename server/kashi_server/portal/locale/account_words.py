"""Words of signing in and of the audit trail."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "sign_in.title": ("登录", "Sign in"),
    "sign_in.lead": (
        "企业、供给方、主管部门与审计人员凭账号登录。核验使用证明无需登录。",
        (
            "For companies, providers, the programme office and auditors. "
            "Verifying a certificate needs no account."
        ),
    ),
    "sign_in.login": ("账号", "Login"),
    "sign_in.password": ("密码", "Password"),
    "sign_in.submit": ("登录", "Sign in"),
    "sign_in.wrong": ("账号或密码不正确。", "The login or the password is wrong."),
    "sign_in.throttled": (
        "尝试次数过多，请 15 分钟后再试。",
        "Too many attempts; wait a quarter of an hour.",
    ),
    "sign_in.verify": ("核验一份使用证明", "Verify a usage certificate"),
    "sign_in.forgotten": (
        "忘记密码？请联系服务器管理员重置。",
        "Forgotten? Ask the server's administrator to set a new one.",
    ),
    "audit.title": ("审计记录", "Audit trail"),
    "audit.lead": (
        "门户上的登录、拒绝、下载与令牌签发，只增不改；显示最近 {n} 条。",
        (
            "Sign-ins, denials, downloads and tokens on the portal, only ever added to; "
            "the latest {n} lines."
        ),
    ),
    "audit.at": ("时间", "Time"),
    "audit.login": ("账号", "Login"),
    "audit.address": ("来源", "Address"),
    "audit.act": ("事项", "Act"),
    "audit.subject": ("对象", "Subject"),
    "act.signed-in": ("登录", "signed in"),
    "act.signed-out": ("退出", "signed out"),
    "act.session-expired": ("会话到期", "session expired"),
    "act.sign-in-refused": ("登录被拒", "sign-in refused"),
    "act.sign-in-throttled": ("登录限流", "sign-in throttled"),
    "act.console-proved": ("在控制台凭密码办理", "proved at the console"),
    "act.account-created": ("建立账号", "account created"),
    "act.account-disabled": ("停用账号", "account disabled"),
    "act.password-changed": ("修改密码", "password changed"),
    "act.denied": ("拒绝访问", "denied"),
    "act.form-refused": ("表单被拒", "form refused"),
    "act.token-issued": ("签发接入令牌", "enrolment token issued"),
    "act.restored": ("从备份恢复", "restored from a backup"),
    "act.downloaded": ("下载", "downloaded"),
}

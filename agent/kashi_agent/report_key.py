"""Where a host's report key is: in a file of the identity folder, or in a key token; never in both.

The server knows one key a host. So what a host began with it keeps: settings that say otherwise are
refused with the way to a new enrolment, and nothing is made in silence.
"""

from dataclasses import dataclass, field
from pathlib import Path

from kashi_agent.errors import AgentError, KeyTokenError
from kashi_agent.held_key import HeldKeyRecord, read_record
from kashi_agent.token_files import RefusedPin
from kashi_agent.token_key import TokenKey, take_key
from kashi_agent.token_settings import TokenSettings

KEY_FILE = "report.key"
RECORD = "report-key.json"
REFUSED_PIN = "pin-refused"


@dataclass(slots=True)
class KeyInToken:
    """The report key of one identity folder as a key token holds it."""

    folder: Path
    settings: TokenSettings
    _key: TokenKey | None = field(default=None)

    @property
    def record(self) -> Path:
        """Which key it is."""
        return self.folder / RECORD

    def key(self, *, enrolled: bool) -> TokenKey:
        """The key: of a host that is to be enrolled it is taken, or made, in the token. After that
        the token is not asked before something is to be signed.

        Raises:
            KeyTokenError: the token cannot be used, or this host's key is in a file.
            AgentError: the record is damaged, or an enrolled host lost it.
        """
        if self._key is None:
            check_no_file(self.folder, enrolled=enrolled)
            if not enrolled and not self.record.exists():
                public, token = take_key(self.settings, self._pins)
                HeldKeyRecord(public=public, token=token).write(self.record)
            key = TokenKey(self.settings, self._pins, self._known().public)
            if not enrolled:
                key.check()  # somebody waits: unlocking may take longer than a signature may
            self._key = key
        return self._key

    @property
    def _pins(self) -> RefusedPin:
        return RefusedPin(self.folder / REFUSED_PIN)

    def _known(self) -> HeldKeyRecord:
        if not self.record.exists():
            raise AgentError(
                f"{self.record} 不见了，而本机已登记：无从得知令牌中哪个是登记的密钥；请从备份恢复"
                f"（其中没有私钥），或由主管人员吊销此身份后重新登记本机。{self.record} is gone, "
                "and this host is enrolled: nothing says which key of the token it is known by; "
                "restore it from a backup (it holds no private key), or have your officer revoke "
                "this identity and enrol the host anew"
            )
        return read_record(self.record)


def check_no_file(folder: Path, *, enrolled: bool) -> None:
    """Refuse a key token for a host whose report key is in a file.

    Raises:
        KeyTokenError: it is.
    """
    path = folder / KEY_FILE
    if not path.exists():
        return
    if enrolled:
        raise KeyTokenError(
            f"本机以 {path} 中的密钥登记，服务器只认这一个，不能移入令牌；请去掉设置中的 "
            "[report_key]，或由主管人员吊销此身份，移走状态目录后以令牌重新登记。This host is "
            f"enrolled with the key in {path}, the server knows no other, and it cannot move into "
            "a token; take [report_key] out of the settings, or have your officer revoke this "
            "identity, move the state folder away and enrol anew with the token"
        )
    raise KeyTokenError(
        f"{path} 是一次未完成的登记留下的密钥，服务器可能已认得它；请去掉设置中的 [report_key] 完成"
        f"登记，或删除该文件并换一个登记令牌。{path} is the key of an enrolment that was not "
        "finished, and the server may know it; take [report_key] out of the settings and finish "
        "it, or remove that file and use another enrolment token"
    )


def check_no_token(folder: Path) -> None:
    """Refuse a file for a host whose report key is in a key token.

    Raises:
        KeyTokenError: it is.
    """
    path = folder / RECORD
    if path.exists():
        named = read_record(path).token.named
        raise KeyTokenError(
            f"本机的报告密钥在密钥令牌中（{named}，见 {path}），而设置没有 [report_key]；请补上。改"
            "用文件须由主管人员吊销此身份后重新登记。This host's report key is in a key token ("
            f"{named}, see {path}), and the settings have no [report_key]; put it back. To have "
            "the key in a file, let your officer revoke this identity and enrol the host anew"
        )

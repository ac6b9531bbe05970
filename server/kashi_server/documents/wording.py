"""The words of the page, Chinese first, English second."""

from typing import Final, NamedTuple

from kashi_server.domain.reason import Reason


class Pair(NamedTuple):
    """One phrase in both languages."""

    zh: str
    en: str

    def to_data(self) -> dict[str, str]:
        """As the template reads it."""
        return {"zh": self.zh, "en": self.en}


TITLE: Final = Pair("算力使用证明", "Certificate of Computing-Power Usage")
NUMBER: Final = Pair("证明编号", "Certificate no.")

BASIS: Final = {
    "leased_observed": Pair("租用且被观测的时间", "leased and observed time"),
    "held": Pair("被占用的时间", "held time"),
    "utilised": Pair("利用率对时间的积分", "utilisation over time"),
    "flat_rent": Pair("按日计的月租", "a monthly rent, by the day"),
}

PARAMETER_STATE: Final = {
    "published": Pair("已公布", "published"),
    "decided": Pair("经决定", "decided"),
    "unknown": Pair("未知", "unknown"),
}

GAP_REASON: Final = {
    "agent_down": Pair("采集程序未运行", "agent not running"),
    "meter_down": Pair("计量进程未运行", "meter not running"),
    "meter_hung": Pair("驱动调用无响应", "driver call did not return"),
    "released": Pair("按请求释放设备", "device released on request"),
    "samples_missing": Pair("采样间隔过长", "samples too far apart"),
    "device_lost": Pair("设备无应答", "device did not answer"),
    "no_permission": Pair("驱动拒绝访问", "driver refused access"),
    "suspended": Pair("主机休眠", "machine slept"),
    "spool_lost": Pair("本地缓存不可读", "spool could not be read back"),
    "trace_hole": Pair("记录的工作负载缺失", "hole in a recorded workload"),
    "silent": Pair("无人上报", "nobody reported"),
    "between_boots": Pair("两次开机之间", "between two boots"),
    "not_stated": Pair("供给方未声明", "not stated by the provider"),
}

SUBSIDY_STEP: Final = {
    "gate": Pair("资格", "gate"),
    "scope": Pair("合格范围", "scope"),
    "meter": Pair("计量", "metered use"),
    "price": Pair("计价", "price"),
    "prorate": Pair("分摊", "prorate"),
    "base": Pair("基数", "base"),
    "threshold": Pair("年度门槛", "threshold"),
    "ratio": Pair("资助比例", "ratio"),
    "company_cap": Pair("企业上限", "company's caps"),
    "stacking": Pair("叠加", "stacking"),
    "voucher_balance": Pair("券余额", "voucher balance"),
    "pool": Pair("资金池", "pool"),
    # Of statements that were estimated before evaluations were part of them.
    "year_to_date": Pair("本年累计", "year to date"),
    "company_year_cap": Pair("企业年度上限", "company's cap a year"),
    "less_earlier": Pair("扣除此前", "less earlier"),
}

REASON: Final = {str(reason): Pair(reason.zh, reason.en) for reason in Reason}

EVIDENCE_LEVEL: Final = {
    "E0": Pair("E0 仅有书面材料", "documents only"),
    "E1": Pair("E1 供给方声明并会签", "provider's statement, countersigned"),
    "E2": Pair("E2 采集程序签名", "signed by the agent"),
    "E3": Pair("E3 硬件密钥或经证明的设备", "hardware-held key or attested device"),
}

VENDOR: Final = {"nvidia": "NVIDIA", "huawei": "华为 Huawei"}


def phrase(words: dict[str, Pair], code: str) -> str:
    """Both languages of a code in one line; the code itself where there are no words for it."""
    found = words.get(code)
    return code if found is None else f"{found.zh} {found.en}"


def section(title: Pair, *, kind: str, **content: object) -> dict[str, object]:
    """A section of the page as the template reads it."""
    return {"title": title.to_data(), "kind": kind, **content}


def row(
    zh: str, en: str, value: str, *, wide: bool = False, strong: bool = False
) -> dict[str, object]:
    """A named value of a table of facts."""
    return {"label": {"zh": zh, "en": en}, "value": value, "wide": wide, "strong": strong}


def column(
    zh: str, en: str, *, figure: bool = False, width: int | str = "auto"
) -> dict[str, object]:
    """A column of a table of figures; `width` is a share of what is left, or "auto"."""
    return {"label": {"zh": zh, "en": en}, "figure": figure, "width": width}

"""Why a line earns nothing or stands flagged: one code, one sentence in Chinese and in English.

A reason never lowers a quantity by itself; rating does what the code says and the code says what
rating did.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A reason on a rated line, or a flag on a statement."""

    SELF_OWNED = "self_owned"
    UNLEASED = "unleased"
    ASSIGNMENT_UNCONFIRMED = "assignment_unconfirmed"
    OWNER_UNKNOWN = "owner_unknown"
    NO_PRICE = "no_price"
    OUTSIDE_TERM = "outside_term"
    PROVIDER_NOT_OWNER = "provider_not_owner"
    CONFLICT = "conflict"
    SHARE_UNKNOWN = "share_unknown"
    SHARES_EXCEED_DEVICE = "shares_exceed_device"
    HELD_PARTLY_UNKNOWN = "held_partly_unknown"
    UTILISATION_PARTLY_UNKNOWN = "utilisation_partly_unknown"
    NEVER_OBSERVED = "never_observed"
    GAP_REPORTS_EXCEED = "gap_reports_exceed"
    RELATED_PARTIES = "related_parties"
    RELATION_UNDECLARED = "relation_undeclared"
    NO_ACTIVE_RULES = "no_active_rules"
    IDLE_WHILE_LEASED = "idle_while_leased"
    GENERATED_WORKLOAD = "generated_workload"
    METER_DOUBTFUL = "meter_doubtful"
    STATED_AND_MEASURED = "stated_and_measured"
    CLOCK_UNKNOWN = "clock_unknown"

    @property
    def zh(self) -> str:
        """The sentence in Chinese."""
        return _TEXTS[self][0]

    @property
    def en(self) -> str:
        """The sentence in English."""
        return _TEXTS[self][1]


_TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.SELF_OWNED: (
        "自有主机：自建自用的算力不计入租用费用",
        "self-owned host: compute a company owns itself is no rental expense",
    ),
    Reason.UNLEASED: (
        "该时段没有租用指派",
        "no assignment leases the device in this time",
    ),
    Reason.ASSIGNMENT_UNCONFIRMED: (
        "租用指派尚未经双方确认",
        "the assignment is not confirmed by both sides",
    ),
    Reason.OWNER_UNKNOWN: (
        "主机的产权与用途尚未登记",
        "nobody has registered who owns the host and what for",
    ),
    Reason.NO_PRICE: (
        "该时段合同没有约定此型号的单价",
        "the contract has no price for this model in this time",
    ),
    Reason.OUTSIDE_TERM: (
        "指派超出合同期限",
        "the assignment lies outside the contract's term",
    ),
    Reason.PROVIDER_NOT_OWNER: (
        "该时段主机不属于合同的供给方",
        "the contract's provider does not own the host in this time",
    ),
    Reason.CONFLICT: (
        "两台主机同时上报同一设备：暂挂，不计费",
        "two hosts observed the device in the same minutes: held, not billed",
    ),
    Reason.SHARE_UNKNOWN: (
        "分区占整卡的比例未知：暂挂，不计费",
        "the partition's share of its device is unknown: held, not billed",
    ),
    Reason.SHARES_EXCEED_DEVICE: (
        "同一物理设备的分区比例之和超过 1：暂挂，不计费",
        "shares of one physical device add up to more than 1: held, not billed",
    ),
    Reason.HELD_PARTLY_UNKNOWN: (
        "部分时间是否被占用未知，按已知部分计",
        "for part of the time nobody knows whether the device was held; the known part counts",
    ),
    Reason.UTILISATION_PARTLY_UNKNOWN: (
        "部分时间利用率未知，按已知部分计",
        "for part of the time utilisation is unknown; the known part counts",
    ),
    Reason.NEVER_OBSERVED: (
        "已指派的设备本月没有任何观测",
        "an assigned device was not observed at all in this month",
    ),
    Reason.GAP_REPORTS_EXCEED: (
        "上报的缺口多于未观测时间",
        "reported gaps add up to more than the time not observed",
    ),
    Reason.RELATED_PARTIES: (
        "双方声明为关联方：不计入合格费用",
        "the parties declare that they are related: not eligible",
    ),
    Reason.RELATION_UNDECLARED: (
        "双方尚未作非关联方声明",
        "the parties have not declared that they are unrelated",
    ),
    Reason.NO_ACTIVE_RULES: (
        "该时段没有有效的政策版本",
        "no version of the programme's rules is in force in this time",
    ),
    Reason.IDLE_WHILE_LEASED: (
        "租用期间利用率为零（仅供参考，不扣减）",
        "leased but never active (information only, nothing is deducted)",
    ),
    Reason.GENERATED_WORKLOAD: (
        "演示：工作负载由程序生成",
        "demonstration: the workload is generated",
    ),
    Reason.STATED_AND_MEASURED: (
        "供给方声明的时段已另行计量、计费或租出：暂挂，不重复计费",
        "the time a provider states is measured, billed or leased otherwise: held, billed once",
    ),
    Reason.METER_DOUBTFUL: (
        "计量环境存在疑点（仅供参考，不扣减）",
        "the meter's surroundings raise doubts (information only, nothing is deducted)",
    ),
    Reason.CLOCK_UNKNOWN: (
        "部分报告的主机时钟未经同步：其时刻偏差未知（仅供参考，不扣减）",
        "no time source vouched for the clock of some reports: its offset is unknown (information)",
    ),
}

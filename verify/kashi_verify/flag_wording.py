"""Flags in words: those this program raises, and those a statement carries."""

from typing import Final

FLAGS: Final = {
    # Raised here.
    "demo": ("演示：不得用于任何申报", "a demonstration: void for any claim"),
    "issued_in_future": ("出具时间晚于当前时间", "issued after the time now"),
    "signer_expired": (
        "签名证书在签名之后已到期",
        "a certificate of the signer has expired since signing",
    ),
    "quarantined": ("有报告被隔离，不计入", "a report is quarantined and does not count"),
    "restored": ("有报告经审核恢复计入", "a report was restored by decision and counts"),
    "block_withheld": ("有设备的数据未出示，按缺口计", "data of a device is not shown: a gap here"),
    "reports_missing": ("报告之间有缺失，按缺口计", "reports between others are not shown: a gap"),
    "replayed": ("负载为回放或生成，并非实测", "a recorded or generated workload, not measured"),
    "boot_time_repeated": (
        "同一次启动的同一段时钟被报为两个时刻",
        "one stretch of a boot's clock is told as two times of day",
    ),
    "described_otherwise": (
        "主机所签的设备描述与结算不同",
        "a host signed another description of the device than the statement's",
    ),
    # Carried by the statement.
    "conflict": (
        "两台主机同时上报同一设备：暂挂，不计费",
        "two hosts observed the device in the same minutes: held, not billed",
    ),
    "shares_exceed_device": (
        "同一物理设备的分区比例之和超过 1：暂挂，不计费",
        "shares of one device add up to more than 1: held, not billed",
    ),
    "assignment_unconfirmed": (
        "租用指派尚未经双方确认",
        "the assignment is not confirmed by both sides",
    ),
    "never_observed": ("已指派的设备本月没有任何观测", "an assigned device was never observed"),
    "gap_reports_exceed": (
        "上报的缺口多于未观测时间",
        "reported gaps add up to more than the time not observed",
    ),
    "relation_undeclared": (
        "双方尚未作非关联方声明",
        "the parties have not declared that they are unrelated",
    ),
    "no_active_rules": ("该时段没有有效的政策版本", "no version of the rules is in force"),
    "idle_while_leased": (
        "租用期间利用率为零（仅供参考，不扣减）",
        "leased but never active (information only, nothing is deducted)",
    ),
    "meter_doubtful": (
        "计量环境存在疑点（仅供参考，不扣减）",
        "the meter's surroundings raise doubts (information only, nothing is deducted)",
    ),
    "clock_unknown": (
        "部分报告的主机时钟未经同步：其时刻偏差未知（仅供参考，不扣减）",
        "no time source vouched for the clock of some reports: its offset is unknown (information)",
    ),
    "generated_workload": ("演示：工作负载由程序生成", "demonstration: the workload is generated"),
    "stamp_unvouched": (
        "时间戳完整，但未证明由谁出具",
        "the time-stamp is whole, but nobody vouched for its authority",
    ),
    "stamp_late": ("时间戳与出具时间相差较大", "the time-stamp is far from the time of issue"),
    "stamp_missing": ("应有的时间戳未取得", "a time-stamp was asked for and is missing"),
    "months_unproven": ("部分月份未给出证据包", "some months were given no evidence bundle"),
    "stated_by_provider": (
        "该行由供给方声明，无主机报告",
        "the line is what a provider stated: no host reported it",
    ),
}
"""By code; a code that a later server brings is shown as it stands."""

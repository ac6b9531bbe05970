"""Words of what hosts told as it happened."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "events.title": ("最近 {days} 天的事件", "Events of the last {days} days"),
    "events.lead": (
        "健康与故障由驱动给出，按厂商代码原样列出；事件只作说明，不改变任何数字。",
        "Health and faults as the driver gives them, by the vendor's codes. They change no figure.",
    ),
    "events.standing": ("尚未解除的故障与健康告警", "Faults and health that stand"),
    "events.none": ("没有事件。", "Nothing was told."),
    "events.at": ("时间", "At"),
    "events.what": ("事件", "Event"),
    "events.detail": ("内容", "Detail"),
    "events.code": ("代码", "Code"),
    "host_event.1": ("代理启动", "agent started"),
    "host_event.2": ("代理停止", "agent stopped"),
    "host_event.3": ("主机启动", "host booted"),
    "host_event.4": ("时钟跳变", "clock stepped"),
    "host_event.5": ("时间轴重新对齐", "axis anchored anew"),
    "host_event.6": ("主机挂起", "host suspended"),
    "host_event.7": ("计量启动", "meter started"),
    "host_event.8": ("计量崩溃", "meter crashed"),
    "host_event.9": ("计量无响应", "meter hung"),
    "host_event.10": ("计量已释放设备", "meter released the devices"),
    "host_event.11": ("本地缓存已修复", "spool repaired"),
    "host_event.12": ("磁盘已满", "disk full"),
    "host_event.13": ("配置变更", "configured"),
    "host_event.14": ("驱动变更", "driver changed"),
    "device_event.1": ("设备出现", "appeared"),
    "device_event.2": ("设备消失", "vanished"),
    "device_event.3": ("驱动错误（XID）", "driver error (XID)"),
    "device_event.4": ("能耗计数归零", "energy counter reset"),
    "device_event.5": ("读数被舍弃", "value dropped"),
    "device_event.6": ("分区变更", "partitioned"),
    "device_event.8": ("健康等级变化", "health changed"),
    "device_event.9": ("故障", "fault"),
}

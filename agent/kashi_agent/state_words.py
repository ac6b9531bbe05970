"""Words of the link and of samples for a person: the Chinese one, and beside it the one that
programs read."""

from typing import Final

from kashi_agent.both_languages import halves

_METER: Final = {
    "measuring": "计量中",
    "connected": "已连接",
    "not connected": "未连接",
    "silent": "无声",
    "driver": "驱动不可用",
    "hung": "调用停滞",
    "answered": "调用已返回",
    "released": "已释放",
    "resumed": "恢复计量",
    "stopping": "正在停止",
    "unidentified": "有设备未识别",
}

REPLAYED: Final = "；回放，非实测 replayed, not measured"
"""Stands behind a meter that plays a workload."""

_ABSENT: Final = {
    "not_supported": "不支持",
    "no_permission": "无权限",
    "not_found": "未找到",
    "out_of_range": "超出范围",
    "device_lost": "设备失联",
    "not_ready": "未就绪",
    "driver_error": "驱动出错",
    "not_recorded": "无记录",
    "foreign_pid_namespace": "进程号不在本命名空间",
    "scheduler_unread": "调度器不可读",
}

_HOLDERS: Final = {
    "process": "进程",
    "user": "用户",
    "unit": "服务",
    "container": "容器",
    "pod": "Pod",
    "slurm_job": "Slurm 作业",
    "grant": "分配",
}


def meter_state(state: str) -> str:
    """How the meter is: its word in both languages, and what it says beyond it in each."""
    word, _, why = state.partition(": ")
    known = _METER.get(word)
    if known is None:
        return state
    zh, en = halves(why)
    if zh == en:
        return f"{known} {state}"
    return "。".join(meter_halves(state))


def meter_halves(state: str) -> tuple[str, str]:
    """The same in Chinese and in English; of what no meter is, its own halves."""
    word, colon, why = state.partition(": ")
    known = _METER.get(word)
    if known is None:
        return halves(state)
    zh, en = halves(why)
    return f"{known}{colon and '：'}{zh}", f"{word}{colon}{en}"


def meter_reason(state: str) -> str:
    """Why a meter does not measure, in both languages, for whoever has said the rest: what it says
    beyond its word, else the word."""
    word, _, why = state.partition(": ")
    return (why or f"{_METER[word]}。{word}") if word in _METER else state


def absent_reason(reason: str) -> str:
    """Why a value or a device is not seen, as a reason behind a sentence."""
    return f"{_ABSENT[reason]}。{reason}" if reason in _ABSENT else reason


def absent_zh(reason: str) -> str:
    """The Chinese half of that."""
    return _ABSENT.get(reason, reason)


def absence(reason: str) -> str:
    """Why a value or a device is not seen."""
    return f"{_ABSENT[reason]}\n{reason}" if reason in _ABSENT else reason


def holder_kind(kind: str) -> str:
    """What holds a device, in Chinese; a kind that nobody has put into it as it is."""
    return _HOLDERS.get(kind, kind)

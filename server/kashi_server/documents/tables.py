"""The certificate's tables of figures: lines, days, devices one by one."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.wording import Pair, column, section
from kashi_server.domain.reason import Reason

Data = Mapping[str, Any]
_REASONS: Final = {str(reason): reason for reason in Reason}


def number_devices(devices: Sequence[Data]) -> dict[str, str]:
    """Short names for devices on the page, `D01` …, by hardware id; the annex resolves them."""
    width = max(2, len(str(len(devices))))
    return {device["hardware_id"]: f"D{place:0{width}d}" for place, device in enumerate(devices, 1)}


def _number_hosts(statement: Data) -> dict[str, str]:
    found = dict.fromkeys(
        host for device in statement["devices"] for host in device["host_ids"]
    ) | dict.fromkeys(line["host_id"] for line in statement["lines"])
    return {host: f"H{place:02d}" for place, host in enumerate(sorted(found), 1)}


def line_section(statement: Data, numbered: Mapping[str, str]) -> dict[str, Any]:
    """One row a rated line, with totals."""
    hosts = _number_hosts(statement)
    reasons = list(dict.fromkeys(why for line in statement["lines"] for why in line["reasons"]))
    rows = [_line_row(line, numbered, hosts, reasons) for line in statement["lines"]]
    return section(
        Pair("计量与计费明细", "Rated lines"),
        kind="figures",
        grid={"columns": _LINE_COLUMNS, "rows": rows, "total": _line_total(statement["totals"])},
        remarks=[_LINE_REMARK.to_data(), *_reason_remarks(reasons)],
    )


_LINE_COLUMNS: Final = [
    column("行", "line"),
    column("设备·主机", "device, host"),
    column("起（含）– 止（不含）", "from – until"),
    column("份额", "share", figure=True),
    column("租用", "leased", figure=True, width=100),
    column("计量", "metered", figure=True, width=100),
    column("缺口", "gap", figure=True, width=85),
    column("计费", "billed", figure=True, width=100),
    column("单价（元）", "price", figure=True, width=80),
    column("金额（元）", "amount", figure=True, width=110),
    column("注", "notes"),
]

_LINE_REMARK: Final = Pair(
    "租用、计量、缺口、计费均以卡时为单位，截至四位小数；时间为北京时间（UTC+08:00），左闭右开。"
    "金额 = 计费时间 × 份额 × 单价，每行截断到分。√ 计入合格费用。",
    "Leased, metered, gap and billed in card-hours, cut to four places; times in UTC+08:00,"
    " half-open. Amount = billed time × share × price, cut to one fen a line. √ eligible.",
)


def _line_row(
    line: Data, numbered: Mapping[str, str], hosts: Mapping[str, str], reasons: Sequence[str]
) -> list[str]:
    share = None if line["share"] is None else Fraction(line["share"])
    counted = line["quantities"]
    notes = [line["evidence_level"], *(["√"] if line["eligible"] else [])]
    notes += [_mark(reasons.index(why)) for why in line["reasons"]]
    return [
        str(line["line"]),
        f"{numbered[line['hardware_id']]}·{hosts[line['host_id']]}",
        f"{figures.minute_text(line['start'])} – {figures.minute_text(line['end'])}",
        line["share"] or figures.UNKNOWN,
        figures.card_hours(counted["leased_ms"], share),
        figures.card_hours(counted["observed_ms"], share),
        figures.card_hours(counted["gap_ms"], share),
        figures.card_hours(line["billed_ms"], share),
        _price(line),
        figures.yuan(line["amount_fen"]),
        " ".join(notes),
    ]


def _price(line: Data) -> str:
    """The price as it was agreed: by the card-hour, the partition's hour or the month."""
    agreed = line.get("price")
    if agreed is None:
        return line["price_yuan_per_card_hour"] or figures.UNKNOWN
    if agreed["unit"] == "partition_hour":
        return f"{agreed['yuan']}/片时"
    devices = agreed["devices"]
    among = "" if devices == "1" else f"÷({devices})" if "/" in devices else f"÷{devices}"
    return f"{agreed['yuan']}/月{among}"


def _line_total(totals: Data) -> list[str]:
    hours = figures.exact_card_hours
    return [
        *("合计 total", "", "", ""),
        hours(totals["leased_card_hours"]),
        hours(totals["card_hours"]),
        "",
        hours(totals["billed_card_hours"]),
        "",
        figures.yuan(totals["amount_fen"]),
        "",
    ]


def _mark(place: int) -> str:
    return f"[{place + 1}]"


def _reason_remarks(reasons: Sequence[str]) -> list[dict[str, str]]:
    remarks = []
    for place, code in enumerate(reasons):
        words = _REASONS.get(code)
        zh, en = (words.zh, words.en) if words else (code, "")
        remarks.append(Pair(f"{_mark(place)} {zh}", en).to_data())
    return remarks


def day_section(days: Sequence[Data]) -> dict[str, Any]:
    """One cell row a day, with totals."""
    # Two days a row: a month takes half the height, and its total stays with it.
    half = -(-len(days) // 2)
    cells = [
        [
            day["date"][5:],
            *(figures.card_hours(day[name], figures.WHOLE) for name in _DAY_QUANTITIES),
            figures.yuan(day["amount_fen"]),
        ]
        for day in days
    ]
    cells += [[""] * len(_DAY_COLUMNS)] * (2 * half - len(days))
    total = [
        *("合计 total", "", "", "", "", "", ""),
        *(
            figures.card_hours(sum(day[name] for day in days), figures.WHOLE)
            for name in _DAY_QUANTITIES
        ),
        figures.yuan(sum(day["amount_fen"] for day in days)),
    ]
    return section(
        Pair("日表（设备小时）", "By day, in device-hours"),
        kind="figures",
        grid={
            "columns": [*_DAY_COLUMNS, column("", "", width=15), *_DAY_COLUMNS],
            "rows": [[*cells[place], "", *cells[place + half]] for place in range(half)],
            "total": total,
        },
    )


_DAY_COLUMNS: Final = [
    column("日期", "date"),
    column("租用", "leased", figure=True, width=100),
    column("计量", "metered", figure=True, width=100),
    column("缺口", "gap", figure=True, width=80),
    column("金额（元）", "amount", figure=True, width=110),
]
_DAY_QUANTITIES: Final = ("leased_ms", "observed_ms", "gap_ms")


def device_annex(statement: Data, numbered: Mapping[str, str]) -> dict[str, Any]:
    """Every device with its full id; the hosts below."""
    hosts = _number_hosts(statement)
    rows = [
        [
            numbered[device["hardware_id"]],
            device["hardware_id"],
            device["model"],
            " ".join(hosts[host] for host in device["host_ids"]),
        ]
        for device in statement["devices"]
    ]
    return section(
        Pair("附表：设备与主机", "Annex: devices and hosts"),
        kind="figures",
        grid={
            "columns": [
                column("编号", "no."),
                column("设备标识", "hardware id", width=220),
                column("型号", "model", width=140),
                column("主机", "hosts", width=60),
            ],
            "rows": rows,
            "total": [],
        },
        remarks=[Pair(f"{short} = {host}", "").to_data() for host, short in hosts.items()],
    )

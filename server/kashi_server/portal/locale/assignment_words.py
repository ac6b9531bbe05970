"""Words of assignments: which device serves which contract, as both sides agree."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "nav.assignments": ("租用指派", "Assignments"),
    "assignments.title": ("租用指派", "Assignments"),
    "assignments.lead": (
        "哪台设备自何时起服务于哪份合同：一方提议，另一方确认后才计为租用。",
        (
            "Which device serves which contract from when: one side proposes, and it is leased "
            "once the other side confirms."
        ),
    ),
    "assignments.awaiting": ("{n} 项提议待您答复", "{n} proposals await your answer"),
    "usage.running": ("查看本月（{month}，进行中）", "This month ({month}), still running"),
    "assignments.awaiting_note": (
        "确认前，相应时段照常计量，但暂挂不计费。拒绝须说明理由。",
        "Until confirmed, the time is metered and held. Declining needs a reason.",
    ),
    "assignments.own": ("{n} 项提议待对方答复", "{n} proposals await the other side"),
    "assignments.own_note": ("答复前您可以撤回。", "You may withdraw them until then."),
    "assignments.all": ("全部指派", "All assignments"),
    "assignments.found": ("共 {n} 项，显示 {shown} 项", "{n} found, {shown} shown"),
    "assignments.any": ("不限", "any"),
    "assignments.choose": ("选择", "Choose"),
    "assignments.what": ("提议", "Proposal"),
    "assignments.number": ("编号", "Number"),
    "assignments.standing": ("状态", "State"),
    "assignments.device": ("设备编号", "Device"),
    "assignments.from": ("开始时间（北京时间）", "From (Beijing time)"),
    "assignments.until": ("结束时间（北京时间，不含）", "Until (Beijing time, exclusive)"),
    "assignments.no_end": ("无固定结束", "no end"),
    "assignments.contract": ("合同", "Contract"),
    "assignments.provider": ("供应方", "Provider"),
    "assignments.user": ("使用方", "User"),
    "assignments.proposer": ("提议方", "Proposed by"),
    "assignments.reason": ("理由（拒绝时必填）", "Reason (needed to decline)"),
    "assignment_standing.proposed": ("待确认", "proposed"),
    "assignment_standing.confirmed": ("已确认", "confirmed"),
    "assignment_standing.end_proposed": ("变更结束时间待确认", "new end proposed"),
    "assignment_standing.declined": ("已拒绝", "declined"),
    "assignment_standing.withdrawn": ("已撤回", "withdrawn"),
    "assignment_act.proposed": ("提议", "proposed"),
    "assignment_act.confirmed": ("确认", "confirmed"),
    "assignment_act.declined": ("拒绝", "declined"),
    "assignment_act.withdrawn": ("撤回", "withdrawn"),
    "assignment_act.end_proposed": ("提议新的结束时间", "proposed a new end"),
    "assignment_act.end_confirmed": ("确认新的结束时间", "confirmed the new end"),
    "assignment_act.end_declined": ("拒绝新的结束时间", "declined the new end"),
    "assignment_act.end_withdrawn": ("撤回新的结束时间", "withdrew the new end"),
    "answer.confirm": ("确认", "Confirm"),
    "answer.decline": ("拒绝", "Decline"),
    "answer.withdraw": ("撤回", "Withdraw"),
    "answer.confirm_chosen": ("确认所选", "Confirm the chosen"),
    "answer.decline_chosen": ("拒绝所选", "Decline the chosen"),
    "answer.withdraw_chosen": ("撤回所选", "Withdraw the chosen"),
    "assignment": ("指派", "Assignment"),
    "assignment.held": (
        "尚未经双方确认：该时段照常计量，但暂挂，不计费。",
        "Not confirmed by both sides: the time is metered and held, not billed.",
    ),
    "assignment.proposed_end": ("提议的结束时间", "Proposed end"),
    "assignment.answer": ("答复", "Answer"),
    "assignment.end": ("提议新的结束时间", "Propose another end"),
    "assignment.end_note": (
        "另一方确认后生效；已关账月份不可变更，须由主管部门更正。",
        (
            "It holds once the other side confirms. Closed months do not change: they are "
            "corrected by the office."
        ),
    ),
    "assignment.propose_end": ("提议", "Propose"),
    "assignment.history": ("经过", "History"),
    "assignment.at": ("时间", "At"),
    "assignment.act": ("事项", "Act"),
    "assignment.by": ("办理方", "By"),
    "assignment.why": ("理由", "Reason"),
    "assignment.imported": (
        "由主管部门导入，没有门户上的记录。",
        "Imported by the office; nothing was done about it here.",
    ),
    "proposals.title": ("提议指派", "Propose assignments"),
    "proposals.lead": (
        "时间为北京时间，须为整分钟；不得涉及已关账月份。",
        "Times are Beijing time, on whole minutes, and never in closed months.",
    ),
    "proposals.mistakes": ("{n} 处错误，未提交任何内容", "{n} mistakes; nothing was taken"),
    "proposals.row": ("行", "Row"),
    "proposals.column": ("列", "Column"),
    "proposals.fix": ("问题与处理", "What to do"),
    "proposals.one": ("单项提议", "One"),
    "proposals.until": (
        "结束时间（不含，可留空）",
        "Until (exclusive; may be left empty)",
    ),
    "proposals.number": ("指派编号（可留空）", "Number (may be left empty)"),
    "proposals.propose": ("提议", "Propose"),
    "proposals.many": ("批量提议", "Many at once"),
    "proposals.many_note": (
        "下载模板、填写、上传、预览，再一次提交；有一行错误则全部不提交。",
        (
            "Download the template, fill it in, upload it, look at the preview, take it. One wrong "
            "row keeps out all."
        ),
    ),
    "proposals.template": ("下载模板", "Download the template"),
    "proposals.sheet": ("表格文件（不超过 8 MiB）", "Spreadsheet (up to 8 MiB)"),
    "proposals.preview": ("上传并预览", "Upload and preview"),
    "proposals.no_contract": (
        "还没有登记您为一方的合同，请联系主管部门。",
        "No contract names you as a side yet; ask the office.",
    ),
    "preview.title": ("预览", "Preview"),
    "preview.lead": (
        "以下 {n} 项均可提议；尚未提交。",
        "All {n} rows can be proposed. Nothing is taken yet.",
    ),
    "preview.take": ("提交 {n} 项提议", "Propose all {n}"),
    "preview.back": ("返回", "Back"),
    "act.assignment-proposed": ("提议指派", "assignment proposed"),
    "act.assignment-confirmed": ("确认指派", "assignment confirmed"),
    "act.assignment-declined": ("拒绝指派", "assignment declined"),
    "act.assignment-withdrawn": ("撤回指派", "assignment withdrawn"),
    "act.assignment-end-proposed": ("提议指派新结束时间", "end of an assignment proposed"),
    "act.assignment-end-confirmed": ("确认指派新结束时间", "end of an assignment confirmed"),
    "act.assignment-end-declined": ("拒绝指派新结束时间", "end of an assignment declined"),
    "act.assignment-end-withdrawn": ("撤回指派新结束时间", "end of an assignment withdrawn"),
}

"""Words of usage that providers state and companies countersign."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "nav.stated": ("用量声明", "Stated usage"),
    "stated.title": ("用量声明", "Stated usage"),
    "stated.lead": (
        "没有采集程序的地方和月份，由供给方以原始文件声明用量；企业会签后才计入，证据等级 E1。",
        (
            "Where no agent can run a provider states usage from a source file. It counts, at level"
            " E1, once the company countersigns."
        ),
    ),
    "stated.awaiting": ("{n} 项用量声明待您会签", "{n} statements of usage await you"),
    "stated.number": ("编号", "Number"),
    "stated.state": ("状态", "State"),
    "stated.site": ("场所", "Site"),
    "stated.kind": ("来源", "Source"),
    "stated.span": ("起止", "From, until"),
    "stated.records": ("记录数", "Records"),
    "stated.card_hours": ("卡时", "Card-hours"),
    "stated.at": ("声明时间", "Stated at"),
    "stated.file": ("原始文件", "Source file"),
    "stated.file_sha256": ("原始文件 SHA-256", "SHA-256 of the source file"),
    "stated.mapping_sha256": ("读取方式文件 SHA-256", "SHA-256 of the mapping"),
    "stated.sha256": ("会签内容 SHA-256", "SHA-256 of what is countersigned"),
    "stated.counted_by": ("计数方式", "Counted by"),
    "stated.months": ("各月合计", "By month"),
    "stated.month_records": ("涉及的记录数", "Records that touch it"),
    "stated.lines": ("逐条记录", "Record by record"),
    "stated.lines_note": ("共 {n} 条，显示 {shown} 条", "{n} in all, {shown} shown"),
    "stated.line": ("文件行号", "Line"),
    "stated.unit": ("实例、作业或设备", "Instance, job or device"),
    "stated.model": ("型号", "Model"),
    "stated.cards": ("卡数", "Cards"),
    "stated.answer": ("答复", "Your word"),
    "stated.answer_note": (
        "会签即确认以上内容（以 SHA-256 为准）；拒绝、撤回或撤销须说明理由。",
        (
            "A countersignature is to the content above, by its SHA-256. To refuse, withdraw or"
            " take back, say why."
        ),
    ),
    "stated.reason": ("理由或依据文件", "Reason, or the paper it rests on"),
    "stated.word.countersign": ("会签", "Countersign"),
    "stated.word.refuse": ("拒绝", "Refuse"),
    "stated.word.withdraw": ("撤回", "Withdraw"),
    "stated.word.reverse": ("同意撤销", "Agree to take it back"),
    "stated.waits": (
        "待企业会签；会签前不计入任何结算。",
        "Waits for the company; until then nothing of it counts.",
    ),
    "stated.reversing": (
        "{party} 已同意撤销，待另一方同意。",
        "{party} agreed to take it back; it waits for the other side.",
    ),
    "stated.history": ("经过", "What was said"),
    "stated.who": ("说话方", "For whom"),
    "stated.login": ("账号", "Login"),
    "stated.why": ("理由", "Reason"),
    "stated.office": ("主管部门", "The office"),
    "stated.what": ("事项", "What"),
    "stated.took_back": ("同意撤销", "agreed to take it back"),
    "stated_state.stated": ("待会签", "to be countersigned"),
    "stated_state.countersigned": ("已会签", "countersigned"),
    "stated_state.withdrawn": ("已撤回或拒绝", "withdrawn or refused"),
    "stated_state.reversed": ("已撤销", "taken back"),
    "stated_kind.bill": ("云账单", "cloud bill"),
    "stated_kind.slurm": ("Slurm 记录", "Slurm accounting"),
    "stated_kind.series": ("监控时序", "series of samples"),
    "act.stated-countersign": ("会签用量声明", "stated usage countersigned"),
    "act.stated-refuse": ("拒绝用量声明", "stated usage refused"),
    "act.stated-withdraw": ("撤回用量声明", "stated usage withdrawn"),
    "act.stated-reverse": ("同意撤销用量声明", "agreed to take stated usage back"),
}

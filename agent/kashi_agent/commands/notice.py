"""What `enrol` says before it asks: what will be sent, who reads it, for how long."""

from typing import Final

from kashi_agent.config import AgentConfig, EvidenceLevel
from kashi_agent.enrolment import HostFacts
from kashi_agent.key_token import KeyToken
from kashi_agent.naming import NamePolicy

_ZH: Final = """\
本机将登记到 Kashi 服务器 {server}。

现在发送一次：
  主机名        {hostname}
  机器标识      {machine}…（机器 ID 的散列）
  操作系统      {system} {architecture}
  两个公钥      {keys_zh}

代理运行期间每 {interval} 秒发送：
  加速卡        型号、硬件编号、序列号、总线地址、显存容量{chosen_zh}
  每分钟        观测、占用、活跃、利用时间，能耗，最大显存占用
  缺口          无人观测的时间及原因
  占用者        每个占用者一个随机外观的标识；名称：{names_zh}
  时钟          本机时钟与时间轴的偏差，启动标识
  可信度事实    计量进程实际加载的厂商库路径与摘要、库加载变量（LD_PRELOAD 等）、
                各处所示的驱动版本与设备编号、能耗与功率及其上限的对比{extended_zh}

从不读取：其他程序的计算内容、命令行、环境变量、文件内容或网络流量。
谁可查看：本机运营方与产权方；承租企业仅限双方确认的租期；主管部门及其审计。
保存多久：服务器回执后在本机保存 35 天。以上发送的全部内容在服务器上长期保存：
它们是证据，日志只增不改，Kashi 不会到期自动删除；占用者名称单独存放，可以抹去而不影响
其余证明。材料保存年限由主管部门按政策（retention_years）决定。
随时可用 `kashi-agent show` 查看将要发送的全部内容。
"""
_EN: Final = """\
This host will be enrolled with the Kashi server at {server}.

Sent once, now:
  host name            {hostname}
  machine              {machine}… (hash of the machine id)
  operating system     {system} {architecture}
  two public keys      {keys}

Sent every {interval} s while the agent runs:
  accelerators         model, hardware id, serial number, bus id, memory size{chosen}
  each minute          observed, held, active and utilised time, energy, most memory in use
  gaps                 time nobody observed, and why
  holders              a random-looking key each; names: {names}
  clock                how the wall clock stood; the boot id
  facts to judge by    path and digest of the vendor library the meter really loaded, its loader's
                       variables (LD_PRELOAD and the like), driver versions and device ids as
                       different places tell them, energy against power and its limit{extended}

Never read: what other programs compute, their command lines, environment, file contents or traffic.

Read by: the party that operates this host, its owner, a company only for the minutes of a lease
both sides confirmed, and the programme office with its auditors.

Kept: on this host 35 days after the server acknowledged it. On the server all that is sent, for
good: it is evidence in a log that only grows, and Kashi deletes none of it by itself. Names of
holders stand apart, so that they can be erased while every proof holds. For how many years papers
are kept, the office decides by the programme's rules (retention_years).
`kashi-agent show` prints exactly what would be sent, at any time.
"""
_NAMES_ZH: Final = {
    NamePolicy.NONE: "不发送",
    NamePolicy.HASH: "加盐散列",
    NamePolicy.PLAIN: "明文",
}
_EXTENDED_ZH: Final = (
    "，\n                以及占用设备的进程是否打开了设备文件（evidence = extended）"
)
_EXTENDED: Final = (
    ",\n                       and whether listed processes hold a device file (evidence ="
    " extended)"
)
_CHOSEN_ZH: Final = (
    "\n                只报告设置列出的 {count} 个（reported_devices），其余只报张数"
)
_CHOSEN: Final = (
    "\n                       of the {count} that reported_devices lists; the others are"
    " only counted"
)


_IN_FOLDER_ZH: Final = "在本机生成；私钥永不离开 {folder}"
_IN_FOLDER: Final = "made here; the private keys never leave {folder}"
_IN_TOKEN_ZH: Final = """\
报告密钥在密钥令牌中，永不离开它；连接密钥永不离开 {folder}
  密钥令牌      {token}（制造商、型号、序列号），以及报告密钥是否在其中
                生成、能否取出"""
_IN_TOKEN: Final = """\
the report key is in a key token and never leaves it; the TLS key never
                       leaves {folder}
  key token            {token} (maker, model, serial number), and whether the
                       report key was made in it and can be taken out"""


def notice(
    server: str, config: AgentConfig, facts: HostFacts, key_token: KeyToken | None = None
) -> str:
    """The whole text, Chinese first. `key_token`: what is to hold the report key, None: a file."""
    keys_zh, keys = (_IN_FOLDER_ZH, _IN_FOLDER) if key_token is None else (_IN_TOKEN_ZH, _IN_TOKEN)
    held = {
        "folder": config.identity_folder,
        "token": "" if key_token is None else key_token.named,
    }
    chosen = config.reported_devices
    count = 0 if chosen is None else len(chosen)
    extended = config.evidence is EvidenceLevel.EXTENDED
    return f"{_ZH}\n{_EN}".format(
        server=server,
        hostname=facts.hostname,
        machine=facts.machine_sha256.hex()[:16] or "unknown",
        system=facts.operating_system,
        architecture=facts.architecture,
        keys_zh=keys_zh.format_map(held),
        keys=keys.format_map(held),
        interval=config.report_interval_seconds,
        names=config.holder_names.value,
        names_zh=_NAMES_ZH[config.holder_names],
        chosen_zh="" if chosen is None else _CHOSEN_ZH.format(count=count),
        chosen="" if chosen is None else _CHOSEN.format(count=count),
        extended_zh=_EXTENDED_ZH if extended else "",
        extended=_EXTENDED if extended else "",
    )

"""Every finding in words: what it means and what to do, Chinese first."""

from typing import Final

from kashi_agent.doctor.finding import Finding, Level, Words


def _ok(zh: str, en: str) -> Words:
    return Words(level=Level.OK, zh=zh, en=en)


def _warning(zh: str, en: str, step_zh: str, step_en: str) -> Words:
    return Words(level=Level.WARNING, zh=zh, en=en, step_zh=step_zh, step_en=step_en)


def _failure(zh: str, en: str, step_zh: str, step_en: str) -> Words:
    return Words(level=Level.FAILURE, zh=zh, en=en, step_zh=step_zh, step_en=step_en)


WORDS: Final[dict[str, Words]] = {
    # The machine.
    "clock_ok": _ok(
        "时钟已同步，误差不超过 {error} 微秒", "the clock is synchronised, {error} µs at most"
    ),
    "clock_free": _warning(
        "内核认为时钟未同步；时长仍准确，时刻可能不准",
        "the kernel does not hold the clock to be synchronised: durations are right, times of day"
        " may not be",
        "启用对时服务：systemctl enable --now chrony",
        "run a time service: systemctl enable --now chrony",
    ),
    "clock_unread": _warning(
        "内核不让代理询问时钟是否已同步：时刻错误时，须待十分钟后才随墙上时钟改正，且报告写明无人担保",
        "the agent may not ask the kernel whether its clock is synchronised: wrong times of day are"
        " put right only after ten minutes, and reports say that nobody vouches for them",
        "让服务可用 adjtimex：systemctl cat kashi-agent，去掉 ProtectClock=yes；容器则放行该调用",
        "let the service call adjtimex: see systemctl cat kashi-agent and drop ProtectClock=yes; in"
        " a container, allow the call",
    ),
    "clock_behind": _failure(
        "时钟至少慢 {seconds} 秒：早于服务器已回执的时间",
        "the clock is at least {seconds} s behind: the server receipted a report later than now",
        "校正时钟：chronyc makestep；再执行 hwclock --systohc",
        "set the clock: chronyc makestep; then hwclock --systohc",
    ),
    "clock_ahead": _failure(
        "时钟快了 {seconds} 秒：报告封存的时刻晚于服务器收到的时刻",
        "the clock is {seconds} s ahead: a report was sealed later than the server received it",
        "校正时钟：chronyc makestep；过快的报告会被隔离",
        "set the clock: chronyc makestep; reports from the future are quarantined",
    ),
    "pid_namespace_ok": _ok("运行于主机的 PID 命名空间", "runs in the host's first PID namespace"),
    "pid_namespace_foreign": _failure(
        "运行于容器的 PID 命名空间（{namespace}）：看不到谁占用设备，也不会猜测",
        "runs in a container's PID namespace ({namespace}): it cannot see who holds a device, and"
        " does not guess",
        "直接装在主机上；若须用容器，加 --pid=host",
        "install it on the host itself; if it must be a container, start it with --pid=host",
    ),
    "state_missing": _failure(
        "状态目录 {folder} 不存在",
        "the state folder {folder} does not exist",
        "先登记本机：kashi-agent enrol；服务启动时也会建立该目录",
        "enrol this host: kashi-agent enrol; the service makes the folder as well",
    ),
    "state_unwritable": _failure(
        "当前用户不能写入状态目录 {folder}",
        "this user cannot write the state folder {folder}",
        "以代理的用户运行：sudo -u kashi-agent kashi-agent doctor",
        "run doctor as the agent's user: sudo -u kashi-agent kashi-agent doctor",
    ),
    "state_volatile": _failure(
        "状态目录在重启后会丢失：{why}",
        "the state folder does not survive a reboot: {why}",
        "把 state_folder 放到磁盘上，再重新登记",
        "put state_folder on a disk, then enrol anew",
    ),
    "disk_ok": _ok("磁盘剩余 {free} MiB", "{free} MiB free on the disk"),
    "disk_low": _warning(
        "{folder} 所在磁盘仅剩 {free} MiB",
        "{free} MiB free at {folder}",
        "清理该磁盘：离线一周约需 100 MiB",
        "make room there: a week without the server takes about 100 MiB",
    ),
    "disk_full": _failure(
        "{folder} 所在磁盘已满：未封存的分钟只保留合计",
        "the disk of {folder} is full: minutes not yet sealed keep their sums and lose detail",
        "清理该磁盘：df -h {folder}；df -i {folder}。腾出空间后代理自行恢复",
        "make room: df -h {folder}; df -i {folder}. The agent goes on by itself when there is some",
    ),
    # Who this host is.
    "not_enrolled": _failure(
        "本机尚未登记",
        "this host is not enrolled",
        "向主管人员索取令牌，然后运行：kashi-agent enrol --server HOST:PORT --token-file FILE",
        "ask your officer for a token, then: kashi-agent enrol --server HOST:PORT"
        " --token-file FILE",
    ),
    "identity_damaged": _failure(
        "身份文件不可用：{why}",
        "the identity cannot be used: {why}",
        "从备份恢复该文件；没有备份则重新登记",
        "restore the file from a backup; without one, enrol this host anew",
    ),
    "identity_ok": _ok(
        "已登记为 {host}，运营方 {party}", "enrolled as {host}, operated by {party}"
    ),
    "key_open": _failure(
        "其他用户可以读取密钥文件 {path}",
        "other users can read the key file {path}",
        "chmod 0600 {path}，并告知主管人员",
        "chmod 0600 {path}, and tell your officer",
    ),
    "certificate_ok": _ok("连接证书有效至 {until}", "the TLS certificate is valid until {until}"),
    "certificate_missing": _warning(
        "没有可用的连接证书：{why}",
        "there is no usable TLS certificate: {why}",
        "运行中的代理会用报告密钥自行换取；systemctl status kashi-agent",
        "the running agent gets another by the report key: systemctl status kashi-agent",
    ),
    "certificate_expired": _warning(
        "连接证书已于 {until} 到期",
        "the TLS certificate expired at {until}",
        "运行中的代理会自行换取；检查它是否在运行、时钟是否准确",
        "the running agent recovers it by itself: is it running, and is the clock right?",
    ),
    # The way to the server.
    "port_ok": _ok("{address} 可达，且确为本服务器", "{address} answers and is the right server"),
    "files_only": _ok(
        "设置为以文件传递报告，不连接服务器",
        'reports are carried by hand (relay = "files"): no server is reached',
    ),
    "name_unresolved": _failure(
        "无法解析服务器名称 {name}",
        "the name {name} cannot be resolved",
        "检查 /etc/resolv.conf 或在 /etc/hosts 中加入该名称",
        "look at /etc/resolv.conf, or put the name into /etc/hosts",
    ),
    "nobody_listens": _failure(
        "{address} 无人监听",
        "nobody listens at {address}",
        "确认服务器在运行，端口与令牌附带的一致",
        "is the server running, and is it the port the token came with?",
    ),
    "no_answer": _failure(
        "{address} 没有应答",
        "{address} does not answer",
        "请网络管理员放行到 {address} 的出站 TCP 连接；没有直连时设置 relay 或 proxy",
        "have the firewall let this host reach {address} by TCP, outbound; where it cannot, set"
        " relay or proxy",
    ),
    "unreachable": _failure(
        "无法到达 {address}：{why}",
        "{address} cannot be reached: {why}",
        "检查路由与网卡：ip route get 服务器地址",
        "look at routes and links: ip route get ADDRESS",
    ),
    "intercepted": _failure(
        "{address} 出示的证书由“{issuer}”签发，不是本服务器的：中间有拦截 TLS 的代理",
        "{address} shows a certificate issued by '{issuer}', not ours: something between intercepts"
        " TLS",
        "请网络管理员对 {address} 免除 TLS 检查；代理不会信任该证书，也没有开关可以绕过",
        "have {address} exempted from TLS inspection; the agent will not trust that certificate,"
        " and no switch makes it",
    ),
    "wrong_name": _failure(
        "{address} 出示的证书是本服务器的，但名称不符：{why}",
        "{address} shows the server's certificate for another name: {why}",
        "用登记令牌附带的名称连接；服务器改名后请主管人员更新其证书",
        "use the name that came with the token; if the server was renamed, its officer renews its"
        " certificate",
    ),
    "server_certificate_dates": _failure(
        "{address} 的证书现在无效：{why}",
        "the certificate of {address} is not valid now: {why}",
        "先核对本机时钟；时钟无误则告知服务器管理员",
        "look at this host's clock first; if that is right, tell the server's administrator",
    ),
    "tls_failed": _failure(
        "与 {address} 的 TLS 握手失败：{why}",
        "TLS with {address} fails: {why}",
        "确认端口正确，中间没有改写连接的设备",
        "is it the right port, and does nothing between rewrite the connection?",
    ),
    "certificate_refused": _failure(
        "服务器拒绝本机的连接证书：{why}",
        "the server refuses this host's TLS certificate: {why}",
        "启动代理即可用报告密钥换取新证书：systemctl restart kashi-agent；仍被拒绝则联系主管人员",
        "start the agent, it gets another by the report key: systemctl restart kashi-agent; if that"
        " is refused too, ask your officer",
    ),
    "host_refused": _failure(
        "服务器拒绝本机：{why}",
        "the server refuses this host: {why}",
        "联系主管人员；若已吊销，须用新令牌重新登记",
        "ask your officer; a revoked host is enrolled anew with a new token",
    ),
    "server_trouble": _warning(
        "服务器未能应答：{why}",
        "the server did not answer the call: {why}",
        "稍后再试；报告保留在本机，不会丢失",
        "try again later; reports stay on this host, nothing is lost",
    ),
    # What is kept and what became of it.
    "spool_ok": _ok(
        "保存已封存报告 {kept} 份，待送 {waiting} 份", "{kept} sealed reports kept, {waiting} to go"
    ),
    "spool_damaged": _failure(
        "缓存中有 {bytes} 字节无法读取",
        "{bytes} bytes of the spool cannot be read",
        "重启代理：它会隔离坏段并如实上报损失；检查磁盘",
        "restart kashi-agent: it sets them aside and reports what is lost; check the disk",
    ),
    "host_held": _failure(
        "主机已被服务器暂挂：报告仍被保存，但不计入",
        "the server holds this host: its reports are stored and not counted",
        "联系主管人员查明原因；两名主管人员解除后，已送的报告会补计",
        "ask your officer why; when two officers release it, what was sent is counted then",
    ),
    "quarantined": _warning(
        "最近一份报告被隔离：{reason}",
        "the latest report was quarantined: {reason}",
        "联系主管人员；报告已保存，核准后可补计",
        "ask your officer; the report is stored and can be counted by decision",
    ),
    # What runs.
    "agent_ok": _ok("代理在运行：{line}", "the agent runs: {line}"),
    "agent_absent": _failure(
        "代理没有在此运行过",
        "the agent has not run here",
        "systemctl enable --now kashi-agent",
        "systemctl enable --now kashi-agent",
    ),
    "agent_silent": _failure(
        "代理已 {seconds} 秒没有动静",
        "the agent last said something {seconds} s ago",
        "systemctl restart kashi-agent；journalctl -u kashi-agent",
        "systemctl restart kashi-agent; journalctl -u kashi-agent",
    ),
    "agent_disk_full": _failure(
        "代理写不进磁盘",
        "the agent's writes find no room on the disk",
        "腾出空间；至今没有丢失时间",
        "make room; no time is lost yet",
    ),
    "shipping_trouble": _warning(
        "上次传送未成：{why}",
        "the last delivery failed: {why}",
        "见上面的网络检查；代理会一直重试",
        "see the checks of the network above; the agent tries on for ever",
    ),
    # The meter.
    "meter_ok": _ok("计量正常：{devices} 台设备", "measuring {devices} devices"),
    "meter_released": _warning(
        "设备已按请求释放：{why}",
        "the devices are released on request: {why}",
        "到时自动恢复；提前恢复：kashi-agent release --end",
        "it goes on by itself when the time is over; sooner: kashi-agent release --end",
    ),
    "driver_absent": _failure(
        "没有驱动：{why}",
        "there is no driver: {why}",
        "安装并加载厂商驱动：NVIDIA 用 nvidia-smi 验证，昇腾用 npu-smi info；驱动在容器中时设置"
        " driver_root",
        "install and load the vendor's driver (nvidia-smi, or npu-smi info, must answer); where a"
        " container keeps it, set driver_root",
    ),
    "driver_mismatch": _failure(
        "驱动库与内核模块版本不一致：{why}",
        "the driver's library and kernel module are of different versions: {why}",
        "重启主机，或停掉占用者后重新加载模块：rmmod nvidia_uvm nvidia && modprobe nvidia",
        "reboot, or stop what uses the devices and reload: rmmod nvidia_uvm nvidia && modprobe"
        " nvidia",
    ),
    "device_permission": _failure(
        "没有设备文件的权限：{why}",
        "no permission on the device files: {why}",
        "ls -l /dev/nvidia* /dev/davinci*；把 kashi-agent 加入其所属组，再重启 kashi-meter",
        "ls -l /dev/nvidia* /dev/davinci*; put kashi-agent into their group, then restart"
        " kashi-meter",
    ),
    "device_absent": _failure(
        "设备 {device} 没有应答：{why}",
        "device {device} does not answer: {why}",
        "查看 dmesg 中的 XID；复位前先释放设备：kashi-agent release",
        "look for XID in dmesg; release the devices before a reset: kashi-agent release",
    ),
    "reported_device_unknown": _warning(
        "设置 reported_devices 列出的设备不在本机：{devices}；其余设备只计数",
        "reported_devices lists what is not here: {devices}; devices it does not list are only"
        " counted",
        "用 kashi-agent once 查看硬件编号，改正设置后重启 kashi-agent",
        "see the hardware ids with kashi-agent once, correct the setting, restart kashi-agent",
    ),
    "holders_foreign": _failure(
        "计量进程在容器的 PID 命名空间里：{devices} 个设备不知道被谁占用，也不会猜测",
        "the meter runs in a container's PID namespace: it is not known who holds {devices}"
        " devices, and not guessed",
        "在主机上运行 kashi-meter；若须用容器，加 --pid=host",
        "run kashi-meter on the host itself; if it must be a container, start it with --pid=host",
    ),
    "holders_unread": _warning(
        "有调度器在用，但读不到它把哪些卡给了谁：{devices} 个没有进程的设备，占用情况未知",
        "a scheduler is at work whose grants cannot be read: it is not known whether {devices}"
        " devices without a process are held",
        "journalctl -u kashi-meter 说明原因；Slurm：把 slurm-grant 设为 Prolog 和 Epilog；"
        "Kubernetes：给 kashi-meter CAP_DAC_READ_SEARCH",
        "journalctl -u kashi-meter says why; Slurm: make slurm-grant a Prolog and an Epilog;"
        " Kubernetes: give kashi-meter CAP_DAC_READ_SEARCH",
    ),
    "holders_untold": _warning(
        "驱动不告诉 {devices} 个设备被谁占用：{why}",
        "the driver does not tell who holds {devices} devices: {why}",
        "ls -l /dev/nvidia* /dev/davinci*；把 kashi-agent 加入其所属组，再重启 kashi-meter",
        "ls -l /dev/nvidia* /dev/davinci*; put kashi-agent into their group, then restart"
        " kashi-meter",
    ),
    "holders_hidden": _warning(
        "/proc 隐藏了其他用户的进程（hidepid）：{devices} 个设备知道被占用，不知道被谁",
        "/proc hides other users' processes (hidepid): {devices} devices are held, it is not known"
        " by whom",
        "用 gid=组 挂载 /proc，并给 kashi-meter 加 SupplementaryGroups=组",
        "mount /proc with gid=GROUP, and give kashi-meter SupplementaryGroups=GROUP",
    ),
    "meter_hung": _failure(
        "对驱动的调用没有返回：{why}",
        "a call into the driver does not return: {why}",
        "查看 dmesg 中的 XID；调用返回前不要强杀 kashi-meter",
        "look for XID in dmesg; do not kill kashi-meter while the call lasts",
    ),
    "meter_absent": _failure(
        "计量进程没有连接：{why}",
        "the meter process is not connected: {why}",
        "systemctl enable --now kashi-meter；journalctl -u kashi-meter",
        "systemctl enable --now kashi-meter; journalctl -u kashi-meter",
    ),
    "meter_trouble": _failure(
        "没有在计量：{why}",
        "nothing is measured: {why}",
        "journalctl -u kashi-meter；确认 nvidia-smi 或 npu-smi info 能应答",
        "journalctl -u kashi-meter; does nvidia-smi, or npu-smi info, answer?",
    ),
}
"""By code. What stands in braces is put in by the check."""


def finding(code: str, **values: str) -> Finding:
    """What was found, ready to be said."""
    return Finding(code=code, words=WORDS[code], values=values)

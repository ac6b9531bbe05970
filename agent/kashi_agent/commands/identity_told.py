"""What an enrolment ends with: who this host is now, and which way its reports go."""

import argparse
import sys

from kashi_agent.commands.options import print_json
from kashi_agent.config import FILES
from kashi_agent.identity import Host, TlsIdentity


def tell_identity(
    options: argparse.Namespace, host: Host, tls: TlsIdentity, relay: str = ""
) -> None:
    """Print the identity that was given, and which way reports go: `relay` as the setting."""
    if options.json:
        print_json(
            {
                "host_id": host.host_id,
                "operator_party_id": host.operator_party_id,
                "metering_address": host.metering_address,
                "certificate_not_after": tls.not_after.isoformat(),
                "demo": host.demo,
            }
        )
        return
    zh, en = _way_of(host, relay)
    demo = (
        "此为演示服务器，其中内容均非正式记录。\n"
        "This server is a demonstration; nothing on it is an official record.\n"
    ) * host.demo
    sys.stdout.write(
        f"登记完成：{host.host_id}，运营方 {host.operator_party_id}；{zh}。\n"
        f"Enrolled as {host.host_id}, operated by {host.operator_party_id}; {en}.\n{demo}"
    )


def _way_of(host: Host, relay: str) -> tuple[str, str]:
    """Which way reports go, in Chinese and in English."""
    if relay == FILES:
        return "报告以文件传递", "reports are carried in files: kashi-agent export"
    if relay:
        return f"报告经中继 {relay} 送出", f"reports go through the relay {relay}"
    return f"报告送往 {host.metering_address}", f"reports go to {host.metering_address}"

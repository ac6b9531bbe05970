"""Whom a relay may speak for: hosts of its own party, and nobody else."""

from kashi_server.errors import Refused
from kashi_server.services.hosts import HostStanding
from kashi_server.services.standings import HostStandings


class ForeignHost(Refused):
    """The host a relay names is none of its party's, or none at all.

    Told by a status of its own, so that the relay lets go of what it holds of that host.
    """


def brought_host(standings: HostStandings, relay: HostStanding, host_id: str) -> HostStanding:
    """How a host stands that a relay speaks for.

    Raises:
        ForeignHost: it may not.
    """
    try:
        host = standings.brought(host_id)
    except Refused as refused:
        raise ForeignHost(str(refused)) from refused
    if host.operator_party_id != relay.operator_party_id:
        raise ForeignHost(
            f"主机 {host_id} 不属于运营此中继的单位。"
            f"host {host_id} is not of the party that operates this relay"
        )
    return host

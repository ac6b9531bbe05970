"""Where the relay is put together: the only place that picks its real clock, disk and network."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import SystemRandom

from kashi_agent.clock import SystemClock
from kashi_agent.identity import IdentityStore
from kashi_agent.notify import Notifier
from kashi_agent.relay.config import Forward, RelayConfig
from kashi_agent.relay.forwarding import Forwarder
from kashi_agent.relay.port import RelayPort, RelayService
from kashi_agent.relay.store import RelayStore
from kashi_agent.wiring import Member, real_carrier

WATCH_SECONDS = 20.0


def run_relay(config: RelayConfig) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        NotEnrolledError, SpoolError: it cannot begin.
        AgentError: the address is taken.
    """
    identity = IdentityStore(config.identity_folder)
    known = Member(store=identity, host=identity.host())
    clock, store = SystemClock(), RelayStore(config.store_path)
    wake, stopping = threading.Event(), threading.Event()
    carrier = real_carrier(known, clock, config.proxy)
    forwarder = Forwarder(
        store=store,
        carrier=carrier,
        receipt_key=known.host.receipt_key(),
        now_ms=lambda: time.monotonic_ns() // 1_000_000,
        random=SystemRandom(),
    )
    port = RelayPort(config.listen, identity, RelayService(store, clock.utc_ms, wake.set))

    def stop(*_: object) -> None:
        stopping.set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    threads = ThreadPoolExecutor(1, thread_name_prefix="forwarder")
    work = forwarder.run if config.forward is Forward.ONLINE else _nothing
    forwarding = threads.submit(work, wake, stopping)
    # A relay that takes reports and passes none on would look as if all were well.
    forwarding.add_done_callback(stop)
    try:
        _watch(Notifier(os.environ), port.port, stopping)
    finally:
        stop()
        port.close()
        threads.shutdown()
        carrier.close()
        store.close()
    forwarding.result()


def _nothing(_wake: threading.Event, stopping: threading.Event) -> None:
    """The work of a relay whose reports go by file."""
    stopping.wait()


def _watch(notifier: Notifier, port: int, stopping: threading.Event) -> None:
    """Tell the service manager; end when asked to."""
    print(f"relay listens on port {port}", flush=True)
    notifier.ready(f"listening on port {port}")
    while not stopping.wait(WATCH_SECONDS):
        notifier.alive(f"listening on port {port}")
    notifier.stopping()

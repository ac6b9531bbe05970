"""How much is too much: every bound of the contract, in one place.

A bound is part of the contract: both sides refuse what exceeds it before reading further.
"""

MESSAGE_BYTES_MAX = 1 << 20
"""A gRPC message, 1 MiB."""

REPORT_BYTES_MAX = MESSAGE_BYTES_MAX - 4096
"""A report: what a message that carries only it still has room for."""

REPORTS_PER_CALL_MAX = 64
"""Reports in one Submit."""

READINGS_PER_REPORT_MAX = 4096
"""Readings in one report, over all its devices."""

GAPS_PER_REPORT_MAX = 4096
"""Gaps in one report, over all its devices."""

DEVICES_PER_HOST_MAX = 256
"""Devices (partitions included) of one host, and so blocks of one kind in a report."""

HOLDERS_PER_DEVICE_MAX = 256
"""Holders listed in one device block."""

EVENTS_PER_REPORT_MAX = 1024
"""Events in one report."""

REPORT_SPAN_MS_MAX = 31 * 24 * 3_600_000
"""Length of time one report may speak of: a gap of a month is one report."""

TEXT_CHARACTERS_MAX = 256
"""Any text a host writes: names, details, versions."""

CADENCE_MS_MAX = 60_000
"""Between two samples of any meter, a replayed workload's included: a minute is the least that is
told by itself, and one without a single look would be told as observed. Real serving clusters were
recorded every 57 s."""

LIVE_CADENCE_MS_MAX = 5_000
"""Between two samples of a meter that reads a driver. The gap limit is 2.5 times the cadence, so a
slow meter widens what counts as observed without a look. At 5 s it is 12.5 s: shorter than the 15 s
(three cadences, not more) after which a meter that is silent is known to hang. Drivers average over
1/6 s to 1 s, and looks 10 s and more apart tell of a card's use by chance."""

FUTURE_SKEW_MS_MAX = 120_000
"""How far ahead of the server's clock a report may end before it is quarantined."""

RETAIN_ACKNOWLEDGED_MS = 35 * 24 * 3_600_000
"""How long a host keeps acknowledged reports, so that a restored server can ask again."""

EPOCHS_PER_DAY_MAX = 8
"""Epochs a host may open in 24 hours before its reports are quarantined."""

CERTIFICATE_LIFETIME_MS = 24 * 3_600_000
"""A host's TLS certificate; renewed at a third of it."""

CARRIED_CERTIFICATE_LIFETIME_MS = 35 * 24 * 3_600_000
"""A TLS certificate that was asked for by file or through a relay, and every relay's own: it must
outlive the way there and back, and a month without a connection."""

CHALLENGE_LIFETIME_MS = 120_000
"""A recovery nonce."""

REPORT_CALL_SECONDS = 30
"""Deadline of one call."""

CARRY_RECORD_BYTES_MAX = MESSAGE_BYTES_MAX + 4096
"""One record of a carry file: a message and what says whose it is."""

CARRY_FILE_BYTES_MAX = 4 << 30
"""A carry file; whoever has more makes several."""

CARRY_SMALL_FILE_BYTES_MAX = 16 << 20
"""A carry file of requests to be enrolled, or of the answers to them."""

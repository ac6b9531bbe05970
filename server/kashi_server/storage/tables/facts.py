"""Tables of the facts family: reports, receipts, heads, device-hours, log entries, checkpoints."""

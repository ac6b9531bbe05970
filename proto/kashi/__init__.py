"""The contract of Kashi: messages (`kashi.v1`) and the pure rules both sides share.

`signing` says which bytes are signed, `chain` how reports follow each other, `merkle` how the
append-only log is hashed, `axis` how time is labelled, `limits` how much is too much.
"""

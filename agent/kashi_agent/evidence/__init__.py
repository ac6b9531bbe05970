"""Facts about how the meter reads: what a server needs to judge whether its figures can be true.

Collected in the meter process from injected roots, sent as events of kind FACT, judged nowhere on
this host. None of it changes a figure.
"""

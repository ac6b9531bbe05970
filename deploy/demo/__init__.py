"""The demonstration: the whole way of a card-hour, once, on generated workloads.

`scene` says who takes part and what happens in the month, `stage` runs the real server as a
process of its own, `month` ships the month through the real agent, `sheet` prints what came of it.
Every workload is generated from a seed and labelled so wherever it is shown.
"""

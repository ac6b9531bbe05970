"""A sound rules file and its spoilt variants: (old text, new text, line, field, what is told)."""

SOUND = """\
programme_id = "example"
version = "1"
name_zh = "示例"
name_en = "Example"
document = "a document"
in_force_from = 2026-01-01T00:00:00+08:00

[[parameter]]
name = "ratio.general"
state = "published"
value = "0.50"
source = "a text"

[[parameter]]
name = "gap_policy"
state = "decided"
value = "none"
[parameter.decision]
officers = ["first", "second"]
decided_on = 2026-01-05
reason = "nothing published counts gaps"
document = "minutes 3/2026"

[[parameter]]
name = "tax_basis"
state = "unknown"
"""

SPOILT = [
    ('version = "1"\n', "", 1, "version", "missing"),
    ("+08:00", "", 6, "in_force_from", "with its offset"),
    ("00:00+08:00", "00:30+08:00", 6, "in_force_from", "whole minute"),
    ('name_en = "Example"', 'name_en = "Example"\nyear = 2026', 5, "year", "no such field"),
    ('"ratio.general"', '"ratio.genral"', 9, "parameter[1].name", "no parameter"),
    ('"published"', '"rumoured"', 10, "parameter[1].state", "not published"),
    ('"0.50"', "0.50", 11, "parameter[1].value", "as text"),
    ('"0.50"', '"1.50"', 11, "parameter[1].value", "from 0 to 1"),
    ('source = "a text"\n', "", 8, "parameter[1].source", "must name its source"),
    ('"second"', '"first"', 18, "parameter[2].decision", "two different officers"),
    ('reason = "nothing published counts gaps"\n', "", 18, "parameter[2].decision", "reason"),
    ('state = "unknown"', 'state = "unknown"\nvalue = "incl"', 27, "parameter[3].value", "unknown"),
    ('"tax_basis"', '"gap_policy"', 25, "parameter[3].name", "given twice"),
    ('source = "a text"', 'source = "a text"\nweight = 1', 13, "parameter[1].weight", "no such"),
]

"""Step 8: the rules the statement names are the rules that are attached."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from kashi_verify.canonical import read_canonical
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]


def check_rules(statement: Data, rules: bytes | None) -> str:
    """Check the hash of the rules and every parameter the statement prints.

    Raises:
        CheckFailed: hash, name, version or a parameter differs, or the rules are not attached.
    """
    programme = statement["programme"]
    if programme is None:
        if rules is not None:
            raise CheckFailed("rules are attached, but the statement names no programme")
        if statement["subsidy"]["estimate_fen"] is not None:
            raise CheckFailed("an amount is estimated although no rules were in force")
        return "no programme's rules were in force"
    if rules is None:
        raise CheckFailed("the statement names rules and none are attached")
    found = sha256(rules).hexdigest()
    if found != programme["sha256"]:
        raise CheckFailed(f"the attached rules hash to {found}; named are {programme['sha256']}")
    read = read_canonical("rules.json", rules)
    for name in ("programme_id", "version", "name_zh", "name_en"):
        if read[name] != programme[name]:
            raise CheckFailed(f"{name} of the rules is {read[name]}, not {programme[name]}")
    attached = {parameter["name"]: parameter for parameter in read["parameters"]}
    for parameter in programme["parameters"]:
        _check_parameter(parameter, attached.get(parameter["name"]))
    hidden = sorted(set(attached) - {parameter["name"] for parameter in programme["parameters"]})
    if hidden:
        raise CheckFailed(f"the statement leaves out {hidden[0]}, which the rules have")
    return f"{programme['programme_id']} {programme['version']}, SHA-256 {found}"


def _check_parameter(printed: Data, attached: Data | None) -> None:
    if attached is None:
        raise CheckFailed(f"the rules have no parameter {printed['name']}")
    spelled = _spelled(attached["value"])
    same = (printed["state"], printed["value"], printed["source"]) == (
        attached["state"],
        spelled,
        attached["source"],
    )
    if not same:
        raise CheckFailed(f"{printed['name']} is printed otherwise than the rules have it")


def _spelled(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case list():
            return "; ".join(str(one) for one in value)
        case _:
            return str(value)

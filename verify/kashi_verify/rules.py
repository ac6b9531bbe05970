"""Step 8: the rules the statement names are the rules that are attached."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from kashi_verify.canonical import read_canonical
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_FORMAT: Final = "kashi/v1/rules"


def check_rules(statement: Data, rules: bytes | None) -> str:
    """Check the hash of the rules and every parameter the statement prints.

    Raises:
        CheckFailed: hash, name, version or a parameter differs, or the rules are not attached.
    """
    programme = statement["programme"]
    if programme is None:
        if rules is not None:
            raise CheckFailed(
                "附有规则，而结算未指明政策。"
                "Rules are attached, but the statement names no programme"
            )
        if statement["subsidy"]["estimate_fen"] is not None:
            raise CheckFailed(
                "没有有效的规则，却有估算金额。"
                "An amount is estimated although no rules were in force"
            )
        return "no programme's rules were in force"
    if rules is None:
        raise CheckFailed(
            "结算指明了规则，却未附规则。The statement names rules and none are attached"
        )
    found = sha256(rules).hexdigest()
    if found != programme["sha256"]:
        raise CheckFailed(
            f"所附规则的哈希为 {found}；所记为 {programme['sha256']}。"
            f"The attached rules hash to {found}; named are {programme['sha256']}"
        )
    read = read_canonical("rules.json", rules)
    if read["format"] != _FORMAT:
        raise CheckFailed(
            f"规则的格式为 {read['format']}，应为 {_FORMAT}。"
            f"The rules are of format {read['format']}, not {_FORMAT}"
        )
    for name in ("programme_id", "version", "name_zh", "name_en"):
        if read[name] != programme[name]:
            raise CheckFailed(
                f"规则的 {name} 为 {read[name]}，应为 {programme[name]}。"
                f"{name} of the rules is {read[name]}, not {programme[name]}"
            )
    attached = {parameter["name"]: parameter for parameter in read["parameters"]}
    for parameter in programme["parameters"]:
        _check_parameter(parameter, attached.get(parameter["name"]))
    hidden = sorted(set(attached) - {parameter["name"] for parameter in programme["parameters"]})
    if hidden:
        raise CheckFailed(
            f"结算遗漏了规则中的 {hidden[0]}。"
            f"The statement leaves out {hidden[0]}, which the rules have"
        )
    return f"{programme['programme_id']} {programme['version']}, SHA-256 {found}"


def _check_parameter(printed: Data, attached: Data | None) -> None:
    if attached is None:
        raise CheckFailed(
            f"规则中没有参数 {printed['name']}。The rules have no parameter {printed['name']}"
        )
    spelled = _spelled(attached["value"])
    same = (printed["state"], printed["value"], printed["source"]) == (
        attached["state"],
        spelled,
        attached["source"],
    )
    if not same:
        raise CheckFailed(
            f"所印的 {printed['name']} 与规则不同。"
            f"{printed['name']} is printed otherwise than the rules have it"
        )


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

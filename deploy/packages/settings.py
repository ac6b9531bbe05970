"""The settings file of the packages: every setting, as the agent's README shows it."""

import re
from pathlib import Path

from deploy.packages.locked import PackagingError

HEAD = """\
# Settings of kashi-agent. Each stands here with its default or, where it has none, an example; take
# away the # to set it. 代理设置：各项为默认值，无默认值者为示例；如需设置，去掉行首的 #。
"""


def settings_text(readme: Path) -> str:
    """The text of `agent.toml`: the table `[agent]` stands, and so that a line at the end is of it,
    all else is a comment.

    Raises:
        PackagingError: the README shows no settings.
    """
    shown = re.search(r"^```toml\n\[agent\]\n(.*?)^```$", readme.read_text("utf-8"), re.M | re.S)
    if shown is None:
        raise PackagingError(f"{readme} shows no settings ([agent] in a toml block)")
    lines = [f"# {one}" if one[:1] not in ("", "#") else one for one in shown[1].splitlines()]
    return HEAD + "\n[agent]\n" + "\n".join(line.rstrip() for line in lines) + "\n"

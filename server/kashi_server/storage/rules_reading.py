"""Rules versions as they are stored, each content parsed once.

An evaluation looks at every registered version, and a version never changes. What is kept is found
by all of the stored bytes, not by a name or a hash beside them: other bytes are parsed for
themselves, so what fsck reads is what stands in the row.
"""

import json
from functools import lru_cache
from typing import Final

from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.rules_data import rules_of_data

VERSIONS_KEPT: Final = 512
"""More than the versions of a city's programmes over many years, and some 40 MB at most."""


@lru_cache(maxsize=VERSIONS_KEPT)
def rules_of(content: bytes) -> RulesVersion:
    """The version whose canonical bytes these are.

    Raises:
        InvalidValue: the bytes are not of this format.
    """
    return rules_of_data(json.loads(content))

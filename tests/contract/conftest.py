"""Hypothesis for this house: no deadline, for machines are shared and a slow example is no fault.

`KASHI_EXAMPLES` asks for more examples than the usual hundred.
"""

import os

from hypothesis import settings

settings.register_profile(
    "kashi", deadline=None, max_examples=int(os.environ.get("KASHI_EXAMPLES", "100"))
)
settings.load_profile("kashi")

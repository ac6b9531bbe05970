"""Runs first in a packaged program: gives back the environment as the service manager made it.

PyInstaller's start-up program leads the loader by `LD_LIBRARY_PATH`. Ours is led by the path in its
own header, and neither what it starts nor what it reports of its environment may show another one.
"""

import os

_BEFORE = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
os.environ.pop("LD_LIBRARY_PATH", None)
if _BEFORE is not None:
    os.environ["LD_LIBRARY_PATH"] = _BEFORE

"""`kashi-agent` of the packages."""

import sys

from kashi_agent.cli import main

sys.exit(main())

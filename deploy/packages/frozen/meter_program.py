"""`kashi-meter` of the packages."""

import sys

from kashi_agent.meterd import main

sys.exit(main())

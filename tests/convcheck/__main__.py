"""`python -m convcheck`: the console script, where it is not on the path."""

import sys

from convcheck.conformance.command import main

sys.exit(main())

"""`python -m convcheck`: the console script, where it is not on the path."""

import sys

if not sys.flags.safe_path:  # files of the working directory may bear the names of modules here
    sys.path.append(sys.path.pop(0))

from convcheck.conformance.commands.command import main

sys.exit(main())

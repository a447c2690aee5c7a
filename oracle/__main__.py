"""`python -m convcheck`: the console script, where it is not on the path."""

import sys

if not sys.flags.safe_path:  # files of the working directory may bear the names of modules here
    sys.path.append(sys.path.pop(0))

from convcheck.conformance.commands.command import main

status = main()
# Python remembers a Ctrl-C that met code in a text, as dataclasses have, and would end by the
# signal, unless another such code ran to its end since.
exec("")  # noqa: S102
sys.exit(status)

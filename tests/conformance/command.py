"""The console script `convcheck`: its subcommands, each imported when it is called."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from convcheck.oracle.text import one_line
from convcheck.reports.errors import ReportError

from . import check

WRONG_COMMAND = 4

# Where each subcommand stands, and what it does.
COMMANDS = {
    "merge": ("convcheck.reports.merge", "put the reports of one run's parts together"),
    "diff": ("convcheck.reports.diff", "tell what changed from one report to another"),
    "render": ("convcheck.reports.render", "write a report's page again"),
    "campaign": ("convcheck.conformance.campaign_command", "certify a region in many parts"),
}
USAGE = check.USAGE + "".join(
    f"\n{f'convcheck {name} --help':25} {text}" for name, (_, text) in COMMANDS.items()
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status, or 4 where the command is wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else ""
    if name == "check":
        return check.main(words[1:])
    if name in ("-h", "--help"):
        sys.stdout.write(f"{USAGE}\n")
        return 0
    if name not in COMMANDS:
        return _wrong(f"{name!r}: expected one of check, {', '.join(COMMANDS)}")
    where, text = COMMANDS[name]
    module = import_module(where)
    parser = _Parser(prog=f"convcheck {name}", description=f"{text.capitalize()}.")
    module.add_arguments(parser)
    try:
        return int(module.run(parser.parse_args(words[1:])))
    except ReportError as error:
        return _wrong(f"{name}: {error}")


def _wrong(problem: str) -> int:
    sys.stderr.write(f"ERROR: convcheck: {one_line(problem, 500)}\n")
    return WRONG_COMMAND


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Tell a wrong command in one line, and nothing else."""
        raise ReportError(message)

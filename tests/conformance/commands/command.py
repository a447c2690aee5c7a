"""The console script `convcheck`: its subcommands, each imported when it is called."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import convcheck
from convcheck.form.names import one_of
from convcheck.kernels.shown.text import one_line
from convcheck.reports.status import Exit, ReportError, UnwrittenError

from . import check

# Files that pytest, the judge and a kernel's process have open at a time, and some to spare.
_FILES = 64

# Where those stand that hand options on to pytest.
JUDGING = {name: f"convcheck.conformance.commands.{name}" for name in ("check", "watch")}
# Where each other subcommand stands, and what it does.
COMMANDS = {
    "merge": ("convcheck.reports.merge", "put the reports of one run's parts together"),
    "diff": ("convcheck.reports.told.diff", "tell what changed from one report to another"),
    "render": ("convcheck.reports.render", "write a report's page again"),
    "campaign": ("convcheck.conformance.commands.campaign", "certify a region in many parts"),
}
USAGE = f"{check.USAGE}\nconvcheck watch --help     judge again whenever a file changes" + "".join(
    f"\n{f'convcheck {name} --help':26} {text}" for name, (_, text) in COMMANDS.items()
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status, as in `reports.status`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _run(words)
        sys.stdout.flush()
    except UnwrittenError as error:
        return _wrong(f"{words[0]}: {error}", Exit.BROKEN)
    except ReportError as error:
        return _wrong(f"{words[0]}: {error}")
    except KeyboardInterrupt:
        return _wrong("interrupted", Exit.INTERRUPTED)
    except OSError as error:
        return _wrong(f"{error.strerror or error}: {error.filename or 'output'}", _unwritten())
    except Exception:  # noqa: BLE001  (Python's own status would say that a kernel is wrong)
        traceback.print_exc()
        return _wrong("an error of convcheck's own; the lines above tell where", Exit.BROKEN)
    return status


def _run(words: list[str]) -> int:
    name = words[0] if words else ""
    problem = _unfit() if name in (*JUDGING, *COMMANDS) else None
    if problem:
        return _wrong(f"{name}: {problem}")
    if name in JUDGING:
        return int(import_module(JUDGING[name]).main(words[1:]))
    if name in ("-h", "--help"):
        sys.stdout.write(f"{USAGE}\n")
        return 0
    if name == "--version":
        sys.stdout.write(f"convcheck {convcheck.__version__}\n")
        return 0
    if name not in COMMANDS:
        known = [*JUDGING, *COMMANDS]
        said = repr(name) if words else "no command is given (see convcheck --help)"
        return _wrong(f"{said}: {one_of(name, known)}")
    where, text = COMMANDS[name]
    module = import_module(where)
    told = f"{text.capitalize()}."
    parser = _Parser(prog=f"convcheck {name}", description=told, epilog=check.STATUSES)
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(words[1:])))


def _unfit() -> str | None:
    """Return what keeps every command from running here, if anything does."""
    import resource  # noqa: PLC0415  (not needed to tell the usage)
    import tempfile  # noqa: PLC0415

    try:
        os.getcwd()  # noqa: PTH109  (only whether there is one)
    except OSError as error:
        return f"the working directory cannot be used: {error.strerror}"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < _FILES:
        return f"ulimit -n is {hard}: expected at least {_FILES} files that may be open at a time"
    if 0 <= soft < _FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, hard))
    try:
        tempfile.gettempdir()
    except OSError:
        return "no folder for temporary files can be written to: expected one, named by TMPDIR"
    return None


def _unwritten() -> Exit:
    """Have Python not try again to write what could not be written, when it ends."""
    with suppress(OSError, ValueError):  # no file, as where a test looks on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.BROKEN


def _wrong(problem: str, status: Exit = Exit.INCOMPLETE) -> int:
    sys.stderr.write(f"ERROR: convcheck: {one_line(problem, 500)}\n")
    return status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Tell a wrong command in one line, and nothing else."""
        raise ReportError(message)

"""`convcheck check`: judge kernels by the conformance tests, from any directory."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from itertools import islice

from convcheck.form.names import nearest
from convcheck.reports.status import ReportError

from .spelled import Spelled

STATUSES = """Exit status: 0 it conforms; 1 it does not; 2 interrupted; 3 convcheck itself failed,
or could not write a report; 4 the command was wrong, parts are missing, or nothing was decided.
"""
USAGE = f"""usage: convcheck check [KERNEL ...] [options]

Judges kernels by the conformance tests, from any directory.

KERNEL is [OPERATION=]MODULE[:FUNCTION][,KEY=VALUE]...
or, in another language, OPERATION=exec:PROGRAM[,KEY=VALUE]...
MODULE is a dotted name, or the path of a .py file or of a notebook.  Without a function, every
function written there that bears an operation's name is judged; without an operation, the
function's name is the operation's.  Without a KERNEL, the kernels are those that
[tool.convcheck] in pyproject.toml names.

  --profile P     quick, default or thorough; --quick is --profile quick
  --seed N        of what is drawn at random (default: 0)
  -j N            judge in N processes, or auto
  --all           judge on where the cause is clear, at a terminal, too
  --case CASEID   judge one case again
  --replaces KERNEL, --bitwise          compare with what the kernel replaces
  --layers FILE, --vectors FILE|onnx    judge on these layers, or vectors, too
  --html FILE, --json FILE              write a report
  --baseline OLD.json   the page and the summary say what changed since that report
  --history FILE  add a line about the run to a file; the page draws how earlier ones went
  --github        annotate the kernel's line, and write the job's summary
  --call-seconds S, --first-call-seconds S, --call-megabytes MB, --threads N, --in-process
Other options, and whatever stands behind --, are pytest's.

{STATUSES}"""

# pytest's options that name kernels, too.
_NAMING = ("--kernel", "--kernels", "--convcheck-kernel", "--convcheck-kernels")
_SEED, _QUICK, _ALL, _GITHUB = "--seed", "--quick", "--all", "--github"
# The command's own options, and pytest's words for them.
_VALUED = {
    "--profile": "--hypothesis-profile",
    _SEED: "--hypothesis-seed",
    "--html": "--conformance-html",
    "--json": "--conformance-json",
    "--history": "--convcheck-history",
    "-j": "--numprocesses",
}
_NUMBERS = {
    _SEED: (r"\d+", "an integer, 0 or more"),
    "-j": (r"\d+|auto|logical", "a number of processes, or auto"),
}
# With these, pytest tells the run as it tells any other.
_TOLD_BY_PYTEST = re.compile("-[vq]+|--(verbose|quiet|verbosity.*|co|collect-only)")


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    own = _own(words)
    if {"-h", "--help"} & {*own}:
        sys.stdout.write(USAGE + _lists())
        return 0
    targets, options, judges_on = _sorted(own)
    options += words[len(own) + 1 :]
    import pytest  # noqa: PLC0415  (not needed to tell the usage)

    kernels = [option for target in targets for option in _options(target)]
    if not kernels and not any(word.partition("=")[0] in _NAMING for word in options):
        kernels = ["--convcheck-kernels", "pyproject.toml"]
    plugins = []
    if not any(map(_TOLD_BY_PYTEST.fullmatch, options)):
        from .stages import Stages  # noqa: PLC0415  (pytest)

        plugins.append(Stages(" ".join(targets) or "pyproject.toml", judges_on=judges_on))
        options = ["-qq", *options]
    with redirect_stderr(Spelled(sys.stderr, _VALUED)):
        status = int(pytest.main([*kernels, *options], plugins))
    for text in _meant(own) if status == pytest.ExitCode.USAGE_ERROR else ():
        sys.stderr.write(f"{text}\n")
    return status


def targets_of(words: Sequence[str]) -> list[str]:
    """Return the kernels that a command names, as they stand there."""
    return _sorted(_own(words))[0]


def _own(words: Sequence[str]) -> Sequence[str]:
    """Return the words that are not pytest's alone, which stand behind two dashes."""
    return words[: words.index("--")] if "--" in words else words


def _sorted(words: Sequence[str]) -> tuple[list[str], list[str], bool]:
    """Return the kernels, pytest's options, and whether all is to be judged in any case."""
    targets: list[str] = []
    options: list[str] = []
    judges_on, foreign = False, False
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        short = word[:2] if word[:2] in _VALUED and word[2:] else ""
        if name in _VALUED or short:
            name = short or name
            given = [word[2:]] if short else [value] if equals else [*islice(rest, 1)]
            right, expected = _NUMBERS.get(name, ("", ""))
            if expected and given and not re.fullmatch(right, given[0]):
                raise ReportError(f"{name} {given[0]!r}: expected {expected}")
            options += [f"{_VALUED[name]}={value}"] if equals else [_VALUED[name], *given]
        elif word == _QUICK:
            options.append("--hypothesis-profile=quick")
        elif word == _ALL:
            judges_on = True
        elif word == _GITHUB:
            options.append("--convcheck-github")
        elif word.startswith("-") or foreign:
            foreign = True  # which words belong to it, pytest knows
            options.append(word)
        else:
            targets.append(word)
    return targets, options, judges_on


def _meant(words: Sequence[str]) -> Iterator[str]:
    """Yield which option may have been meant, where pytest has refused a command."""
    from convcheck.conformance.plugin.options import NAMES  # noqa: PLC0415  (pytest)

    known = [*_VALUED, _QUICK, _ALL, _GITHUB, *(f"--{name}" for name in NAMES)]
    for word in words:
        name = word.partition("=")[0]
        close = nearest(name, known)
        if name.startswith("--") and close and name not in known:
            yield f"{name}: did you mean {close}?"


def _lists() -> str:
    """Return what is named in many places: operations, and what a kernel may declare."""
    import textwrap  # noqa: PLC0415

    from convcheck.form.operations import OPERATIONS  # noqa: PLC0415  (NumPy)
    from convcheck.kernels.declared.line import KEYS  # noqa: PLC0415

    lists = {"OPERATION is one of": OPERATIONS, "KEY (tests/README.md tells more) is one of": KEYS}
    told = [f"{text} {', '.join(names)}." for text, names in lists.items()]
    return "".join(f"\n{textwrap.fill(each, 98)}\n" for each in told)


def _options(target: str) -> list[str]:
    """Return the pytest options that judge `target`."""
    from convcheck.kernels.declared.line import EXEC, split  # noqa: PLC0415  (NumPy

    operation, module, function, declared = split(target)
    if module == EXEC:
        return ["--convcheck-kernel", target]
    if not (operation or function):
        return ["--convcheck-kernels", target]
    if not operation and ",style=" in declared:
        operation = "convolution"
    line = f"{operation or function}={module}:{function or operation}{declared}"
    return ["--convcheck-kernel", line]

"""`convcheck check`: judge kernels by the conformance tests, from any directory."""

import sys
from collections.abc import Sequence

STATUSES = """Exit status: 0 it conforms; 1 it does not; 2 interrupted; 3 convcheck itself failed,
or could not write a report; 4 the command was wrong, parts are missing, or nothing was decided.
"""
USAGE = f"""usage: convcheck check [KERNEL ...] [pytest options]

KERNEL is [OPERATION=]MODULE[:FUNCTION][,KEY=VALUE]...
or, in another language, OPERATION=exec:PROGRAM[,KEY=VALUE]...

Judges kernels by the conformance tests, from any directory.  MODULE is a dotted name or the
path of a .py file.  Without a function, every function written in the module that bears an
operation's name is judged; without an operation, the function's name is the operation's.
Without a module, the kernels are those that [tool.convcheck] in pyproject.toml names.

{STATUSES}"""

# pytest's options that name kernels, too.
_NAMING = ("--kernel", "--kernels", "--convcheck-kernel", "--convcheck-kernels")


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    if list(words) in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return 0
    targets = []
    for word in words:
        if word.startswith("-"):
            break
        targets.append(word)
    options = words[len(targets) :]
    import pytest  # noqa: PLC0415  (not needed to tell the usage)

    kernels = [option for target in targets for option in _options(target)]
    if not kernels and not any(word.partition("=")[0] in _NAMING for word in options):
        kernels = ["--convcheck-kernels", "pyproject.toml"]
    return int(pytest.main([*kernels, *options]))


def _options(target: str) -> list[str]:
    """Return the pytest options that judge `target`."""
    from convcheck.kernels.candidates import EXEC, split  # noqa: PLC0415  (NumPy

    operation, module, function, declared = split(target)
    if module == EXEC:
        return ["--convcheck-kernel", target]
    if not (operation or function):
        return ["--convcheck-kernels", target]
    if not operation and ",style=" in declared:
        operation = "convolution"
    line = f"{operation or function}={module}:{function or operation}{declared}"
    return ["--convcheck-kernel", line]

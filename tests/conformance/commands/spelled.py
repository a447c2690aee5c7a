"""Errors of pytest's, in the words of the command that called it."""

import re
from collections.abc import Mapping
from typing import Any, TextIO

_COLOUR = r"(?:\x1b\[[\d;]*m)?"
_ERROR = re.compile(f"{_COLOUR}ERROR: ")
# What argparse writes around a message, and pytest adds: of no use to who did not call it.
_AROUND = re.compile(
    r"usage: pytest\.main\(\) .*\npytest\.main\(\): error: |"
    rf"\n  \w+: [^\n\x1b]*|\n(?={_COLOUR}\n*\Z)"
)


class Spelled:
    """A stream that writes what pytest says of options as the command's own options are called."""

    def __init__(self, stream: TextIO, names: Mapping[str, str]) -> None:
        """Write to a stream; of each option's name, what stands for it in pytest's words."""
        self._stream = stream
        self._names = {theirs: own for own, theirs in names.items()}
        # An option that has a short name is told as both.
        either = "|".join(rf"(?:-\w/)?{re.escape(each)}" for each in self._names)
        self._theirs = re.compile(rf"(?<![\w-])({either})(?![\w-])")

    def write(self, text: str) -> int:
        """Write a text, and return its length."""
        if _ERROR.match(text):
            text = self._theirs.sub(self._own, _AROUND.sub("", text))
        return self._stream.write(text)

    def _own(self, found: re.Match[str]) -> str:
        return self._names[found[0].rpartition("/")[2]]

    def __getattr__(self, name: str) -> Any:
        """Return whatever else the stream has."""
        return getattr(self._stream, name)

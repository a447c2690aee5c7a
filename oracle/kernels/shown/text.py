"""Text that came from elsewhere, made fit for terminals and reports."""

import re
import textwrap

# The harness prints arrays of up to a thousand numbers; what is longer came from a kernel.
LONGEST = 40_000


def printable(text: str, longest: int = LONGEST) -> str:
    """Return `text` with what cannot be seen, or controls a terminal, spelled out.

    Where it is longer than `longest` characters, it says how many it leaves out.
    """
    shown = text[:longest]
    if not shown.replace("\n", "").replace("\t", "").isprintable():  # most are; map is slow
        shown = "".join(map(_spelled, shown))
    left = len(text) - longest
    return f"{shown}\n... and {left:,} more characters" if left > 0 else shown


def one_line(text: str, longest: int = 200) -> str:
    """Return `text` as `printable` does, without line breaks."""
    return printable(" ".join(text[: 2 * longest].split()), longest).replace("\n", " ")


_CODE = re.compile(r"   |  (?:at|rerun) ")
"""how lines begin that are to be copied, or stand in columns"""
_LABEL = re.compile(r"  [a-z ]+  +|")
"""what others may begin with"""


def fitted(line: str, columns: int) -> list[str]:
    """Return a line in as many as a terminal needs for it, broken between words; code in one."""
    if len(line) <= columns or _CODE.match(line):
        return [line]
    label = _LABEL.match(line)
    indent = " " * (len(label[0]) if label and label[0] else 4)
    wrapper = textwrap.TextWrapper(
        columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(line)


def _spelled(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return character.encode("unicode_escape").decode()

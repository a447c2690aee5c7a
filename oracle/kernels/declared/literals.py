"""Values of arguments, as text in a line that `,` and `+` separate.

A value is a literal of Python (a number, a tuple, a text in quotes) or else the text itself,
where it has no brackets and quotes.  In those of a literal separators belong to the value.
"""

import ast
import re
from typing import Any

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_SPECIAL = r"'\"()\[\]{}"


def _closed(depth: int) -> str:
    """Return a pattern for what is in quotes, or in brackets that go so deep."""
    inner = f"|{_closed(depth - 1)}" if depth > 1 else f"|{_QUOTED}"
    return rf"{_QUOTED}|[(\[{{](?:[^{_SPECIAL}]{inner})*[)\]}}]"


_DEPTH = 4


def unbroken(separators: str) -> str:
    """Return a pattern for text without these separators, outside of brackets and quotes."""
    return rf"(?:[^{_SPECIAL}{re.escape(separators)}]|{_closed(_DEPTH)})*"


def parts(text: str, separator: str) -> list[str]:
    """Return the parts of a text between separators outside of brackets and quotes."""
    part = rf"(?:\A|{re.escape(separator)})({unbroken(separator)})"
    return re.findall(part, text, re.DOTALL)


def value(text: str) -> Any:
    """Return the value that `text` stands for; ValueError if it is neither literal nor plain."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        if re.search(f"[{_SPECIAL},+]", text):
            raise ValueError(f"{text!r}: expected a literal of Python, or plain text") from None
        return text


def written(of: Any) -> str:
    """Return the text that stands for a value; ValueError if there is none."""
    if isinstance(of, str):
        try:
            plain = bool(of) and of.isprintable() and value(of) == of
        except ValueError:
            plain = False
        return of if plain else repr(of)
    text = repr(of).replace("e+", "e") if isinstance(of, float) else repr(of)
    try:
        same = value(text) == of and re.fullmatch(unbroken(",+"), text, re.DOTALL)
    except ValueError:
        same = None
    if not same:
        raise ValueError(f"{of!r}: expected texts, finite numbers, lists and tables")
    return text

"""What a user declares, and values of arguments, as text in a line that `,` and `+` separate.

A value is a literal of Python (a number, a tuple, a text in quotes) or else the text itself,
where it has no brackets and quotes.  In those of a literal separators belong to the value.
"""

import ast
import re
from collections.abc import Mapping
from typing import Any

from .promises import DIRECT, OF_ARRAYS, Promise

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


_TEXTS = (
    *("tensors", "filters", "arrays", "device", "padding", "strides", "rank", "shapes"),
    *("style", "only", "partial", "memory"),
)


def fields_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Return a candidate's fields that declarations stand for; ValueError if for none."""
    fields: dict[str, Any] = {}
    for key, value in given.items():
        if key in ("names", "constants"):
            fields[key] = tuple(_pair(each) for each in parts(value, "+"))
        elif key in ("dtypes", "declines"):
            fields[key] = tuple(value.replace("_", " ").split("+"))
        elif key == "takes":
            fields[key] = tuple(value.split("+")) if value else ()
        elif key == "arguments":
            fields[key] = tuple(map(_argument, parts(value, "+")))
        elif key == "only" and not value.strip():
            raise ValueError(f"only={value!r}: expected comparisons, such as filter_height == 3")
        elif key in _TEXTS:
            fields[key] = value
    accuracy, colon, constant = given.get("accuracy", "direct").partition(":")
    try:
        number = float(constant) if colon else None
    except ValueError:
        raise ValueError(f"accuracy:{constant!r}: expected a positive number") from None
    said = given["promises"].replace("_", " ").split("+") if "promises" in given else ()
    arrays = tuple(each for each in said if each in OF_ARRAYS)
    zeros = tuple(each for each in said if each not in OF_ARRAYS)
    promised = given.get("subnormals"), zeros, arrays
    promise = Promise(given.get("sums"), accuracy, number, *promised)
    fields["promise"] = DIRECT if promise == DIRECT else promise  # which is what others ask for
    return fields


def _argument(text: str) -> str:
    """Return an argument of a program: the text itself, also of a number, if not in quotes."""
    return str(value(text)) if text[:1] in ("'", '"') else text


def _pair(text: str) -> tuple[str, str]:
    name, _, own = text.partition(":")
    return name, own or name


def declared(key: str, of: Any) -> str:
    """Return a declaration's value as a line has it: of a text, a list of texts, or a table.

    Raises:
        TypeError: it is none of these.
        ValueError: no text stands for a constant in it.
    """
    if key == "partial" and isinstance(of, bool):
        of = "yes" if of else "no"
    if isinstance(of, str):
        return of.replace(" ", "_") if key in ("declines", "promises") else of
    lists = ("takes", "dtypes", "declines", "promises", "arguments")
    tables = ("names", "constants")
    if key in ("rank", "shapes") and isinstance(of, int) and not isinstance(of, bool):
        return str(of)
    if key in lists and isinstance(of, list | tuple) and all(isinstance(e, str) for e in of):
        if key == "arguments":
            return "+".join(map(written, of))
        return "+".join(of).replace(" ", "_")
    if key == "constants" and isinstance(of, Mapping):
        return "+".join(f"{name}:{_constant(name, each)}" for name, each in of.items())
    if key == "names" and isinstance(of, Mapping):
        return "+".join(f"{name}:{each}" for name, each in of.items())
    expected = "a list of texts" if key in lists else "a table" if key in tables else "a text"
    raise TypeError(f"{key}={of!r:.100}: expected {expected}")


def _constant(name: str, of: Any) -> str:
    try:
        return written(of)
    except ValueError as error:
        raise ValueError(f"constants={name}: {error}") from None


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

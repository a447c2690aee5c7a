"""Names of which one was meant, where another stands."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

_ALIKE = 0.75
"""the share of letters that two names have in common"""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a word, whatever its case; None where none is."""
    by = {each.lower(): each for each in known}
    return next((by[e] for e in get_close_matches(word.lower(), by, n=1, cutoff=_ALIKE)), None)


def meant(word: str, known: Iterable[str]) -> str:
    """Return what ends a message on a name that is not known: which one may have been meant."""
    close = nearest(word, known)
    return f"; did you mean {close}?" if close else ""


def one_of(word: object, known: Collection[str]) -> str:
    """Return what is expected of a word that is no known name, with the one that it may mean."""
    return f"expected one of {', '.join(known)}{meant(str(word), known)}"

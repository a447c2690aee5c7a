"""How the words of a report look: a symbol and a style for each."""

from typing import NamedTuple

from convcheck.reports import status


class Look(NamedTuple):
    """How a word looks: never told by colour alone."""

    style: str
    symbol: str


LOOKS = {
    "certified": Look("good", "★"),
    "agrees": Look("good", "✓"),
    "disagrees": Look("bad", "✗"),
    "misbehaved": Look("bad", "!"),
    "crashed": Look("bad", "☠"),
    "not certified": Look("open", "◐"),
    "agrees so far": Look("open", "◔"),
    "undecided": Look("open", "?"),
    "vacuous": Look("void", "∅"),
    "not offered": Look("void", "▢"),
    "not applicable": Look("void", "◇"),
    "not run": Look("unrun", "○"),
    "not measured": Look("unrun", "○"),
    status.CONFORMS: Look("good", "✓"),
    status.SO_FAR: Look("open", "◔"),
    status.FAILS: Look("bad", "✗"),
    status.INCOMPLETE: Look("open", "◐"),
    status.UNDECIDED: Look("open", "?"),
    "never reached": Look("bad", "✗"),
    # of the entries of the ledger and the domain map
    "holds": Look("good", "✓"),
    "does not hold": Look("bad", "✗"),
    # of a candidate beside the kernel that it replaces
    "bit-identical": Look("good", "≡"),
    "same within the bound": Look("good", "≈"),
    "bits differ": Look("bad", "≢"),
    "less accurate": Look("open", "△"),
    "wrong": Look("bad", "✗"),
    # of mistakes that the suite is tried on
    "caught": Look("good", "✓"),
    "missed": Look("bad", "✗"),
}


def look(word: str) -> Look:
    """Return how a word looks; one that nobody foresaw is never shown as good."""
    return LOOKS.get(word, Look("void", "·"))

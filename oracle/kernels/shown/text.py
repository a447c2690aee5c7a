"""Text that came from elsewhere, made fit for terminals and reports."""

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


def _spelled(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return character.encode("unicode_escape").decode()

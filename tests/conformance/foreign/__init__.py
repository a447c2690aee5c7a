"""What others wrote: layers of a user's own network, and conformance vectors, read from files."""

from collections import Counter
from collections.abc import Iterable, Sequence


class ForeignError(ValueError):
    """A file that cannot be read as what it is given for; the message says where and why."""


def told(operations: Iterable[str], left_out: Sequence[str], what: str) -> str:
    """Return how many layers or vectors a file holds of each operation, and why others are not."""
    counts = Counter(operations).items()
    line = ", ".join(f"{count} {what}{'s' * (count > 1)} of {name}" for name, count in counts)
    if not left_out:
        return line
    more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    return f"{line}; left out: {left_out[0]}{more}"

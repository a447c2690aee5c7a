"""A line on a terminal that says how far a long run is."""

import sys
import time


class ProgressLine:
    """A line on standard error, written anew each half second from the second second on."""

    def __init__(self) -> None:
        self._started = self._last = time.monotonic()
        self._wanted = sys.stderr.isatty()
        self._length = 0

    @property
    def due(self) -> bool:
        """Whether it is time to write it."""
        now = time.monotonic()
        return self._wanted and now - self._started >= 2 and now - self._last >= 0.5

    def write(self, what: str, done: int, planned: int) -> None:
        """Write how many geometries are done, and how long the others will take."""
        self._last = time.monotonic()
        left = (self._last - self._started) / max(done, 1) * (planned - done)
        text = f"{what}{done:,} of {planned:,} geometries, about {left:.0f} s left"
        # Spaces over the end of a line that was longer.
        sys.stderr.write(f"\r{text:{self._length}}")
        sys.stderr.flush()
        self._length = len(text)

    def clear(self) -> None:
        """Leave nothing of the line, so that what is written next has it to itself."""
        if self._length:
            sys.stderr.write(f"\r{'':{self._length}}\r")
            sys.stderr.flush()

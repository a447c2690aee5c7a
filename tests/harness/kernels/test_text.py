"""Text as a terminal shows it."""

import pytest

from convcheck.kernels.shown.text import fitted


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("a line that fits", ["a line that fits"]),
        (
            "wrong where the stride leaves a rest",
            ["wrong where the", "    stride leaves a", "    rest"],
        ),
        (
            "  holds    exact, bound, linearity",
            ["  holds    exact,", "           bound,", "           linearity"],
        ),
        (
            "  fails    exact: v1:convolution:float64:x",
            ["  fails    exact:", "           v1:convolution:float64:x"],
        ),
        (
            "  rerun    pytest --kernel mine.py --case v1",
            ["  rerun    pytest --kernel mine.py --case v1"],
        ),
        ("    x = np.array([1, 2, 3, 4, 5])", ["    x = np.array([1, 2, 3, 4, 5])"]),
    ],
)
def test_lines_are_broken_between_words(line: str, shown: list[str]) -> None:
    """Prose goes on below itself; what is copied, and what stands in columns, is left whole."""
    assert fitted(line, 20) == shown

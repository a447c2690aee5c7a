"""How many examples Hypothesis tries, and how; it is imported by those alone who need it."""

import zlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hypothesis import settings


def effort(share: float = 1.0) -> "settings":
    """Return the settings of a conformance test.

    The number of examples is the current profile's, times `share` for tests whose
    examples cost more.  The rest makes a run repeatable: no deadlines, and no examples
    left over from earlier runs.
    """
    from hypothesis import HealthCheck, Phase, settings  # noqa: PLC0415

    examples = max(1, round(settings().max_examples * share))
    return settings(
        max_examples=examples,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        # A record is kept across the examples of a test on purpose; and a machine busy
        # with other workers is slow to draw.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def tier() -> str:
    """Return "quick", "default" or "thorough": the current profile, if it is one of them."""
    from hypothesis import settings  # noqa: PLC0415

    name = settings.get_current_profile_name()
    return name if name in ("quick", "thorough") else "default"


def seed_number(config: pytest.Config) -> int:
    """Return a number for --hypothesis-seed, which may be a word."""
    text = config.getoption("hypothesis_seed", None) or "0"
    return int(text) % 2**32 if text.isdecimal() else zlib.crc32(text.encode())

"""The README says what is so: its examples run, and its figures are the code's."""

import doctest
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import readme_sample
from hypothesis import Phase

from convcheck.conformance.plan.certified import TIERS
from convcheck.conformance.plan.large import TEXTS
from convcheck.conformance.plugin import hooks as plugin
from convcheck.form.operations import OPERATIONS
from convcheck.reference import convolution

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_examples_print_what_they_show() -> None:
    """Every interactive example, run in order, prints exactly what stands below it."""
    text = "\n".join(blocks("pycon"))
    example = doctest.DocTestParser().get_doctest(text, {}, "README.md", None, 0)
    assert len(example.examples) > 10
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_guard_accepts_a_right_kernel_and_rejects_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The test file that a reader is told to write does its work."""
    (source,) = blocks("python")
    # Fewer examples and no shrinking: that the guard decides is the point, not how well.
    cheap = "deadline=None, max_examples=30, derandomize=True, database=None, phases=[GENERATE]"
    source = source.replace("deadline=None", cheap)
    kernels = ModuleType("mykernels")
    monkeypatch.setitem(sys.modules, "mykernels", kernels)
    for kernel, right in ((convolution, True), (lambda x, f, s: convolution(x, f[::-1], s), False)):
        kernels.convolution = kernel  # type: ignore[attr-defined]
        scope: dict[str, Any] = {"__name__": "guard", "GENERATE": Phase.generate}
        exec(source, scope)  # noqa: S102  (that it can be run is the point)
        guard = scope["test_my_convolution"]
        if right:
            guard()
        else:
            with pytest.raises(AssertionError, match="the kernel disagrees with the oracle"):
                guard()


def test_table_of_operations_is_complete() -> None:
    """Each operation stands in the table with its arguments in order."""
    for name, operation in OPERATIONS.items():
        (row,) = [
            line for line in README.splitlines() if line.startswith("|") and f"`{name}`" in line
        ]
        assert f"`{', '.join(operation.signature)}`" in row


def test_profiles_are_the_plugin_s() -> None:
    """The number of examples of each profile is the one that the plugin registers."""
    for profile, examples in plugin.EXAMPLES.items():
        assert re.search(rf"{profile} \({examples}[ )]", README)


def test_tiers_are_those_that_are_certified() -> None:
    """The table of profiles states the regions that the conformance tests certify."""
    for profile, tier in TIERS.items():
        one, two = tier.one_layer, tier.two_layers
        extents = f"{one.extent} | {one.reach} | {two.extent} | {two.reach}"
        assert f"| `{profile}` | {extents} |" in README


def test_number_of_large_layers() -> None:
    """The page says how many there are."""
    quick, more = map(len, TEXTS.values())
    assert f"{quick + more} layers of up to 17 million (`quick`: {quick})" in README


def test_sample_of_a_run_is_what_a_run_prints(tmp_path: Path) -> None:
    """What the README shows of a run is what its command prints; `tox -e sample` writes it."""
    shown = readme_sample.sample(README)["shown"]
    assert "\n  rerun " in shown
    assert "\nDoes not conform: " in shown
    again = readme_sample.judged(README, tmp_path)
    assert readme_sample.lasting(again) == readme_sample.lasting(shown)

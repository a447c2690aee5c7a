"""README.md and the rooms' pages say what is so: examples run, and figures are the code's."""

import doctest
import re
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import readme_sample
from hypothesis import Phase
from pages import FIRST, PAGES, ROOT, TEXT, anchors, blocks, links

from convcheck.conformance.plan.certified import TIERS
from convcheck.conformance.plan.large import TEXTS
from convcheck.conformance.plugin import options
from convcheck.form.operations import OPERATIONS
from convcheck.kernels.declared.candidates import Candidate
from convcheck.reference import convolution

MOST = 130
"""lines on the first page"""


def test_first_page_is_short() -> None:
    """The first page is read in a minute; what else there is to say has a page of its own."""
    assert len(PAGES[FIRST].splitlines()) <= MOST


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Whatever a page links to is there, down to the heading."""
    lost = []
    for link in links(PAGES[page]):
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        text = PAGES.get(target, "")
        if not target.exists() or (anchor and anchor not in anchors(text)):
            lost.append(link)
    assert not lost


def test_every_page_is_linked_from_the_first() -> None:
    """Nobody has to look for a page."""
    linked = {FIRST.parent / link for link in links(PAGES[FIRST])}
    assert linked >= {*PAGES} - {FIRST}


def test_examples_print_what_they_show() -> None:
    """Every interactive example, run in the order of its page, prints exactly what stands there."""
    ran = 0
    for page, text in PAGES.items():
        shown = "\n".join(blocks("pycon", text))
        example = doctest.DocTestParser().get_doctest(shown, {}, str(page), None, 0)
        assert doctest.DocTestRunner(verbose=False).run(example).failed == 0
        ran += len(example.examples)
    assert ran > 10


def test_commands_name_kernels_that_can_be_parsed() -> None:
    """Every declaration in a line that tells what to type is one."""
    typed = re.findall(r'convcheck check "(\w+=[^"]*)"', TEXT)
    typed += re.findall(r"convcheck check (\w+=[^\s\"`]*)", TEXT)
    assert len(typed) > 15
    for line in typed:
        assert Candidate.parse(line).operation == line.partition("=")[0]


def test_first_test_accepts_a_right_kernel_and_rejects_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The test on the first page does its work."""
    (source,) = blocks("python", PAGES[FIRST])
    kernels = ModuleType("mykernels")
    monkeypatch.setitem(sys.modules, "mykernels", kernels)
    for flip in (1, -1):
        kernels.convolution = partial(einsum, flip=flip)  # type: ignore[attr-defined]
        scope: dict[str, Any] = {}
        exec(source, scope)  # noqa: S102  (that it can be run is the point)
        judged = scope["test_my_convolution"]
        if flip == 1:
            judged()
        else:
            with pytest.raises(AssertionError, match="convolution behaves exactly like: "):
                judged()


def einsum(x: Any, ftr: Any, strd: tuple[int, int], *, flip: int) -> Any:
    """Convolve as the kernels on the pages do, with flipped filters if `flip` is -1."""
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    strided = windows[:, :: strd[0], :: strd[1]]
    return np.einsum("bhwcij,cijo->bhwo", strided, ftr[:, ::flip, ::flip])


def test_guard_accepts_a_right_kernel_and_rejects_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The test file that a reader is told to write does its work."""
    (source,) = blocks("python", PAGES[ROOT / "tests" / "README.md"])
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
            line for line in TEXT.splitlines() if line.startswith("|") and f"`{name}`" in line
        ]
        assert f"`{', '.join(operation.signature)}`" in row


def test_profiles_are_the_plugin_s() -> None:
    """The number of examples of each profile is the one that the plugin registers."""
    for profile, examples in options.EXAMPLES.items():
        assert re.search(rf"{profile} \({examples}[ )]", TEXT)


def test_tiers_are_those_that_are_certified() -> None:
    """The table of profiles states the regions that the conformance tests certify."""
    for profile, tier in TIERS.items():
        one, two = tier.one_layer, tier.two_layers
        extents = f"{one.extent} | {one.reach} | {two.extent} | {two.reach}"
        assert f"| `{profile}` | {extents} |" in TEXT


def test_number_of_large_layers() -> None:
    """The page says how many there are."""
    quick, more = map(len, TEXTS.values())
    assert f"{quick + more} layers of up to 17 million (`quick`: {quick})" in TEXT


def test_sample_of_a_run_is_what_a_run_prints(tmp_path: Path) -> None:
    """What the first page shows of a run is what its command prints; `tox -e sample` writes it."""
    shown = readme_sample.sample(PAGES[FIRST])["shown"]
    assert "\n  rerun " in shown
    assert "\nDoes not conform: " in shown
    again = readme_sample.judged(PAGES[FIRST], tmp_path)
    assert readme_sample.lasting(again) == readme_sample.lasting(shown)

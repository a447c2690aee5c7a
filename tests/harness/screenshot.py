"""Takes the picture of a report that the README shows: `python tests/harness/screenshot.py`.

The report is of a kernel that flips its filter, judged as a user would judge it.
"""

import sys
import tempfile
from pathlib import Path

from browser import browser, find
from pytest_runs import run

PICTURE = Path(__file__).with_suffix(".png")
KERNEL = """
from convcheck import reference


def convolution(x, fltrs, strd):
    return reference.convolution(x, fltrs[:, ::-1, ::-1], strd)
"""


def main() -> None:
    """Judge the kernel, and save what the top of the page looks like."""
    program = find()
    if program is None:
        sys.exit("no Chromium on the PATH: install it, or set CONVCHECK_BROWSER")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mykernels.py").write_text(KERNEL, encoding="utf-8")
        options = ("--hypothesis-profile", "quick", "--conformance-html", "report.html")
        result = run(folder, "--kernel", "convolution=mykernels:convolution", *options)
        page = folder / "report.html"
        if not page.exists():
            sys.exit(result.stdout + result.stderr)
        with browser(program) as show:
            show(page.as_uri(), width=1200, height=760).screenshot(path=PICTURE)
    sys.stdout.write(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()

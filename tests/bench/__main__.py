"""Measures convcheck, and other gates beside it: `python tests/bench [NAME ...]`.

Times are ratios of one run, since machines differ and are busy.  Without a name all is
measured but `alarms`, which takes long.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "harness"))  # for the kernels of `zoo`

import campaigns
import costs
import enumeration
import gates
import growth
import programs
import scaling

from convcheck.form.pytorch import one_thread

MEASURES: dict[str, tuple[str, Callable[[], Any]]] = {
    "share": ("share of an enumeration's time", enumeration.share),
    "suites": ("time over that in kernel and oracle", costs.against_kernel_and_oracle),
    "geometry": ("cost of judging both gradients of a geometry", costs.per_geometry),
    "case": ("cost of a judged case", costs.per_judged_case),
    "small": ("300 small convolutions: wrong results accepted, right ones rejected", gates.small),
    "large": (
        "1,000 convolutions of up to 3,200 products: right ones rejected, wrong ones caught",
        gates.large,
    ),
    "rounded": (
        "mistakes in 16-bit kernels that a draw of integers misses, %",
        gates.rounded,
    ),
    "programs": ("small calls a second of a program in C", programs.rate),
    "growth": ("an enumeration by extent", growth.enumeration),
    "layers": ("ResNet-50, 32 outputs a layer, literal kernel", growth.layers),
    "workers": ("the certificates, past start-up, over one bare process", scaling.workers),
    "balance": ("share of their time that more workers would work", scaling.balance),
    "alarms": ("a million exact cases of right kernels", lambda: enumeration.alarms(1_000_000)),
    "campaign": ("a campaign too large to be run here", campaigns.cost),
}
LONG = ("alarms",)


def main() -> None:
    """Measure what the command line names, print it as tables, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in FILE")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(MEASURES)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(MEASURES)}")
    if arguments.json and not arguments.json.parent.is_dir():
        parser.error(f"argument --json: {arguments.json}: expected a file in a folder")
    found = {}
    for name in arguments.names or [name for name in MEASURES if name not in LONG]:
        title, measure = MEASURES[name]
        with one_thread():
            found[name] = measure()
        print(f"{name}: {title}")
        print("".join(f"  {line}\n" for line in _lines(found[name])), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _lines(figures: Any) -> Iterator[str]:
    """Yield a table of figures: rows of columns, or names with one figure each."""
    if isinstance(figures, list):
        rows = [{name: _figure(value) for name, value in row.items()} for row in figures]
    elif all(isinstance(value, dict) for value in figures.values()):
        rows = [
            {"": name, **{column: _figure(value) for column, value in row.items()}}
            for name, row in figures.items()
        ]
    else:
        width = max(map(len, figures))
        yield from (f"{name:{width}}  {_figure(value)}" for name, value in figures.items())
        return
    widths = {name: max([len(name), *(len(row[name]) for row in rows)]) for name in rows[0]}
    for row in ({name: name for name in widths}, *rows):
        yield "  ".join(f"{row[name]:{width}}" for name, width in widths.items()).rstrip()


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()

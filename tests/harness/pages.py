"""The pages that people read: README.md, and those of the rooms that it leads to."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST = ROOT / "README.md"
ROOMS = ("tests", "oracle", "reports", "reference")
PAGES = {
    page: page.read_text(encoding="utf-8")
    for page in (FIRST, *(ROOT / room / FIRST.name for room in ROOMS))
}
TEXT = "\n".join(PAGES.values())
"""all of them, in which each thing stands once"""


def blocks(language: str, text: str = TEXT) -> list[str]:
    """Return the fenced code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return what links to a page's headings end in, as GitHub makes it of them."""
    prose = re.sub("```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall("^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def links(text: str) -> list[str]:
    """Return where links and pictures lead that stay within the repository."""
    return [each for each in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in each]

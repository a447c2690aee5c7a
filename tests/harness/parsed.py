"""A page taken apart, for tests that look at its words."""

from html.parser import HTMLParser

from sample import PLANNED

from convcheck.reports.document import Report
from convcheck.reports.since.history import History
from convcheck.reports.told import page


class Page(HTMLParser):
    """A page taken apart; AssertionError where a tag is not closed in its turn."""

    def __init__(self, report: Report, history: History | None = None) -> None:
        super().__init__()
        self.source = page.render(report, history=history)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[tuple[str, str]] = []
        self.text = ""
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an opening tag."""
        if tag == "wbr":  # as many as there are underscores in names
            return
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)
        style = str(dict(attrs).get("class"))
        if tag == "td":
            self.cells.append((style, ""))
        elif style.startswith("cell "):
            self.cells[-1] = (style.removeprefix("cell "), "")

    def handle_endtag(self, tag: str) -> None:
        """Take a closing tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self.open and self.open[-1] in ("style", "script"):
            return
        self.text += data
        if "td" in self.open:
            style, text = self.cells[-1]
            self.cells[-1] = (style, text + data)

    @property
    def words(self) -> str:
        """Its text, words apart by one space."""
        return " ".join(self.text.split())

    def values(self, name: str, tag: str = "") -> list[str]:
        """Return the values that an attribute has, in all tags or in one kind."""
        return [str(each[name]) for kind, each in self.tags if name in each and tag in ("", kind)]

    def matrix(self) -> list[tuple[str, list[str]]]:
        """Return class and words of each cell of the matrix, in the page's order."""
        first = self.cells.index(("None", "")) + 1  # the corner
        cells = self.cells[first : first + len(PLANNED)]
        return [(style, text.partition(":")[2].split()) for style, text in cells]

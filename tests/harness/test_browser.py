"""The page in a real browser: with the network off, by keyboard, dark, printed, narrow."""

import json
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from browser import Browser, find
from sample import Json, everything, make, one_of_each, spoken

from convcheck.reports import page

HOSTILE = (
    "<script>hurt = 1</script><img src=x onerror=hurt=1>",
    "'\"><svg onload=hurt=1>\u202e\u2066\x00\x1b",
    "w" * 5_000,
)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start one browser for all tests."""
    path = find()
    if path is None:
        pytest.skip("no Chromium on the PATH: apt-get install chromium, or set CONVCHECK_BROWSER")
    browser = Browser(path, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def browser(program: Browser) -> Browser:
    """Return the browser as if it were new."""
    program.size(1280, 900)
    program.media()
    program.scripts(allowed=True)
    return program


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Json], str]:
    """Return a function that writes a report and returns the page's address."""
    folder = tmp_path_factory.mktemp("pages")

    def write(report: Json) -> str:
        path = folder / f"{abs(hash(json.dumps(report)))}.html"
        if not path.exists():
            page.write_html(report, path)
        return path.as_uri()

    return write


@pytest.fixture(scope="session")
def whole(address: Callable[[Json], str]) -> str:
    """Return the address of a page with everything in it."""
    return address(everything())


@pytest.fixture(scope="session")
def few(address: Callable[[Json], str]) -> str:
    """Return the address of a page with little in it, but of every kind."""
    return address(one_of_each())


REPORTS: dict[str, Callable[[], Json]] = {
    "everything": everything,
    "hostile": lambda: spoken(" ".join(HOSTILE)),
    "nothing": lambda: make(planned=[]),
    "nothing run": make,
}


@pytest.mark.parametrize("width", [375, 1600])
@pytest.mark.parametrize("name", REPORTS)
def test_pages_load_and_fit(
    browser: Browser, address: Callable[[Json], str], name: str, width: int
) -> None:
    """With the network off nothing is fetched, complained about, run, or wider than the window."""
    browser.size(width, 900)
    browser.open(address(REPORTS[name]()))
    assert browser.complaints() == []
    assert browser.run("typeof hurt") == "undefined"
    for opened in ("false", "true"):
        browser.run(f"document.querySelectorAll('details').forEach(d => d.open = {opened})")
        assert browser.run("document.documentElement.scrollWidth") == width


def test_complaints_are_noticed(browser: Browser, tmp_path: Path) -> None:
    """A page that fetches, throws or breaks its policy is complained about."""
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'self'\">"
    bad = ("<img src='https://example.com/x.png'>", "<script>throw 1</script>", policy + "<style>")
    for text in bad:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        browser.open(path.as_uri())
        assert browser.complaints()


def rows(browser: Browser, condition: str = "true") -> int:
    """Return how many entries are to be seen, of those that satisfy a condition."""
    script = (
        "[...document.querySelectorAll('[data-row]')].filter(row => !row.hidden && ({})).length"
    )
    return int(browser.run(script.replace("{}", condition)))


def test_filters_work_by_keyboard_and_survive_in_the_address(browser: Browser, whole: str) -> None:
    """What is chosen and typed hides all else, and does so again when the page is reloaded."""
    browser.open(whole)
    everything_shown = rows(browser)
    browser.run("document.getElementById('filter-op').focus()")
    for letter in "conv_back":  # a select goes to the name that is typed
        browser.press(letter)
    assert 0 < rows(browser) < everything_shown
    assert rows(browser) == rows(browser, "row.dataset.op === 'conv_back_prop'")
    browser.press("Tab")
    browser.press("Tab")
    for letter in "float16":
        browser.press(letter)
    narrowed = rows(browser)
    assert narrowed == rows(browser, "/float16/.test(row.textContent)") > 0
    there = browser.run("location.href")
    assert "op=conv_back_prop" in there
    browser.open(there)
    assert rows(browser) == narrowed
    assert browser.run("document.getElementById('filter-text').value") == "float16"
    browser.run("document.getElementById('filter-text').focus()")
    browser.press("Escape")
    assert rows(browser) == everything_shown


def test_links_keep_filters_and_open_what_they_lead_to(browser: Browser, whole: str) -> None:
    """A link to a section leaves the filters on; one to something folded away unfolds it."""
    browser.open(f"{whole}#matrix&status=disagrees")
    assert rows(browser) == rows(browser, "/disagrees/.test(row.dataset.status)") > 0
    browser.run("document.querySelector('nav a[href=\"#domain\"]').click()")
    browser.wait("location.hash === '#domain&status=disagrees'")
    browser.open(f"{whole}#distribution&op=convolution")
    assert browser.run("document.getElementById('distribution').closest('details').open")
    browser.open(f"{whole}#failure-1")
    assert browser.run("document.querySelectorAll('.failure details[open]').length") == 1
    browser.open(f"{whole}#fault-convolution-complex&op=convolution")
    top = "document.getElementById('fault-convolution-complex').getBoundingClientRect().top"
    assert 0 <= browser.run(top) < 900


def test_a_status_of_the_summary_filters(browser: Browser, whole: str) -> None:
    """The counts at the top lead to the cells that they count."""
    browser.open(whole)
    browser.run("document.querySelector('[data-want=crashed]').click()")
    browser.wait("location.hash.includes('status=crashed')")
    assert rows(browser) == 1


def test_buttons_copy(browser: Browser, whole: str) -> None:
    """Each copy button puts the text beside it on the clipboard, and says so."""
    browser.open(whole)
    browser.send("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    for number in range(browser.run("document.querySelectorAll('.copy').length")):
        button = f"document.querySelectorAll('.copy')[{number}]"
        browser.run(f"{button}.focus()")
        browser.press("Enter")
        browser.wait(f"{button}.textContent === 'Copied'")
        text = browser.run(f"{button}.nextElementSibling.textContent")
        assert browser.run("navigator.clipboard.readText()") == text != ""


def test_everything_is_reached_by_keyboard(browser: Browser, whole: str) -> None:
    """Tab goes first to the skip link, and on to every control; Enter follows a link."""
    browser.open(whole)
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    seen = []
    for _ in range(30):
        browser.press("Tab")
        seen.append(browser.run("document.activeElement.outerHTML.slice(0, 60)"))
        assert browser.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert any('id="filter-text"' in each for each in seen)
    browser.run("document.querySelector('td.bad a').focus()")
    browser.press("Enter")
    browser.wait("location.hash === '#failure-1'")


def test_dark_mode_is_dark(browser: Browser, whole: str) -> None:
    """Paper is light by day and dark by night; so are the pictures' squares."""
    browser.open(whole)
    seen = []
    for scheme in ("light", "dark"):
        browser.media(scheme)
        colours = "[document.body, document.querySelector('svg .zero')].map(getComputedStyle)"
        seen += browser.run(f"{colours}.map((s, n) => n ? s.fill : s.backgroundColor)")
    assert seen == ["rgb(255, 255, 255)"] * 2 + ["rgb(21, 24, 27)"] * 2


def test_it_prints(browser: Browser, few: str) -> None:
    """Printed, the page has several sheets, no controls, and what was folded away."""
    browser.open(few)
    sheets = browser.printed()
    assert sheets.startswith(b"%PDF")
    assert sheets.count(b"/Type /Page\n") > 5
    browser.media(kind="print")
    hidden = "[...document.querySelectorAll('#filter, .copy')].every(e => e.offsetHeight === 0)"
    assert browser.run(hidden)
    assert browser.run("[...document.querySelectorAll('details table')].every(e => e.offsetHeight)")


def test_it_works_without_scripts(browser: Browser, whole: str) -> None:
    """Without JavaScript all is there but the filters and buttons; links lead somewhere."""
    browser.scripts(allowed=False)
    browser.open(f"{whole}#failure-1")
    assert browser.complaints() == []
    assert browser.run("document.getElementById('filter').offsetHeight") == 0
    assert browser.run("document.querySelector('.copy').offsetHeight") == 0
    assert browser.run("document.querySelector('td.bad').offsetHeight") > 0
    assert 0 <= browser.run("document.querySelector(':target').getBoundingClientRect().top") < 900


@pytest.mark.parametrize(("scheme", "rules"), [("light", []), ("dark", ["color-contrast"])])
def test_it_is_accessible(browser: Browser, few: str, scheme: str, rules: list[str]) -> None:
    """An automated check of accessibility (axe) finds nothing; by night, of its colours."""
    library = pytest.importorskip("axe_core_python", reason="no axe: install the `test` extra")
    axe = (resources.files(library) / "axe.min.js").read_text(encoding="utf-8")
    browser.media(scheme)
    browser.open(few)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.run(f"{axe}; 0")
    options = json.dumps({"runOnly": rules} if rules else {})
    found = browser.run(f"axe.run(document, {options}).then(r => r.violations)")
    assert [(each["id"], [node["html"] for node in each["nodes"][:3]]) for each in found] == []


def test_a_picture_says_what_it_shows(browser: Browser, whole: str) -> None:
    """Every picture is named for screen readers, and its numbers stand in a table beside it."""
    browser.open(whole)
    pictures = "[...document.querySelectorAll('svg[role=img]')]"
    assert browser.run(f"{pictures}.length") > 10
    assert browser.run(f"{pictures}.every(p => p.getAttribute('aria-label').length > 10)")
    assert browser.run(f"{pictures}.every(p => p.closest('section').querySelector('table'))")

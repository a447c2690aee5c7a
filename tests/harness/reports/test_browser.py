"""The page in a real browser: with the network off, by keyboard, dark, printed, narrow."""

import json
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import axe_core_python  # type: ignore[import-untyped]
import pytest
from browser import Show, browser, find
from playwright.sync_api import Page
from sample import candidate, everything, make, one_of_each, runs, spoken

from convcheck.reports.document import Report
from convcheck.reports.since.history import History
from convcheck.reports.told import page as page_of

HOSTILE = (
    "<script>hurt = 1</script><img src=x onerror=hurt=1>",
    "'\"><svg onload=hurt=1>\u202e\u2066\x00\x1b",
    "w" * 5_000,
)
REPORTS: dict[str, Callable[[], Report]] = {
    "everything": everything,
    "few": one_of_each,
    "hostile": lambda: spoken(" ".join(HOSTILE)),
    "wrong": lambda: candidate(wrong=True),
    "right": lambda: candidate(wrong=False),
    "nothing": lambda: make(planned=[]),
    "nothing run": make,
}


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    """Start a browser that shows addresses, for all tests here."""
    path = find()
    if path is None:
        pytest.skip("no Chromium on the PATH: apt-get install chromium, or set CONVCHECK_BROWSER")
    with browser(path) as shown:
        yield shown


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function that gives the address of a report's page, and writes it once."""
    folder = tmp_path_factory.mktemp("pages")

    def write(name: str) -> str:
        path = folder / f"{name}.html"
        if not path.exists():
            report = REPORTS[name]()
            page_of.write_html(report, path, history=History(runs(report), [7]))
        return path.as_uri()

    return write


@pytest.fixture
def whole(address: Callable[[str], str]) -> str:
    """Return the address of a page with everything in it."""
    return address("everything")


def heard(page: Page) -> list[str]:
    """Return, reloading it, what a page fetches, and writes to the console or throws."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.reload()
    return [each for each in said if not each.startswith(("file:", "data:"))]


@pytest.mark.parametrize("width", [375, 1600])
@pytest.mark.parametrize("name", ["everything", "hostile", "nothing", "nothing run"])
def test_pages_load_and_fit(
    show: Show, address: Callable[[str], str], name: str, width: int
) -> None:
    """With the network off nothing is fetched, complained about, run, or wider than the window."""
    page = show(address(name), width=width)
    assert heard(page) == []
    assert page.evaluate("typeof hurt") == "undefined"
    for opened in ("false", "true"):
        page.evaluate(f"document.querySelectorAll('details').forEach(d => d.open = {opened})")
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_complaints_are_noticed(show: Show, tmp_path: Path) -> None:
    """A page that fetches, throws or breaks its policy is complained about."""
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'self'\">"
    bad = ("<img src='https://example.com/x.png'>", "<script>throw 1</script>", policy + "<style>")
    for text in bad:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        assert heard(show(path.as_uri()))


def rows(page: Page, which: str = "") -> int:
    """Return how many entries are to be seen, of those that a selector tells."""
    return page.locator(f"[data-row]:not([hidden]){which}").count()


def test_filters_work_by_keyboard_and_survive_in_the_address(show: Show, whole: str) -> None:
    """What is chosen and typed hides all else, and does so again when the page is reloaded."""
    page = show(whole)
    everything_shown = rows(page)
    page.focus("#filter-op")
    page.keyboard.type("conv_back")  # a select goes to the name that is typed
    assert 0 < rows(page) < everything_shown
    assert rows(page) == rows(page, "[data-op=conv_back_prop]")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("float16")
    narrowed = rows(page)
    assert narrowed == rows(page, ":has-text('float16')") > 0
    assert "op=conv_back_prop" in page.url
    page.reload()
    assert rows(page) == narrowed
    assert page.input_value("#filter-text") == "float16"
    page.press("#filter-text", "Escape")
    assert rows(page) == everything_shown


def test_links_keep_filters_and_open_what_they_lead_to(show: Show, whole: str) -> None:
    """A link to a cause leaves the filters on; one to something folded away unfolds it."""
    page = show(f"{whole}#matrix&status=disagrees")
    assert rows(page) == rows(page, "[data-status*=disagrees]") > 0
    page.click("a.cell.bad")
    page.wait_for_url("**#cause-1&status=disagrees")
    assert show(f"{whole}#distribution&op=convolution").locator("#distribution").is_visible()
    page = show(f"{whole}#fault-convolution-complex&op=convolution")
    place = page.locator("#fault-convolution-complex").bounding_box()
    assert place is not None
    assert 0 <= place["y"] < 900


def unfold(page: Page) -> None:
    """Open whatever is folded away."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


def test_buttons_copy(show: Show, whole: str) -> None:
    """Each copy button puts the text beside it on the clipboard, and says so."""
    page = show(whole, permissions=["clipboard-read", "clipboard-write"])
    unfold(page)
    buttons = page.locator(".copy").all()
    assert len(buttons) > 1
    for button in buttons:
        button.press("Enter")
        page.wait_for_function("b => b.ariaLabel == 'Copied'", arg=button.element_handle())
        text = button.evaluate("b => b.nextElementSibling.textContent")
        assert page.evaluate("navigator.clipboard.readText()") == text != ""


def test_everything_is_reached_by_keyboard(show: Show, whole: str) -> None:
    """Tab goes first to the skip link, and on to every control; Enter follows a link."""
    page = show(whole)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(20):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert "filter-text" in seen
    page.locator("a.cell.bad").first.press("Enter")
    page.wait_for_url("**#cause-1")


def test_the_matrix_tells_what_is_looked_at(show: Show, address: Callable[[str], str]) -> None:
    """Arrows go from cell to cell; the words of the one in focus, or hovered over, are seen."""
    page = show(address("wrong"))
    words = page.locator(".cell .unseen")

    def seen() -> list[str]:
        width = "all => all.filter(e => e.offsetWidth > 1).map(e => e.textContent)"
        return [" ".join(text.split()) for text in words.evaluate_all(width)]

    assert seen() == []
    page.locator(".cell[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    assert seen() == ["convolution, certified, float32: disagrees in 211 of 278 cases"]
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.locator(".cell.open").first.hover()
    (told,) = seen()
    assert told.startswith("convolution, linearity, float16: agrees so far in 381 of 381 cases")


@pytest.mark.parametrize(("name", "screens"), [("wrong", 3), ("right", 2)])
def test_a_kernel_takes_little_room(
    show: Show, address: Callable[[str], str], name: str, screens: int
) -> None:
    """A default run on one kernel takes few screens and kilobytes, and few sheets of paper."""
    page = show(address(name), width=1280, height=800)
    assert page.evaluate("document.documentElement.scrollHeight") <= screens * 800
    assert len(page.content().encode()) < 150_000
    assert page.pdf(format="A4").count(b"/Type /Page\n") <= 6


def test_the_matrix_is_small(show: Show, whole: str) -> None:
    """A cell has 18 pixels, and an operation a line of at most 60."""
    page = show(whole)
    size = "all => [...new Set(all.map(e => `${e.offsetWidth} ${e.offsetHeight}`))]"
    assert page.locator(".cell").evaluate_all(size) == ["18 18"]
    lines = page.locator(".heat tbody tr").evaluate_all("all => all.map(e => e.offsetHeight)")
    assert len(lines) > 5
    assert max(lines) <= 60


@pytest.mark.parametrize("name", ["everything", "wrong"])
def test_type_has_four_sizes(show: Show, address: Callable[[str], str], name: str) -> None:
    """All words of a page are of four sizes."""
    page = show(address(name))
    unfold(page)
    sizes = page.locator("body *").evaluate_all(
        "all => [...new Set(all.filter(e => e.textContent.trim()).map("
        "e => getComputedStyle(e).fontSize))]"
    )
    assert {*sizes} <= {"12px", "14px", "16px", "20px"}


def test_dark_mode_is_dark(show: Show, whole: str) -> None:
    """Paper is light by day and dark by night; so are the pictures' squares."""
    page = show(whole)
    for scheme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 24, 27)")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colour
        assert page.evaluate("getComputedStyle(document.querySelector('svg .zero')).fill") == colour


def test_it_prints(show: Show, address: Callable[[str], str]) -> None:
    """Printed, the page has no controls, and of what is folded away what was opened."""
    page = show(address("few"))
    folded = page.pdf(print_background=True, prefer_css_page_size=True)
    unfold(page)
    whole = page.pdf(print_background=True, prefer_css_page_size=True)
    assert folded.startswith(b"%PDF")
    assert 1 <= folded.count(b"/Type /Page\n") < whole.count(b"/Type /Page\n")
    page.emulate_media(media="print")
    assert page.locator("#filter:visible, .copy:visible").count() == 0


def test_the_whole_matrix_is_on_paper(show: Show, whole: str) -> None:
    """All properties have room on a sheet, though none can be scrolled to there."""
    page = show(whole, width=703)  # 186 mm
    assert page.locator(".heat thead tr").first.locator("th").count() >= 16
    right = "e => e.getBoundingClientRect().right"
    assert page.locator(".heat").evaluate(right) > 703
    page.emulate_media(media="print")
    assert page.locator(".heat").evaluate(right) <= 703


def test_it_works_without_scripts(show: Show, whole: str) -> None:
    """Without JavaScript all is there but the filters and buttons; links lead somewhere."""
    page = show(f"{whole}#cause-1", java_script_enabled=False)
    assert heard(page) == []
    assert page.locator("#filter:visible, .copy:visible").count() == 0
    assert page.locator(".cell.bad").first.is_visible()
    place = page.locator(":target").bounding_box()
    assert place is not None
    assert 0 <= place["y"] < 900


@pytest.mark.parametrize(("scheme", "rules"), [("light", []), ("dark", ["color-contrast"])])
def test_it_is_accessible(
    show: Show, address: Callable[[str], str], scheme: str, rules: list[str]
) -> None:
    """An automated check of accessibility (axe) finds nothing; by night, of its colours."""
    axe = (resources.files(axe_core_python) / "axe.min.js").read_text(encoding="utf-8")
    page = show(address("few"), color_scheme=scheme)
    unfold(page)
    page.evaluate(f"{axe}; 0")
    options = json.dumps({"runOnly": rules} if rules else {})
    found = page.evaluate(f"axe.run(document, {options}).then(r => r.violations)")
    assert [(each["id"], [node["html"] for node in each["nodes"][:3]]) for each in found] == []


def test_a_picture_says_what_it_shows(show: Show, whole: str) -> None:
    """Every picture is named for screen readers, and its numbers stand in a table beside it."""
    pictures = show(whole).locator("svg[role=img]")
    assert pictures.count() > 10
    assert pictures.evaluate_all("all => all.every(p => p.getAttribute('aria-label').length > 10)")
    tables = "all => all.every(p => p.closest('.fold, .card').querySelector('table'))"
    assert pictures.evaluate_all(tables)

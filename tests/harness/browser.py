"""Chromium without a window and without a network, driven by Playwright.

It is the one on the PATH, from the system's packages: Playwright would download its own.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

Show = Callable[..., Page]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """Return the path of a Chromium, if there is one: of $CONVCHECK_BROWSER, or on the PATH."""
    named = os.environ.get("CONVCHECK_BROWSER")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def browser(program: str) -> Iterator[Show]:
    """Start Chromium; give a function that shows an address in a window of its own.

    It takes options of Playwright's `Browser.new_context` beside the address.
    """
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program)

        def show(address: str, *, width: int = 1280, height: int = 900, **options: Any) -> Page:
            size: Any = {"width": width, "height": height}
            for old in running.contexts:
                old.close()
            context = running.new_context(
                offline=True, viewport=size, is_mobile=width < 500, **options
            )
            page = context.new_page()
            page.goto(address)
            return page

        yield show
        running.close()

"""Debian's Chromium without a window, driven by Playwright, and what a page said and fetched in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a sandbox it starts as root; the others keep it from asking hosts of its maker.
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--mute-audio",
)  # fmt: skip
_PATIENCE_MS = 60_000


class BrowserMissing(Exception):
    """There is no Chromium on this machine; the message says how to get it."""


@dataclass
class Watched:
    """A page, and everything that went wrong or abroad in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@contextmanager
def run_browser() -> Iterator[Browser]:
    """Start Chromium; raises :class:`BrowserMissing`."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise BrowserMissing("Chromium is missing: install the Debian package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, url: str, *, width: int = 1200, scheme: str = "light") -> Iterator[Watched]:
    """Open an address in a window that shares nothing with others."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    context.set_default_timeout(_PATIENCE_MS)
    watched = Watched(context.new_page())
    page = watched.page
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("console", lambda said: watched.complaints.append(said.text) if said.type != "log" else None)
    page.on("request", lambda request: watched.hosts.add(request.url.partition("://")[2].partition("/")[0]))
    try:
        page.goto(url)
        yield watched
    finally:
        context.close()

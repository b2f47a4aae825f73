"""A real browser: Debian's Chromium, driven by Playwright, with nothing of its own talking to anybody."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from servers.found import Missing

_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


def find_chromium() -> str:
    """The browser's path. Raises `Missing`."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise Missing("there is no chromium here; `apt-get install chromium` brings it")
    return found


@contextmanager
def browsing(path: str) -> Iterator[Browser]:
    """A browser; each of its contexts keeps storage of its own, as a browser of another person does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def browsing_untracked(browser: Browser, profile: Path) -> Iterator[BrowserContext]:
    """A browser of somebody who has switched on "Do Not Track" in its settings."""
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps({"enable_do_not_track": True}))
    context = browser.browser_type.launch_persistent_context(
        str(profile), executable_path=find_chromium(), args=_ARGUMENTS
    )
    yield context
    context.close()

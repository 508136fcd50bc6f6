"""Second visits, against the application itself: what a browser kept must still run when it asks whether it is the
same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.types import Receive, Scope, Send

from sam_mask_service.http.app import build_app
from sam_mask_service.page import files

from ..support.live import live
from ..support.scene import Fixed, picture, service
from ..support.wire import PLAIN


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    wrong: list[str] = []
    context.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    opened.goto(url)
    yield opened
    context.close()
    assert not wrong


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[str]:
    """The application behind a proxy that takes a path away."""
    made = service(tmp_path, detector=Fixed())
    app = build_app(made, files())

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": scope["path"].removeprefix("/faces")}, receive, send)

    with live(proxy) as address:
        yield f"{address}/faces/"
    made.close()


def assert_alive(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture())
    page.set_input_files("#file", photo)
    expect(page.locator("#state")).to_contain_text("Mask of 2 faces")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).display") == "grid"


@pytest.mark.parametrize("path", sorted(files()))
def test_the_answer_that_nothing_changed_has_the_same_policy(url: str, path: str) -> None:
    first = httpx.get(url + path, verify=PLAIN)
    again = httpx.get(url + path, headers={"If-None-Match": first.headers["etag"]}, verify=PLAIN)
    assert (first.status_code, again.status_code) == (200, 304)
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert "script-src 'self'" in again.headers["content-security-policy"]


def test_reload(page: Page, tmp_path: Path) -> None:
    for _ in range(2):
        page.reload()
        assert_alive(page, tmp_path)


def test_a_second_tab(page: Page, url: str, tmp_path: Path) -> None:
    tab = page.context.new_page()
    tab.set_default_timeout(30_000)
    tab.goto(url)
    assert_alive(tab, tmp_path)


def test_to_the_docs_and_back(page: Page, tmp_path: Path) -> None:
    page.get_by_role("link", name="API").click()
    expect(page.locator("h1")).to_contain_text("SAM Mask API")
    page.go_back()
    assert_alive(page, tmp_path)
    page.get_by_role("link", name="API").click()
    page.get_by_role("link", name="the web page").click()
    assert_alive(page, tmp_path)


def test_behind_a_path_of_a_proxy(page: Page, proxied: str, tmp_path: Path) -> None:
    page = page.context.new_page()  # the first one may still ask for the icon of the page it has shown
    page.set_default_timeout(30_000)
    outside: list[str] = []
    page.on("request", lambda r: None if r.url.startswith((proxied, "blob:", "data:")) else outside.append(r.url))
    page.goto(proxied)
    assert_alive(page, tmp_path)
    page.locator("#curl").click()
    assert f"'{proxied}create_mask'" in page.locator("#command").input_value()
    page.locator("#close").click()
    page.get_by_role("link", name="API").click()
    expect(page.locator("h1")).to_contain_text("SAM Mask API")
    page.get_by_role("link", name="the web page").click()
    assert_alive(page, tmp_path)
    assert outside == []

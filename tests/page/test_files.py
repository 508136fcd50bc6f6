"""The page's files: small, complete, and free of anything that its Content-Security-Policy forbids."""

from __future__ import annotations

import json
import re

from sam_mask_service import errors
from sam_mask_service.errors import ServiceError
from sam_mask_service.page import CSP, files
from sam_mask_service.targets import TARGETS

MOST_BYTES = 200_000


TEXTS = [path for path in files() if not path.endswith(".jpg")]


def text(path: str) -> str:
    return files()[path].body.decode()


def test_the_page_is_small() -> None:
    assert sum(len(f.body) for f in files().values()) < MOST_BYTES


def test_every_file_that_the_page_names_is_there() -> None:
    everything = "".join(text(path) for path in files() if path.endswith((".js", ".css")) or path == "/")
    named = {f"/{name}" for name in re.findall(r"static/[a-z]+\.[a-z]+", everything)}
    named |= {f"/static/{name}" for name in re.findall(r"from '\./([a-z]+\.js)'", everything)}
    assert named == set(files()) - {"/"}


def test_nothing_inline_and_no_other_host() -> None:
    html = text("/")
    assert not re.search(r"<script(?![^>]*src=)", html)
    assert not re.search(r"<style|\son[a-z]+=|\sstyle=|javascript:", html)
    for path in TEXTS:
        assert not re.search(r"(?<!xmlns=\")https?://\w", text(path)), path
    assert "'unsafe" not in CSP
    assert "http" not in CSP


def test_every_address_is_relative() -> None:
    """The page may stand behind a path of a proxy."""
    for path in TEXTS:
        assert not re.search(r"""(href|src|action)=["']/|(call|fetch|address)\(\s*[`'"]/""", text(path)), path


def test_what_the_service_says_enters_the_page_as_text_alone() -> None:
    for path in TEXTS:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text(path)
        ), path


def test_every_control_has_a_name() -> None:
    html = text("/")
    for tag, attributes in re.findall(r"<(input|select|textarea)\b([^>]*)>", html):
        found = re.search(r'\bid="([^"]+)"', attributes)
        name = found.group(1) if found else ""
        wrapped = 'type="radio"' in attributes or 'type="checkbox"' in attributes
        assert wrapped or "aria-label=" in attributes or f'<label for="{name}"' in html, (tag, attributes)


def test_the_target_list_is_the_table() -> None:
    rows = json.loads(text("/static/targets.json"))
    assert [row["name"] for row in rows] == list(TARGETS)
    assert all("change" in row["polarity"]["faces"] for row in rows)


def test_every_error_that_the_page_words_is_one_of_the_service() -> None:
    """A code that nobody sends says nothing: 413 and 415 had names of their own here."""
    worded = set(re.findall(r"^  (\w+): ", text("/static/words.js").split("const WARNINGS")[0], re.MULTILINE))
    known = {one.code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ServiceError)}
    assert worded - known == {"all_off", "not_kept"}, "the page's own"
    assert {"too_large", "unsupported_media", "busy", "deadline"} <= worded


def test_content_types() -> None:
    kinds = {path: f.content_type for path, f in files().items()}
    assert kinds["/"] == "text/html; charset=utf-8"
    assert kinds["/static/app.js"].startswith("text/javascript")
    assert kinds["/static/targets.json"] == "application/json"

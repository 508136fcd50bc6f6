"""E: multipart forms."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from sam_mask_service.http.reserve import BodyReserve

from ..support.scene import picture
from ..support.wire import Client

PNG = picture()
TYPE = {"Content-Type": "multipart/form-data; boundary=b"}


def part(name: str, data: bytes, extra: str = "", head: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n{head}\r\n'.encode() + data + b"\r\n"


FILE = part("image", PNG, '; filename="a.png"', "Content-Type: image/png\r\n")
END = b"--b--\r\n"


def send(client: Client, body: bytes, headers: dict[str, str] = TYPE) -> httpx.Response:
    return client.post("/create_mask", content=body, headers=headers)


CASES: dict[str, tuple[bytes, int]] = {
    "E01-two-files": (FILE + FILE + END, 422),
    "E01-1001-files": (part("image", b"x", '; filename="a"') * 1001 + END, 422),
    "E01-10000-fields": (FILE + b"".join(part(f"f{i}", b"x") for i in range(10_000)) + END, 422),
    "E01-long-field": (FILE + part("mode", b"x" * 500_000) + END, 422),
    "E02-long-part-header": (part("image", PNG, "", "X: " + "a" * 500_000 + "\r\n") + END, 400),
    "E02-many-part-headers": (part("image", PNG, "", "".join(f"X{i}: x\r\n" for i in range(1000))) + END, 400),
    "E03-no-name": (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END, 422),
    "E03-empty-name": (part("", b"x") + END, 422),
    "E03-no-disposition": (b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, 422),
    "E03-odd-name": (part("a[0]", b"x") + END, 422),
    "E03-header-twice": (part("image", PNG, "", 'Content-Disposition: form-data; name="mode"\r\n') + END, 400),
    "E03-field-twice": (FILE + part("mode", b"first") * 2 + END, 422),
    "E03-file-for-text": (FILE + part("mode", b"first", '; filename="a"') + END, 422),
    "E03-text-for-file": (part("image", b"text") + END, 422),
    "E03-unknown-file": (part("picture", PNG, '; filename="a"') + END, 422),
    "E05-cut-in-data": (FILE[:-40], 400),
    "E05-cut-in-head": (b"--b\r\nContent-Disposition: form-data; na", 400),
    "E05-cut-before-end": (FILE, 400),
    "E05-empty": (b"", 400),
    "E05-no-parts": (END, 422),
    "E05-other-boundary": (FILE.replace(b"--b\r\n", b"--c\r\n"), 400),
    "E06-utf7-field": (FILE + part("mode", b"first", "", "Content-Type: text/plain; charset=utf-7\r\n") + END, 200),
    "E06-not-utf8": (FILE + part("mode", b"\xff\xfe") + END, 422),
    "E06-filename-star": (part("image", PNG, "; filename*=UTF-8''a.png", "Content-Type: image/png\r\n") + END, 200),
    "E06-nested": (FILE + part("mode", b"x", "", "Content-Type: multipart/mixed; boundary=c\r\n") + END, 422),
    "E06-base64-part": (part("image", b"aGk=", '; filename="a"', "Content-Transfer-Encoding: base64\r\n") + END, 422),
    "E06-binary-part": (part("image", PNG, '; filename="a"', "Content-Transfer-Encoding: binary\r\n") + END, 200),
    "E06-charset-field": (FILE + part("_charset_", b"utf-7") + END, 422),
}


@pytest.mark.parametrize("case", CASES)
def test_form(client: Client, case: str) -> None:
    body, status = CASES[case]
    answer = send(client, body)
    assert answer.status_code == status, answer.text
    assert send(client, FILE + END).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 100_000,
        "multipart/form-data; boundary=b\x01",
        'multipart/form-data; boundary="b "',
        b"multipart/form-data; boundary=\xe4",
    ],
    ids=lambda kind: str(kind)[:45],
)
def test_e02_boundary(client: Client, kind: str | bytes) -> None:
    assert client.post("/create_mask", content=FILE + END, headers={"Content-Type": kind}).status_code == 400


def test_e04_line_breaks_by_the_megabyte(client: Client) -> None:
    start = time.perf_counter()
    for body in (b"\r\n" * 400_000 + FILE + END, FILE + END + b"\r\n" * 400_000, b"\r\n-" * 200_000 + FILE + END):
        assert send(client, body).status_code in (200, 400)
    assert time.perf_counter() - start < 20, "a bound against quadratic work, not a measurement"


def test_e05_client_that_leaves_in_the_middle_gives_the_memory_back(client: Client) -> None:
    reserve: BodyReserve = client.app.state.routes.reserve

    async def leave() -> None:
        async def body() -> Any:
            yield FILE[:60]
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await client.ask("POST", "/create_mask", content=body(), headers=TYPE)

    client.run(leave())
    assert reserve.used == 0


def test_e07_health_answers_while_an_upload_comes_in(client: Client) -> None:
    async def both() -> list[int]:
        async def body() -> Any:
            for at in range(0, len(FILE), 100):
                yield FILE[at : at + 100]
                await asyncio.sleep(0)
            yield END

        upload = asyncio.create_task(client.ask("POST", "/create_mask", content=body(), headers=TYPE))
        seen = []
        while not upload.done():
            seen.append((await client.ask("GET", "/health")).status_code)
            await asyncio.sleep(0)  # nothing in this client waits by itself
        return [*seen, upload.result().status_code]

    assert set(client.run(both())) == {200}


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "text/html", "application/xml"])
def test_e08_other_bodies_are_415(client: Client, kind: str) -> None:
    answer = send(client, b"image_url=http%3A%2F%2Fexample.com", {"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")

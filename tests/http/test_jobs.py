"""Jobs over HTTP, in process, on fakes: asked, worked off beside requests, told, handed out, deleted."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.doors.dial import Line
from sam_mask_service.doors.netguard import UrlPolicy
from sam_mask_service.doors.webhook import Webhooks
from sam_mask_service.errors import SourceUnavailable
from sam_mask_service.geometry import RGB
from sam_mask_service.http.jobs import JobRoutes
from sam_mask_service.jobs import delivery, runner
from sam_mask_service.jobs.sqlite_store import SqliteStore
from sam_mask_service.settings import SettingsError

from ..support.scene import ANY, Fixed, picture, service
from ..support.wire import Client
from ..support.world import World, reply

SECRET = "a secret of the operator"
PICTURE = picture()
TEXT = base64.b64encode(PICTURE).decode()
ONE: dict[str, Any] = {"endpoint": "create_mask", "images": [{"image_base64": TEXT}]}


class Held(Fixed):
    """A detector that waits for a word."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def detect(self, image: RGB, options: Any = ANY, deadline: Deadline = NO_DEADLINE) -> Any:
        assert self.release.wait(60)
        return super().detect(image, options, deadline)


class Office:
    """A client whose runner lives while ``open`` does, and whose webhooks go to a network of the test's own."""

    def __init__(self, folder: Path, detector: Any = None, **settings: Any) -> None:
        values = {"jobs_dir": folder / "jobs", "webhook_secret": SECRET, **settings}
        self.world = World({"hooks.example": ["8.8.8.8"], "inside.example": ["10.0.0.1"]})

        async def build() -> Client:
            return Client(service(folder, detector, **values))

        self.client = asyncio.run(build())
        self.routes: JobRoutes = self.client.app.state.jobs
        self.routes.jobs._webhooks = Webhooks(Line(UrlPolicy(), resolver=self.world, dialler=self.world))
        if self.routes.jobs.runner is not None:
            self.routes.jobs.runner._webhooks = self.routes.jobs._webhooks

    def post(self, body: Any = None, **options: Any) -> httpx.Response:
        return self.client.post("/jobs", **({"json": body} if body is not None else {}), **options)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        jobs = self.routes.jobs
        jobs.start()
        try:
            yield
        finally:
            if jobs.runner is not None:
                await jobs.runner.close()

    async def until(self, url: str, *, webhook: str = "", **options: Any) -> Any:
        """The job's status once it has ended, and its webhook is in that state."""
        while True:
            told = (await self.client.ask("GET", url, **options)).json()
            if told["state"] in ("done", "failed") and told.get("webhook", {}).get("state", "") == webhook:
                return told
            await asyncio.sleep(0.01)

    def finish(self, url: str, **options: Any) -> Any:
        async def run() -> Any:
            async with self.working():
                return await self.until(url, **options)

        return self.client.run(run())

    def lines(self, url: str) -> list[Any]:
        answer = self.client.get(f"{url}/results")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
        return [json.loads(line) for line in answer.text.splitlines()]


Make = Callable[..., Office]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Office] = []

    def one(detector: Any = None, **values: Any) -> Office:
        made.append(Office(tmp_path, detector, **values))
        return made[-1]

    yield one
    for office in made:
        office.client.run(office.routes.jobs.close())
        office.client.close()


@pytest.fixture
def office(make: Make) -> Office:
    return make()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def plain(line: Any) -> Any:
    """Without what changes from call to call."""
    return {k: v for k, v in line.items() if k not in ("processing_time", "timings", "request_id")}


def test_results_are_those_of_create_masks_in_their_order(office: Office) -> None:
    (office.client.service.settings.image_root / "a.png").write_bytes(PICTURE)
    images: list[Any] = [
        {"image_base64": TEXT, "id": "a"}, {"image_path": "a.png"}, {"image_base64": "bm8gcGljdHVyZQ==", "id": 7},
        {"image_path": "missing.png"}, {"image_base64": TEXT, "mode": "first"}, 5, {"image_url": "http://127.0.0.1/"},
        {"image_path": "a.png", "id": "last"},
    ]  # fmt: skip
    asked = office.post({"endpoint": "create_mask", "parameters": {"mode": "combined"}, "images": images})
    url = asked.headers["location"]
    assert (asked.status_code, asked.json()["state"], asked.json()["status_url"]) == (202, "queued", url)
    assert url == f"/jobs/{asked.json()['job_id']}"
    assert code_of(office.client.get(f"{url}/results")) == (409, "job_unfinished")
    told = office.finish(url)
    assert (told["state"], told["pictures"]) == ("done", {"total": 8, "waiting": 0, "answered": 3, "failed": 5})
    assert told["created"] <= told["started"] <= told["finished"]
    direct = office.client.post("/create_masks", json={"mode": "combined", "images": images})
    expected = [plain(json.loads(line)) for line in direct.text.splitlines()]
    assert [plain(line) for line in office.lines(url)] == expected


def test_a_form_with_files_and_every_endpoint_that_takes_a_picture(office: Office) -> None:
    for endpoint, field in (
        ("create_mask", "mask_base64"), ("detect_faces", "faces"), ("anonymize", "image_base64"),
        ("/cutout", "image_base64"),
    ):  # fmt: skip
        parts = [("image", (str(i), PICTURE)) for i in range(2)]
        data = {"endpoint": endpoint, "parameters": '{"order": "left"}'}
        url = office.post(files=parts, data=data).headers["location"]
        assert office.finish(url)["pictures"]["answered"] == 2
        assert [line["index"] for line in office.lines(url) if field in line] == [0, 1]


def test_an_upload_is_read_when_the_job_is_asked_for(office: Office) -> None:
    image_id = office.client.post("/images", files={"image": PICTURE}).json()["image_id"]
    images = [
        {"image_id": image_id, "id": "kept"}, {"image_id": "gone"}, {"image_id": 5}, {"image_id": "x", "image_url": "y"}
    ]  # fmt: skip
    url = office.post({"endpoint": "create_mask", "images": images}).headers["location"]
    office.client.request("DELETE", f"/images/{image_id}")
    assert office.finish(url)["pictures"]["answered"] == 1
    lines = office.lines(url)
    assert [line.get("code") for line in lines] == [
        None, "image_not_found", "invalid_parameter", "invalid_parameter"
    ]  # fmt: skip
    assert lines[0]["id"] == "kept" and lines[0]["stats"]["faces_detected"] == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "endpoint: one of create_mask, detect_faces, anonymize, cutout."),
        ({**ONE, "endpoint": "create_mask_file"}, "endpoint"),
        ({**ONE, "endpoint": ["create_mask"]}, "endpoint"),
        ({**ONE, "mode": "first"}, "go into parameters, not mode"),
        ({**ONE, "parameters": []}, "parameters"),
        ({**ONE, "parameters": {"mod": "first"}}, "did you mean mode"),
        ({**ONE, "parameters": {"output": "png"}}, "output"),
        ({**ONE, "images": []}, "images"),
        ({**ONE, "images": "x"}, "images"),
        ({**ONE, "images": [{"image_path": "a"}] * 1001}, "at most 1000"),
        ({**ONE, "webhook": ""}, "webhook"),
        ({**ONE, "webhook": "ftp://hooks.example/"}, "webhook: only http"),
    ],
)
def test_what_is_asked_amiss_is_named(office: Office, body: Any, words: str) -> None:
    answer = office.post(body)
    assert code_of(answer) == (422, "invalid_parameter")
    assert words in answer.json()["detail"]


def test_a_form_is_read_as_strictly(office: Office) -> None:
    parts = {"image": ("a", PICTURE)}
    assert code_of(office.post(files=parts, data={"endpoint": "create_mask", "parameters": "{"})) == (
        400, "bad_request"
    )  # fmt: skip
    assert code_of(office.post(files=parts, data={"endpoint": "create_mask", "images": "x"}))[0] == 422


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://inside.example/", "http://unknown.example/"])
def test_a_webhook_to_a_private_address_is_refused_at_once(office: Office, url: str) -> None:
    assert code_of(office.post({**ONE, "webhook": url})) == (422, "webhook_refused")
    assert office.routes.jobs.store.count("queued") == 0


def test_a_webhook_needs_a_secret(make: Make) -> None:
    office = make(webhook_secret=None)
    answer = office.post({**ONE, "webhook": "http://hooks.example/"})
    assert code_of(answer) == (422, "invalid_parameter") and "SAM_WEBHOOK_SECRET" in answer.json()["detail"]


@pytest.mark.parametrize(("images", "state"), [(ONE["images"], "done"), ([{"image_path": "missing"}], "failed")])
def test_a_signed_webhook_tells_of_success_and_of_failure(office: Office, images: Any, state: str) -> None:
    stream = office.world.say(reply(b"", "204 No Content"))
    asked = office.post({**ONE, "images": images, "webhook": "http://hooks.example/a"})
    assert asked.json()["webhook"] == {"state": "waiting", "tries": 0}
    told = office.finish(asked.headers["location"], webhook="delivered")
    assert told["webhook"] == {"state": "delivered", "tries": 1, "last_answer": "taken"}
    head, _, body = stream.written.partition(b"\r\n\r\n")
    message = json.loads(body)
    assert (message["job_id"], message["state"], message["success"]) == (told["job_id"], state, state == "done")
    assert abs(message["sent"] - delivery_time(told)) < 60
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert f"\r\nX-SAM-Signature: sha256={signed}".encode() in head
    assert b"hooks.example/a" not in body


def delivery_time(told: Any) -> float:
    return datetime.fromisoformat(told["finished"].replace("Z", "+00:00")).timestamp()


def test_a_webhook_is_tried_again_and_its_failure_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "DELAYS", (0.0, 0.0))
    monkeypatch.setattr(runner, "_LOOK", 0.01)
    for status in ("500 x", "302 x"):
        office.world.say(reply(b"", status), address="8.8.8.8")
    asked = office.post({**ONE, "webhook": "http://hooks.example/"})
    told = office.finish(asked.headers["location"], webhook="failed")
    assert told["webhook"] == {"state": "failed", "tries": 3, "last_answer": "not reached"}
    assert (told["state"], len(office.world.dialled)) == ("done", 3)
    assert 'sam_mask_job_webhooks{state="failed"} 1.0' in office.client.get("/metrics").text


def test_jobs_are_off_without_a_folder(make: Make) -> None:
    office = make(jobs_dir=None)
    for method, path in (("POST", "/jobs"), ("GET", "/jobs/x"), ("GET", "/jobs/x/results"), ("DELETE", "/jobs/x")):
        answer = office.client.request(method, path)
        assert code_of(answer) == (404, "jobs_off") and "SAM_JOBS_DIR" in answer.json()["detail"]
    assert "sam_mask_jobs{" not in office.client.get("/metrics").text


def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path, make: Make) -> None:
    (tmp_path / "jobs").write_text("a file")
    with pytest.raises(SettingsError, match="SAM_JOBS_DIR"):
        make()


def test_too_many_jobs(make: Make) -> None:
    office = make(jobs_max=1)
    url = office.post(ONE).headers["location"]
    answer = office.post(ONE)
    assert code_of(answer) == (429, "too_many_jobs") and int(answer.headers["retry-after"]) >= 30
    assert office.client.request("DELETE", url).status_code == 204
    assert office.post(ONE).status_code == 202


def test_results_beyond_the_bytes_of_a_caller_are_said_line_by_line(make: Make) -> None:
    office = make(jobs_bytes=1 << 20)
    (office.client.service.settings.image_root / "a.png").write_bytes(PICTURE)
    office.routes.jobs.store.limits = type(office.routes.jobs.store.limits)(20, 2000, 100.0)
    url = office.post({**ONE, "images": [{"image_path": "a.png"}] * 3}).headers["location"]
    told = office.finish(url)
    assert told["pictures"]["failed"] > 0
    assert {line.get("code") for line in office.lines(url)} <= {None, "storage_full"}


def test_a_job_is_its_keys_own(make: Make) -> None:
    key, another = ({"X-API-Key": word * 20} for word in "ab")
    office = make(api_key="a" * 20)
    url = office.post(ONE, headers=key).headers["location"]
    assert office.client.get(url, headers=another).status_code == 403
    assert office.client.get(url, headers=key).json()["state"] == "queued"
    renewed = make(api_key="b" * 20)
    for method, path in (("GET", url), ("GET", f"{url}/results"), ("DELETE", url)):
        assert code_of(renewed.client.request(method, path, headers=another)) == (404, "not_found")


def test_a_deleted_job_is_not_worked_on(office: Office) -> None:
    url, kept = (office.post(ONE).headers["location"] for _ in range(2))
    assert office.client.request("DELETE", url).status_code == 204
    assert code_of(office.client.request("DELETE", url)) == (404, "not_found")
    office.finish(kept)
    detector: Any = office.client.service.detector
    assert len(detector.asked) == 1


def test_metrics_count_jobs_by_state(office: Office) -> None:
    urls = [office.post(ONE).headers["location"] for _ in range(2)]
    assert 'sam_mask_jobs{state="queued"} 2.0' in office.client.get("/metrics").text
    for url in urls:
        office.finish(url)
    text = office.client.get("/metrics").text
    for line in ("queued", "running", "failed"):
        assert f'sam_mask_jobs{{state="{line}"}} 0.0' in text
    assert 'sam_mask_jobs{state="done"} 2.0' in text


@pytest.mark.parametrize("queue", [1, 4])
def test_requests_come_before_jobs_and_a_full_service_takes_jobs(make: Make, queue: int) -> None:
    """One slot: it is held by a request, a second request waits, a job is taken in; then the second is served before
    any picture of the job is begun, whether or not there are more places to wait.
    """
    detector = Held()
    office = make(detector, workers=1, queue=queue)
    gate = office.client.service.gate
    mask: dict[str, Any] = {"files": {"image": PICTURE}}

    async def run() -> tuple[Any, list[httpx.Response]]:
        async with office.working():
            requests = [asyncio.ensure_future(office.client.ask("POST", "/create_mask", **mask)) for _ in range(2)]
            while gate.busy + gate.waiting < 2:
                await asyncio.sleep(0.01)
            asked = await office.client.ask("POST", "/jobs", json={**ONE, "images": ONE["images"] * 2})
            assert asked.status_code == 202
            await asyncio.sleep(0.2)
            told = (await office.client.ask("GET", asked.headers["location"])).json()
            assert (told["state"], gate.busy, gate.waiting) == ("queued", 1, 1)
            detector.release.set()
            return await office.until(asked.headers["location"]), [await each for each in requests]

    told, answers = office.client.run(run())
    assert [answer.status_code for answer in answers] == [200, 200]
    assert told["pictures"]["answered"] == 2


def test_a_stop_puts_back_what_is_at_work_and_the_next_start_goes_on(make: Make) -> None:
    detector = Held()
    office = make(detector, workers=1)
    url = office.post({**ONE, "images": ONE["images"] * 3}).headers["location"]

    async def stopped() -> None:
        async with office.working():
            while not office.client.service.gate.busy:
                await asyncio.sleep(0.01)

    office.client.run(stopped())
    assert office.client.get(url).json()["pictures"]["waiting"] == 3
    detector.release.set()
    office.client.run(office.client.service.gate.idle())
    again = make()
    assert again.finish(url)["pictures"]["answered"] == 3
    assert [line["index"] for line in again.lines(url)] == [0, 1, 2]


def test_one_process_of_several_works_and_another_takes_over(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_LOOK", 0.01)
    first, second = make(), make()

    async def run() -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with first.working():
                url = (await second.client.ask("POST", "/jobs", json=ONE)).headers["location"]
                await first.until(url)
                await stack.enter_async_context(second.working())
                url = (await second.client.ask("POST", "/jobs", json=ONE)).headers["location"]
                await second.until(url)
            assert (len(asked(first)), len(asked(second))) == (2, 0)
            url = (await first.client.ask("POST", "/jobs", json=ONE)).headers["location"]
            await first.until(url)

    first.client.run(run())
    assert (len(asked(first)), len(asked(second))) == (2, 1)


def asked(office: Office) -> list[Any]:
    detector: Any = office.client.service.detector
    found: list[Any] = detector.asked
    return found


def test_a_picture_that_ends_the_process_again_and_again_is_given_up(office: Office) -> None:
    store = office.routes.jobs.store
    assert isinstance(store, SqliteStore)
    url = office.post({**ONE, "images": ONE["images"] * 2}).headers["location"]
    for _ in range(runner.MOST_TRIES):
        store.begin()
        store.recover()
    assert office.finish(url)["pictures"] == {"total": 2, "waiting": 0, "answered": 1, "failed": 1}
    line = office.lines(url)[0]
    assert (line["code"], line["index"]) == ("internal", 0) and "3 times" in line["detail"]


def test_a_fault_of_ours_is_one_line_and_stops_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(source: Any, deadline: Any) -> bytes:
        raise RuntimeError("secret of the inside")

    url = office.post({**ONE, "images": [{"image_path": "a.png"}]}).headers["location"]
    monkeypatch.setattr(office.client.service.reader, "read", broken)
    office.finish(url)
    text = office.client.get(f"{url}/results").text
    assert '"code":"internal"' in text.replace(" ", "") and "secret" not in text


def test_what_an_older_version_took_in_is_answered_too(office: Office) -> None:
    url = office.post(ONE).headers["location"]
    del office.routes.jobs.endpoints["create_mask"]
    assert office.finish(url)["state"] == "failed"
    assert office.lines(url)[0]["code"] == "internal"


def test_a_refusal_of_the_source_is_the_lines_code(office: Office) -> None:
    url = office.post({**ONE, "images": [{"image_url": "http://10.0.0.1/a.png"}]}).headers["location"]
    office.finish(url)
    assert office.lines(url)[0]["code"] == SourceUnavailable.code

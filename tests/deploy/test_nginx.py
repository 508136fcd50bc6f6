"""deploy/nginx as it stands, in a real nginx before three real servers."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from sam_mask_service.http.batch import batch_limits
from sam_mask_service.http.incoming import rules_of
from sam_mask_service.http.request import Rules
from sam_mask_service.limits import MIB
from sam_mask_service.settings import load
from sam_mask_service.tasks import TASKS

from ..support.nginx import CONFIG, NGINX, balanced
from ..support.redis_server import PROGRAM, redis_server
from ..support.scene import picture
from ..support.wire import PLAIN, Server, free_port, started

TYPE = {"Content-Type": "image/png"}
HERE = pytest.mark.skipif(not NGINX, reason="there is no nginx here")
Three = list[Server]


@contextlib.contextmanager
def replicas(folder: Path, count: int = 3, **settings: Any) -> Iterator[Three]:
    with contextlib.ExitStack() as stack:
        made = []
        for number in range(count):
            (own := folder / str(number)).mkdir()
            made.append(stack.enter_context(started("serve", own, trusted_proxies="127.0.0.1", **settings)))
        yield made


def ports(servers: Three) -> list[int]:
    return [server.port for server in servers]


def ask(url: str, path: str = "/create_mask", **options: object) -> httpx.Response:
    with httpx.Client(trust_env=False, verify=PLAIN, timeout=30) as client:
        return client.post(url + path, **{"content": picture(), "headers": TYPE, **options})  # type: ignore[arg-type]


def upload(url: str) -> str:
    return str(ask(url, "/images").json()["image_id"])


def mask_of(url: str, image_id: str) -> int:
    return ask(url, f"/images/{image_id}/masks", content=None, headers={}, json={}).status_code


@pytest.mark.server
@HERE
def test_a_replica_that_dies_under_a_request_is_not_noticed(tmp_path: Path) -> None:
    with (
        replicas(tmp_path, FAKE_SECONDS=1) as three,
        balanced(tmp_path / "nginx", ports(three)) as url,
        ThreadPoolExecutor(6) as pool,
    ):
        asked = [pool.submit(ask, url) for _ in range(6)]
        busy = next(server for server in three if _at_work(server))
        busy.process.kill()
        assert [future.result().status_code for future in asked] == [200] * 6
        assert "upstream" in (tmp_path / "nginx" / "error.log").read_text(), "one was asked of another replica"
        assert [ask(url).status_code for _ in range(6)] == [200] * 6


def _at_work(server: Server) -> bool:
    return any("sam_mask_at_work 0.0" not in server.get("/metrics").text for _ in range(100))


@pytest.mark.server
@HERE
def test_a_file_is_not_written_twice(tmp_path: Path) -> None:
    """What is not safe to repeat is answered with an error when its replica dies."""
    with (
        replicas(tmp_path, FAKE_SECONDS=1) as three,
        balanced(tmp_path / "nginx", ports(three)) as url,
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(ask, url, "/create_mask_file")
        while not (busy := [server for server in three if "sam_mask_at_work 1.0" in server.get("/metrics").text]):
            assert not asked.done(), asked.result().text
        busy[0].process.kill()
        answer = asked.result()
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")


@pytest.mark.server
@HERE
def test_when_all_are_full_or_gone_the_answer_is_the_services_own(tmp_path: Path) -> None:
    with balanced(tmp_path / "nginx", [free_port(), free_port()]) as url:
        answer = ask(url)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "busy" and answer.json()["success"] is False
        large = ask(url, content=bytes(30 * MIB))
        assert (large.status_code, large.json()["code"]) == (413, "too_large")
        with httpx.Client(trust_env=False, verify=PLAIN) as client:
            assert client.get(url + "/metrics").status_code == 404


@pytest.mark.server
@HERE
def test_who_is_full_is_passed_over_and_asked_again_at_once(tmp_path: Path) -> None:
    one = {"workers": 1, "queue": 0, "FAKE_SECONDS": 1}
    with (
        replicas(tmp_path, **one) as three,
        balanced(tmp_path / "nginx", ports(three), most=1) as url,
        ThreadPoolExecutor(5) as pool,
    ):
        answers = list(pool.map(lambda _: ask(url), range(5)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 503, 503]
        assert {answer.headers.get("retry-after") for answer in answers} == {None, "2"}, "by nginx itself"
        assert [answer.status_code for answer in pool.map(lambda _: ask(url), range(3))] == [200] * 3


@pytest.mark.server
@HERE
def test_a_caller_is_known_by_nginx_alone(tmp_path: Path) -> None:
    with (
        replicas(tmp_path, 1, log_format="json") as [server],
        balanced(tmp_path / "nginx", [server.port]) as url,
    ):
        ask(url, headers={**TYPE, "X-Forwarded-For": "8.8.8.8", "X-Forwarded-Prefix": "/evil"})
        while '"path": "/create_mask"' not in server.logged():
            time.sleep(0.02)
        assert '"client": "127.0.0.1"' in server.logged() and "8.8.8.8" not in server.logged()


@pytest.mark.server
@HERE
def test_an_upload_is_found_by_every_replica_of_one_store(tmp_path: Path) -> None:
    with (
        replicas(tmp_path, images_url=f"file://{tmp_path}/kept") as three,
        balanced(tmp_path / "nginx", ports(three)) as url,
    ):
        image_id = upload(url)
        assert [mask_of(server.url, image_id) for server in three] == [200] * 3
        assert [mask_of(url, image_id) for _ in range(9)] == [200] * 9


@pytest.mark.server
@HERE
def test_without_a_store_a_caller_comes_back_to_his_replica(tmp_path: Path) -> None:
    with (
        replicas(tmp_path) as three,
        balanced(tmp_path / "nginx", ports(three), images="sam_mask_callers") as url,
    ):
        image_id = upload(url)
        assert [mask_of(url, image_id) for _ in range(9)] == [200] * 9
        assert sorted(mask_of(server.url, image_id) for server in three) == [200, 404, 404]


@pytest.mark.server
@HERE
@pytest.mark.skipif(not PROGRAM, reason="there is no redis-server here")
def test_a_job_is_taken_in_once_worked_on_by_any_and_told_by_all(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with (
        redis_server(tmp_path / "redis") as redis,
        replicas(tmp_path, jobs_url=redis.url) as three,
        balanced(tmp_path / "nginx", ports(three)) as url,
        httpx.Client(base_url=url, trust_env=False, verify=PLAIN, timeout=30) as client,
    ):
        form = {"data": {"endpoint": "create_mask"}, "files": [("image", picture(200 + n)) for n in range(9)]}
        asked = client.post("/jobs", **form)  # type: ignore[arg-type]
        while client.get(asked.headers["location"]).json()["state"] != "done":
            time.sleep(0.02)
        assert len(client.get(asked.headers["location"] + "/results").text.splitlines()) == 9
        assert all('sam_mask_jobs{state="done"} 1.0' in server.get("/metrics").text for server in three)


def test_a_job_is_not_sent_to_another_replica_once_one_had_it() -> None:
    text = (CONFIG / "sam-mask.conf").read_text()
    for path in ("/jobs", "/create_mask_file"):
        own = re.search(rf"location = {path} {{([^}}]*)}}", text)
        assert own and "again.conf" not in own[1] and "proxy.conf" in own[1]


def test_no_job_that_the_service_takes_is_refused_by_nginx() -> None:
    most = max(batch_limits(Rules().limits).whole(kind) for kind in ("json", "multipart")) / MIB
    own = re.search(r"location = /jobs {[^}]*client_max_body_size (\d+)m;", (CONFIG / "sam-mask.conf").read_text())
    assert own and most <= int(own[1]) <= most * 1.2


def test_its_numbers_are_the_services_own() -> None:
    """By the settings' defaults; the compose file's queue."""
    settings, text = load(_env_file=None), (CONFIG / "sam-mask.conf").read_text() + (CONFIG / "proxy.conf").read_text()
    seconds = {name: int(value) for name, value in re.findall(r"^ *(\w+_timeout) +(\d+)s;", text, re.MULTILINE)}
    assert seconds["client_header_timeout"] == settings.head_seconds
    assert seconds["client_body_timeout"] == settings.body_seconds
    assert seconds["send_timeout"] == settings.write_seconds
    assert 0 < seconds["proxy_read_timeout"] - settings.deadline_seconds <= 10
    assert set(re.findall(r"max_conns=(\d+)", (CONFIG / "replicas.conf").read_text())) == {str(settings.workers + 64)}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.path)
def test_no_body_that_the_service_takes_is_refused_by_nginx(task: object) -> None:
    rules = rules_of(task, Rules())  # type: ignore[arg-type]
    path = task.path  # type: ignore[attr-defined]
    limits = batch_limits(rules.limits) if path == "/create_masks" else rules.limits
    most = max(limits.whole(kind) for kind in ("raw", "json", "multipart")) / MIB
    text = (CONFIG / "sam-mask.conf").read_text()
    own = re.search(rf"location = {path} {{[^}}]*client_max_body_size (\d+)m;", text)
    allowed = int(own[1]) if own else 29
    assert most <= allowed <= most * 1.2

"""The application's start: what is missing ends the process with one line, and a slow start is alive."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.doors import model_files
from sam_mask_service.http import server, worker
from sam_mask_service.http.app import LOAD_ERROR, create_app
from sam_mask_service.models.registry import NEEDED


def test_a_start_without_the_face_models_says_what_is_missing_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAM_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("SAM_OFFLINE", "true")
    monkeypatch.setattr(model_files, "BESIDE", tmp_path / "share")
    monkeypatch.setattr(model_files, "_carried", lambda _: None)
    monkeypatch.setattr("sam_mask_service.http.logs.configure", lambda _: None)
    with pytest.raises(SystemExit) as caught:
        create_app()
    assert caught.value.code == LOAD_ERROR
    said = capsys.readouterr().err
    assert said.startswith("The service cannot start: ") and said.count("\n") == 1
    assert all(row.file in said and row.name in said for row in NEEDED) and "SAM_OFFLINE" in said


def test_several_processes_without_gunicorn_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit) as caught:
        server.serve(workers=2)
    assert caught.value.code == 2 and "gunicorn" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["gunicorn", "fork"])
def test_one_process_needs_no_gunicorn(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "gunicorn":
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    else:
        monkeypatch.delattr("os.fork", raising=False)
    served: list[tuple[Any, ...]] = []
    said: list[str] = []
    monkeypatch.setattr(server.log, "warning", said.append)
    monkeypatch.setattr("sam_mask_service.app", "the app", raising=False)
    monkeypatch.setattr(server, "serve_app", lambda *what: served.append(what))
    monkeypatch.setattr(server, "_exec_gunicorn", lambda *_: pytest.fail("gunicorn is not here"))
    server.serve("127.0.0.1", 8740, workers=1)
    assert served == [("the app", "127.0.0.1", 8740)] and "a crash ends the service" in said[0]


def test_several_processes_are_refused_where_none_can_be_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.fork", raising=False)
    with pytest.raises(SystemExit) as caught:
        server.serve(workers=2)
    assert caught.value.code == 2


def test_a_worker_gives_signs_of_life_while_it_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """gunicorn ends one that is silent for longer than its timeout; a first start may fetch for longer than that."""
    alive = threading.Event()

    def load(self: Any) -> None:
        assert alive.wait(20)

    monkeypatch.setattr(worker, "BEAT_S", 0.01)
    monkeypatch.setattr("uvicorn_worker.UvicornWorker.load_wsgi", load)
    monkeypatch.setattr(worker.Worker, "notify", lambda _: alive.set())
    worker.Worker.load_wsgi(object.__new__(worker.Worker))

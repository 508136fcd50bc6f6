"""Jobs and their webhooks as values."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.jobs import delivery, job
from sam_mask_service.jobs.job import Hook, Job, State, state_of

from ..support.docstrings import run_examples
from ..support.examples import blocks

HOOK = Hook("https://hooks.example/a", "pending", 0, 0.0, "")
JOB = Job("id", "create_mask", "done", 3, 1, 2, 0.0, 1.5, 2.0, HOOK)


def test_examples() -> None:
    run_examples(job)
    run_examples(delivery)


@pytest.mark.parametrize(
    ("total", "answered", "failed", "begun", "state"),
    [
        (1, 0, 0, False, "queued"),
        (1, 0, 0, True, "running"),
        (2, 0, 1, False, "running"),
        (1, 1, 0, True, "done"),
        (1, 0, 1, False, "failed"),
        (2, 1, 1, True, "done"),
    ],
)
def test_state(total: int, answered: int, failed: int, begun: bool, state: State) -> None:
    assert state_of(total, answered, failed, begun) == state


def test_status_says_counts_times_and_never_the_webhooks_url() -> None:
    told = JOB.json()
    assert told["pictures"] == {"total": 3, "waiting": 0, "answered": 1, "failed": 2}
    assert (told["created"], told["started"]) == ("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.500Z")
    assert told["webhook"] == {"state": "pending", "tries": 0}
    assert "hooks.example" not in json.dumps(told)
    assert "webhook" not in replace(JOB, hook=None).json()


def test_message_holds_the_time_of_sending_and_the_signature_covers_it() -> None:
    body = delivery.message(JOB, 1234.9)
    assert json.loads(body)["sent"] == 1234
    expected = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert delivery.signature("secret", body) == f"sha256={expected}"
    assert delivery.signature("secret", delivery.message(JOB, 1235.0)) != f"sha256={expected}"


@pytest.mark.parametrize(("state", "success"), [("done", True), ("failed", False)])
def test_message_says_whether_the_job_succeeded(state: State, success: bool) -> None:
    assert json.loads(delivery.message(replace(JOB, state=state), 0.0))["success"] is success


def test_tries_are_spaced_further_and_further_and_then_given_up() -> None:
    hook, now, waits = HOOK, 1000.0, []
    while hook.state == "pending":
        after = delivery.refused(hook, "answered 500", now)
        if after.state == "pending":
            waits.append(after.due - now)
            now = after.due
        hook = after
    assert tuple(waits) == delivery.DELAYS
    assert (hook.state, hook.tries, hook.said) == ("failed", len(delivery.DELAYS) + 1, "answered 500")
    assert delivery.taken(HOOK).state == "delivered"


def test_the_documented_check_takes_ours_and_no_other() -> None:
    document = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text(encoding="utf-8")
    [code] = [block.code for block in blocks(document) if block.language == "python"]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    body = delivery.message(JOB, 1234.0)
    assert names["genuine"](b"secret", body, delivery.signature("secret", body))
    assert not names["genuine"](b"secret", body + b" ", delivery.signature("secret", body))
    assert not names["genuine"](b"other", body, delivery.signature("secret", body))

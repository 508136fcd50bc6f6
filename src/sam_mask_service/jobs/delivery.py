"""A job's webhook: what it says, how it is signed, and when it is tried again. Pure."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from pydantic_core import to_json

from .job import Hook, Job

DELAYS = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds from one failed try to the next; after one more it is given up."""
SIGNATURE = "X-SAM-Signature"


def message(job: Job, now: float) -> bytes:
    """The job's status and the time of sending (whole seconds since 1970), so that the signature covers both: whoever
    gets an old message can tell.
    """
    told = {name: value for name, value in job.json().items() if name != "webhook"}
    return to_json({**told, "success": job.state == "done", "sent": int(now)})


def signature(secret: str, body: bytes) -> str:
    """The value of ``SIGNATURE``.

    >>> signature("a secret of the operator", b"{}")[:20]
    'sha256=c34b7d5ca8dc2'
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def taken(hook: Hook) -> Hook:
    """After a try that was answered well."""
    return replace(hook, state="delivered", tries=hook.tries + 1, said="taken")


def refused(hook: Hook, said: str, now: float) -> Hook:
    """After a try that was not: due again, or given up.

    >>> hook = Hook("https://example.com", "pending", 0, 0.0, "")
    >>> refused(hook, "answered 500", 100.0)
    Hook(url='https://example.com', state='pending', tries=1, due=105.0, said='answered 500')
    """
    tries = hook.tries + 1
    if tries > len(DELAYS):
        return replace(hook, state="failed", tries=tries, said=said)
    return replace(hook, tries=tries, due=now + DELAYS[tries - 1], said=said)

"""gunicorn's own workers speak WSGI, which this application does not: every answer would be a 500."""

from __future__ import annotations

import sys
from collections.abc import Collection

WORKERS = frozenset(f"gunicorn.workers.{name}" for name in ("sync", "gthread", "ggevent", "geventlet", "gtornado"))
"""Modules, of which gunicorn loads the one that it was asked for; ``sync`` when nobody said anything."""
WORDS = (
    "gunicorn runs this service with its own settings alone. Without a ./gunicorn.conf.py they are given so:\n"
    "gunicorn -c python:sam_mask_service.http.gunicorn --bind 0.0.0.0:8739 --workers 1 --timeout 120 "
    "sam_mask_service:app\n"
)


def refuse_wsgi(loaded: Collection[str], code: int) -> None:
    """Ends the process with ``code`` and what to write instead, when ``loaded`` (names of modules) holds such a
    worker.
    """
    if WORKERS.isdisjoint(loaded):
        return
    sys.stderr.write(WORDS)
    raise SystemExit(code)

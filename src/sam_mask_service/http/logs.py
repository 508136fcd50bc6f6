"""Logs: text on a terminal, one JSON object a line otherwise. One handler on stderr for us, uvicorn and gunicorn's
worker.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from typing import Any

from ..settings import Settings

ACCESS = logging.getLogger("sam_mask_service.access")
_OURS = ("sam_mask_service", "uvicorn.error")
_MOST = 4000
"""Characters of one message; a traceback may be longer."""
_KIND, _KINDS = 80, 64
"""Characters that tell one kind of message from another, and kinds that are remembered."""


class JsonFormatter(logging.Formatter):
    """``extra={"fields": {...}}`` becomes keys of the object. Line breaks are escaped, so that no caller can forge a
    line.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_MOST],
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Seldom(logging.Filter):
    """Lets a message pass once in ``seconds``, and says then how often it was held back: asyncio writes one for each
    connection that it has no descriptor for, thousands a second."""

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self._seconds, self._next, self._held = seconds, dict[str, float](), Counter[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        kind = str(record.msg).partition("\n")[0][:_KIND]
        if record.created < self._next.get(kind, 0.0):
            self._held[kind] += 1
            return False
        if len(self._next) > _KINDS:
            self._next.clear()
        self._next[kind] = record.created + self._seconds
        if held := self._held.pop(kind, 0):
            record.msg, record.args = f"{record.getMessage()} ({held} times more)", ()
        return True


class TextFormatter(logging.Formatter):
    """For a terminal. Control characters are shown escaped."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        tail = " ".join(f"{key}={value}" for key, value in fields.items() if value is not None)
        text = f"{record.getMessage()[:_MOST]} {tail}".rstrip()
        safe = "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)
        line = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {record.levelname:<7} {safe}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: Settings) -> None:
    """Sets up the loggers. A log that cannot be written (closed pipe, full disk) never stops the service."""
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stderr)
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(settings.log_level.upper())
    asyncio_log = logging.getLogger("asyncio")
    if not any(isinstance(each, Seldom) for each in asyncio_log.filters):
        asyncio_log.addFilter(Seldom())
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False

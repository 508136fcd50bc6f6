"""What was asked of a batch, so that a result is only taken for the answer to the same."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any

from ..segment.segmenter import Segmenter
from ..wire import Json
from .action import Action


class Question:
    """``action``, its parameters (those that differ from their defaults are shown), and what draws."""

    def __init__(self, action: Action, params: Any, segmenter: Segmenter) -> None:
        self.action = action.task.name
        self.engine, self.model = segmenter.name, segmenter.model
        self.shown: Json = params.model_dump(mode="json", exclude_defaults=True)
        self._all: Json = params.model_dump(mode="json")

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex. All parameters count: a default that has changed is another question."""
        parts = [self.action, self._all, self.engine, self.model]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def row(self) -> Json:
        """As fields of a manifest's row."""
        return {
            "action": self.action,
            "params": self.shown,
            "engine": self.engine,
            "model": self.model,
            "question": self.digest,
        }


def in_words(action: str, params: Json, engine: str, model: str) -> str:
    """``mask mode=combined (sam, vit_b)``"""
    values = "".join(f" {name}={value}" for name, value in params.items())
    return f"{action}{values} ({engine}, {model})"

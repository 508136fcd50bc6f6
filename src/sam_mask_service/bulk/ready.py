"""Waiting until a service has the engine that a command wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import EngineUnavailable
from ..service import Service


async def until_ready(service: Service, engine: str, say: Callable[[str], object]) -> None:
    """Starts the service and waits for the engine that the command wants. Raises EngineUnavailable."""
    service.start()
    shown = ""
    while service.engines.sam_state.state in ("downloading", "loading"):
        state = service.engines.sam_state
        words = f"SAM is {state.state}" + ("" if state.percent is None else f" ({state.percent:.0f} %)")
        if words != shown and state.state == "downloading":
            say(words)
        shown = words
        await asyncio.sleep(0.05)
    wanted = service.settings.engine if engine == "auto" else engine
    if wanted == "sam" and service.engines.sam is None:
        raise EngineUnavailable(service.engines.sam_state.reason)

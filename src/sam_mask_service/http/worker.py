"""gunicorn's worker: the same server as ``sam-mask serve``, under gunicorn's supervision."""

from __future__ import annotations

import os
import signal
import sys
import threading

import uvicorn
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from uvicorn_worker import UvicornWorker

from ..service import Service
from .server import GracefulServer, wire_options

BEAT_S = 1.0
"""Between two signs of life while the application is loaded."""


class SupervisedServer(GracefulServer):
    """Ends, too, when the process that supervises it is gone: nobody would replace it, and its port would stay
    taken.
    """

    parent = 0
    """Its process id."""

    async def on_tick(self, counter: int) -> bool:
        if os.getppid() != self.parent and not self.should_exit:
            self.handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)


class Worker(UvicornWorker):  # type: ignore[misc] # has no types
    """Reads the limits from the service that it has loaded, so that both ways to start keep the same ones."""

    def load_wsgi(self) -> None:
        """A first start fetches models here, which may take longer than gunicorn waits for a sign of life."""
        loaded = threading.Event()
        threading.Thread(target=self._beat, args=(loaded,), daemon=True).start()
        try:
            super().load_wsgi()
        finally:
            loaded.set()

    def _beat(self, loaded: threading.Event) -> None:
        while not loaded.wait(BEAT_S):
            self.notify()

    async def _serve(self) -> None:
        service: Service = self.wsgi.state.service
        inherited: uvicorn.Config = self.config  # type: ignore[has-type]
        config = uvicorn.Config(
            self.wsgi,
            callback_notify=self.callback_notify,
            timeout_notify=self.timeout,
            limit_max_requests=self.max_requests,
            ssl_certfile=inherited.ssl_certfile,
            ssl_keyfile=inherited.ssl_keyfile,
            ssl_keyfile_password=inherited.ssl_keyfile_password,
            **wire_options(service.settings),
        )
        self.config = config
        server = SupervisedServer(config, service)
        server.parent = self.ppid
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        server.leave()

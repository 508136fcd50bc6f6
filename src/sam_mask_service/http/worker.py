"""gunicorn's worker: the same server as ``sam-mask serve``, under gunicorn's supervision."""

from __future__ import annotations

import sys

import uvicorn
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from uvicorn_worker import UvicornWorker

from ..service import Service
from .server import GracefulServer, wire_options


class Worker(UvicornWorker):  # type: ignore[misc] # has no types
    """Reads the limits from the service that it has loaded, so that both ways to start keep the same ones."""

    async def _serve(self) -> None:
        service: Service = self.wsgi.state.service
        inherited: uvicorn.Config = self.config  # type: ignore[has-type]
        config = uvicorn.Config(
            self.wsgi,
            backlog=inherited.backlog,
            callback_notify=self.callback_notify,
            timeout_notify=self.timeout,
            forwarded_allow_ips=inherited.forwarded_allow_ips,
            limit_max_requests=self.max_requests,
            ssl_certfile=inherited.ssl_certfile,
            ssl_keyfile=inherited.ssl_keyfile,
            ssl_keyfile_password=inherited.ssl_keyfile_password,
            **wire_options(service.settings),
        )
        self.config = config
        server = GracefulServer(config, service)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        server.leave()

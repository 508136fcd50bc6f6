"""The service as it is served, the portrait, and each other program where it can be had."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from ..support.wire import Server, started
from . import environments


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started("gunicorn", tmp_path_factory.mktemp("service"), "sam_mask_service:app") as server:
        yield server


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """512 × 512, one face; as JPEG."""
    out = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(out, "JPEG", quality=92)
    return out.getvalue()


def had(make: Callable[[], Path]) -> Path:
    """The environment, or a skip that says why there is none."""
    try:
        return make()
    except environments.Missing as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def n8n_folder() -> Path:
    return had(environments.n8n)


@pytest.fixture(scope="session")
def comfyui_folder() -> Path:
    return had(environments.comfyui)


@pytest.fixture(scope="session")
def clients_folder() -> Path:
    return had(environments.clients)

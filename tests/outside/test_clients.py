"""The OpenAI and A1111 recipes with those programs' own clients: what they send, and that the same comes out of
them.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ..support.live import live
from ..support.wire import Server
from . import environments
from .editor import Editor, opened
from .programs import surroundings

pytestmark = pytest.mark.outside
REPO = Path(__file__).parents[2]
WEBUI = """
import sys, webuiapi
from PIL import Image
api = webuiapi.WebUIApi(baseurl=sys.argv[1] + "/sdapi/v1", sampler="Euler a", steps=4)
photo, mask = Image.open(sys.argv[2]).convert("RGB"), Image.new("L", (64, 64), 255)
api.img2img(images=[photo], mask_image=mask, prompt="x", mask_blur=0, width=64, height=64)
"""


@pytest.fixture
def editor() -> Editor:
    return Editor()


@pytest.fixture
def stand_in(editor: Editor) -> Iterator[str]:
    with live(editor.app) as url:
        yield url


@pytest.fixture
def photo(portrait: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(portrait)
    return path


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(environments.python(folder)), *words]
    env = surroundings({"PYTHONPATH": str(REPO / "src"), "NO_PROXY": "*", **environment})
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def same_beside_the_face(portrait: bytes, made: Path) -> None:
    before, after = (np.asarray(opened(data).convert("RGB"), np.int16) for data in (portrait, made.read_bytes()))
    assert after.shape == before.shape
    assert after[125, 225].tolist() != before[125, 225].tolist()
    assert np.array_equal(after[300:, 300:], before[300:, 300:])


def test_openai_by_its_own_client(
    clients_folder: Path, service: Server, editor: Editor, stand_in: str, photo: Path, portrait: bytes
) -> None:
    script, out = str(REPO / "integrations/openai/edit.py"), photo.with_name("out.png")
    words = (script, str(photo), str(out), "--prompt", "an old man", "--service", service.url)
    done = run(clients_folder, *words, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=f"{stand_in}/v1")
    assert done.returncode == 0, done.stderr
    same_beside_the_face(portrait, out)
    (sent,) = editor.forms
    assert set(sent) == {"image", "mask", "prompt", "model"} and editor.keys == ["Bearer sk-test"]
    image, mask = opened(sent["image"]), opened(sent["mask"])
    assert (image.format, mask.format, mask.mode, mask.size) == ("PNG", "PNG", "RGBA", image.size)
    assert len(sent["mask"]) < 4_000_000 and len(sent["image"]) < 50_000_000
    alpha = np.asarray(mask)[..., 3]
    assert set(np.unique(alpha)) == {0, 255} and alpha[0, 0] == 255, "transparent is repainted"


def test_openai_refusals_are_told(
    clients_folder: Path, service: Server, editor: Editor, stand_in: str, photo: Path
) -> None:
    editor.status = 400
    words = (str(REPO / "integrations/openai/edit.py"), str(photo), str(photo.with_name("out.png")), "--prompt", "x")
    surrounding = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{stand_in}/v1"}
    done = run(clients_folder, *words, "--service", service.url, **surrounding)
    assert done.returncode == 1 and "no such model" in done.stderr and not photo.with_name("out.png").exists()
    away = run(clients_folder, *words, "--service", "http://127.0.0.1:9", **surrounding)
    assert away.returncode == 1 and "Traceback" not in away.stderr


def test_a1111_fields_are_those_that_its_client_sends(
    clients_folder: Path, service: Server, editor: Editor, stand_in: str, photo: Path, portrait: bytes
) -> None:
    """No A1111 itself is to be had from PyPI: webuiapi, its client, says which fields there are and of which kind."""
    done = run(clients_folder, "-c", WEBUI, stand_in, str(photo))
    assert done.returncode == 0, done.stderr
    out = photo.with_name("out.png")
    words = (
        str(REPO / "integrations/a1111/inpaint.py"),
        str(photo),
        str(out),
        "--prompt",
        "x",
        "--service",
        service.url,
    )
    ours_done = run(clients_folder, *words, "--webui", stand_in)
    assert ours_done.returncode == 0, ours_done.stderr
    same_beside_the_face(portrait, out)
    theirs, ours = editor.bodies
    assert not set(ours) - set(theirs), "fields that A1111 does not know"
    assert {k: type(v) for k, v in ours.items()} == {k: type(theirs[k]) for k in ours}
    for text in (theirs["mask"], theirs["init_images"][0]):
        assert opened(base64.b64decode(text.split(",")[-1])).format == "PNG"
    mask, image = (opened(base64.b64decode(text)) for text in (ours["mask"], ours["init_images"][0]))
    assert (mask.format, mask.mode, mask.size) == ("PNG", "L", image.size)
    assert mask.size == (ours["width"], ours["height"])

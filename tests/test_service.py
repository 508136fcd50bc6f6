"""The service on fakes: every mode's answer, the cache, engines, files, admission and the end."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.engines import Report
from sam_mask_service.errors import (
    Busy,
    ClientLeft,
    DeadlinePassed,
    Draining,
    EngineUnavailable,
    FaceNotFound,
    FileExists,
    FileMissing,
    InvalidParameter,
    NoFace,
    PathOutsideRoot,
    RegionUnavailable,
    SourceUnavailable,
    Starting,
    TooLarge,
)
from sam_mask_service.geometry import Box, Face, PixelBox
from sam_mask_service.image import encode
from sam_mask_service.params import DetectParams, MaskFileParams, MaskParams, Source, parse
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.segmenter import Segmenter
from sam_mask_service.service import Service
from sam_mask_service.tasks import DETECT, MASK, MASK_FILE

from .support.scene import TWO_FACES, Fixed, picture, service

PICTURE = Source("bytes", picture())
Scene = Callable[[Service], Coroutine[Any, Any, Any]]


def run(tmp_path: Path, scene: Scene, **values: Any) -> Any:
    async def whole() -> Any:
        s = service(tmp_path, **values)
        try:
            return await scene(s)
        finally:
            await s.gate.idle()
            s.close()

    return asyncio.run(whole())


def mask(tmp_path: Path, detector: Fixed | None = None, **params: Any) -> Any:
    return run(tmp_path, lambda s: s.run(MASK, PICTURE, MaskParams(**params)), detector=detector)


def opened(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_first_is_the_largest_face_in_the_seeds_form(tmp_path: Path) -> None:
    body = mask(tmp_path).json()
    assert body["success"] is True
    stats = body["stats"]
    assert stats["face_bbox"] == {"x": 120, "y": 40, "width": 60, "height": 70}
    assert (stats["mode"], stats["inverted"], stats["engine"]) == ("first", True, "mesh")
    assert (stats["image_width"], stats["image_height"], stats["faces_detected"]) == (200, 150, 2)
    pixels = opened(body["mask_base64"])
    assert pixels.shape == (150, 200)
    assert set(np.unique(pixels)) == {0, 255}
    assert pixels[75, 150] == 0
    assert pixels[5, 5] == 255
    assert stats["face_pixels"] == int((pixels == 0).sum())
    assert stats["face_pixels"] + stats["background_pixels"] == 200 * 150
    assert stats["face_percentage"] == pytest.approx(100 * stats["face_pixels"] / 30_000, abs=1e-3)
    assert len(stats["faces"]) == 1
    assert body["parameters"]["expand_pixels"] == 5
    assert set(body["timings"]) >= {"decode", "detect", "embed", "segment", "compose", "encode"}
    assert body["processing_time"] > 0


def test_white_face_when_not_inverted(tmp_path: Path) -> None:
    pixels = opened(mask(tmp_path, invert=False).json()["mask_base64"])
    assert (pixels[75, 150], pixels[5, 5]) == (255, 0)


def test_combined_holds_all_faces(tmp_path: Path) -> None:
    body = mask(tmp_path, mode="combined", invert=False, expand_pixels=0, blur_iterations=0).json()
    pixels = opened(body["mask_base64"])
    assert pixels[55, 40] == 255
    assert pixels[75, 150] == 255
    assert [f["face_id"] for f in body["stats"]["faces"]] == [0, 1]
    assert sum(f["face_pixels"] for f in body["stats"]["faces"]) == body["stats"]["face_pixels"]
    assert body["stats"]["face_bbox"] == {"x": 20, "y": 30, "width": 160, "height": 80}


def test_separate_gives_one_mask_each(tmp_path: Path) -> None:
    answer = mask(tmp_path, mode="separate", invert=False)
    first, second = (opened(m["mask_base64"]) for m in answer.json()["masks"])
    assert (first[75, 150], first[55, 40]) == (255, 0)
    assert (second[75, 150], second[55, 40]) == (0, 255)
    with pytest.raises(InvalidParameter, match="one picture"):
        _ = answer.picture


@pytest.mark.parametrize("invert", [True, False])
def test_windows_of_separate_masks_hold_all_of_them(tmp_path: Path, invert: bool) -> None:
    asked: dict[str, Any] = {"mode": "separate", "invert": invert, "feather_pixels": 7.0}
    whole = mask(tmp_path, **asked).json()["masks"]
    windows = mask(tmp_path, **asked, masks_format="window").json()["masks"]
    assert len(windows) == len(whole) == 2
    for one, window in zip(whole, windows, strict=True):
        place = PixelBox(*(window[name] for name in ("x", "y", "width", "height")))
        pixels, all_of_it = opened(window["mask_base64"]), opened(one["mask_base64"])
        assert pixels.shape == (place.height, place.width)
        assert pixels.size < all_of_it.size / 2
        canvas = np.full(all_of_it.shape, 255 if invert else 0, np.uint8)
        canvas[place.rows, place.columns] = pixels
        np.testing.assert_array_equal(canvas, all_of_it)


def test_a_window_of_nothing_is_one_pixel(tmp_path: Path) -> None:
    rows = mask(tmp_path, mode="separate", invert=False, masks_format="window", expand_pixels=-256).json()["masks"]
    for row in rows:
        assert (row["x"], row["y"], row["width"], row["height"]) == (0, 0, 1, 1)
        assert opened(row["mask_base64"]).tolist() == [[0]]


@pytest.mark.parametrize("mode", ["first", "combined", "crop"])
def test_windows_are_of_separate_masks(mode: str) -> None:
    with pytest.raises(InvalidParameter, match="masks_format"):
        parse(MaskParams, {"mode": mode, "masks_format": "window"})


def test_crop_gives_pictures_and_masks_of_the_same_size(tmp_path: Path) -> None:
    body = mask(tmp_path, mode="crop").json()
    assert body["mode"] == "crop"
    assert "mask_base64" not in body
    for item in body["cropped_faces"]:
        crop, pixels = opened(item["image_base64"]), opened(item["mask_base64"])
        assert crop.shape == (item["height"], item["width"], 3)
        assert pixels.shape == crop.shape[:2]
        box = item["crop_bbox"]
        assert (box["width"], box["height"]) == (item["width"], item["height"])
        np.testing.assert_array_equal(
            crop, _rgb()[box["y"] : box["y"] + box["height"], box["x"] : box["x"] + box["width"]]
        )
    assert body["stats"]["faces"][0]["original_bbox"] == {"x": 120, "y": 40, "width": 60, "height": 70}


def _rgb() -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture())))


def test_expand_is_exact_in_the_answer(tmp_path: Path) -> None:
    plain = opened(mask(tmp_path, invert=False, expand_pixels=0, blur_iterations=0).json()["mask_base64"]) > 0
    grown = opened(mask(tmp_path, invert=False, expand_pixels=7, blur_iterations=0).json()["mask_base64"]) > 0
    wide, steps = np.pad(plain, 7), range(-7, 8)
    near = [wide[7 + y : 157 + y, 7 + x : 207 + x] for y in steps for x in steps if x * x + y * y <= 49]
    np.testing.assert_array_equal(grown, np.any(near, axis=0))


def test_feather_is_soft_and_png_is_the_mask(tmp_path: Path) -> None:
    answer = mask(tmp_path, feather_pixels=9.0)
    pixels = np.asarray(Image.open(io.BytesIO(answer.picture)))
    assert len(np.unique(pixels)) > 5
    np.testing.assert_array_equal(pixels, opened(answer.json()["mask_base64"]))


def test_matte_is_soft_and_keeps_what_was_grown(tmp_path: Path) -> None:
    plain = opened(mask(tmp_path, invert=False).json()["mask_base64"])
    grown = opened(mask(tmp_path, invert=False, matte=True).json()["mask_base64"])
    shrunk = opened(mask(tmp_path, invert=False, matte=True, expand_pixels=-4).json()["mask_base64"])
    exact = opened(mask(tmp_path, invert=False, matte=True, expand_pixels=0).json()["mask_base64"])
    assert (grown >= plain).all()
    assert (shrunk <= exact).all()
    assert len(np.unique(exact)) > 10


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({"faces": [1]}, [1]),
        ({"faces": [1, 0]}, [1, 0]),
        ({"point_x": 30, "point_y": 50}, [1]),
        ({"max_faces": 1}, [0]),
        ({"order": "left"}, [0, 1]),
        ({"order": "left", "max_faces": 1}, [0]),
    ],
)
def test_choosing_faces(tmp_path: Path, params: dict[str, Any], ids: list[int]) -> None:
    body = mask(tmp_path, mode="combined", **params).json()
    assert [f["face_id"] for f in body["stats"]["faces"]] == ids
    assert body["stats"]["faces_detected"] == 2


def test_wrong_choices(tmp_path: Path) -> None:
    with pytest.raises(FaceNotFound):
        mask(tmp_path, faces=[2])
    with pytest.raises(FaceNotFound):
        mask(tmp_path, point_x=0, point_y=0)
    with pytest.raises(RegionUnavailable):
        mask(tmp_path, region="hat")


def test_no_face_is_an_error_or_an_empty_mask(tmp_path: Path) -> None:
    with pytest.raises(NoFace):
        run(tmp_path, lambda s: s.run(MASK, PICTURE, MaskParams()), detector=Fixed(()))
    for mode in ("first", "combined", "separate", "crop"):
        body = mask(tmp_path, Fixed(()), mode=mode, on_no_face="empty").json()
        assert body["stats"]["faces"] == []
        assert body["stats"]["face_bbox"] is None
        if "mask_base64" in body:
            assert (opened(body["mask_base64"]) == 255).all()


def test_nonsense_from_a_detector_is_clipped_or_dropped(tmp_path: Path) -> None:
    nan = float("nan")
    odd = (
        Face(Box(nan, 0, 10, 10), 0.9),
        Face(Box(50, 50, -10, 10), 0.9),
        Face(Box(180, 130, 25, 25), 2.0),
        Face(Box(-500, 0, 10, 10), 0.5),
    )
    body = run(tmp_path, lambda s: s.run(MASK, PICTURE, MaskParams(mode="combined")), detector=Fixed(odd)).json()
    boxes = [f["bbox"] for f in body["stats"]["faces"]]
    assert all(b["x"] + b["width"] <= 200 and b["y"] + b["height"] <= 150 for b in boxes)
    assert all(0 <= f["confidence"] <= 1 for f in body["stats"]["faces"])


def test_warnings(tmp_path: Path) -> None:
    faces = (Face(Box(0, 40, 20, 20), 0.3), TWO_FACES[1])
    body = run(tmp_path, lambda s: s.run(MASK, PICTURE, MaskParams(mode="combined")), detector=Fixed(faces)).json()
    warnings = {f["face_id"]: f["warnings"] for f in body["stats"]["faces"]}
    assert warnings == {0: [], 1: ["touches_border", "tiny_face", "low_confidence"]}


def test_detect_lists_faces_without_segmenting(tmp_path: Path) -> None:
    segmenter = FakeSegmenter(fault=lambda: pytest.fail("segmented"))
    body = run(tmp_path, lambda s: s.run(DETECT, PICTURE, DetectParams(order="left")), segmenter=segmenter).json()
    assert [f["bbox"]["x"] for f in body["faces"]] == [20, 120]
    assert body["stats"] == {"faces_detected": 2, "image_width": 200, "image_height": 150, "detector": "fixed"}


def test_the_same_picture_again_is_neither_decoded_nor_searched(tmp_path: Path) -> None:
    detector = Fixed()

    async def scene(s: Service) -> Any:
        await s.run(MASK, PICTURE, MaskParams())
        return await s.run(MASK, PICTURE, MaskParams(expand_pixels=20))

    again = run(tmp_path, scene, detector=detector).json()
    assert len(detector.asked) == 1
    assert not {"decode", "detect", "embed", "segment"} & set(again["timings"])
    run(tmp_path, scene, detector=detector, cache_bytes=0)
    assert len(detector.asked) == 3


def test_two_pictures_at_once_keep_their_own_masks(tmp_path: Path) -> None:
    """Byte-equal to the serial run, whatever runs beside."""
    sources = [Source("bytes", picture(200 + i, 150)) for i in range(12)]

    async def scene(s: Service) -> list[bytes]:
        serial = [(await s.run(MASK, source, MaskParams())).picture for source in sources]
        both = await asyncio.gather(*(s.run(MASK, source, MaskParams()) for source in sources))
        assert [a.picture for a in both] == serial
        return serial

    assert len(set(run(tmp_path, scene, cache_bytes=0, queue=100))) == 12


# --- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelled",
    [
        lambda text: text,
        lambda text: f"data:image/png;base64,{text}",
        lambda text: f"data:;base64,{text}",
        lambda text: f"\r\n DATA:image/PNG;charset=x;BASE64,{text} \t",
        lambda text: text.replace("\n", "").rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: text.replace("+", "-").replace("/", "_").replace("\n", "").rstrip("="),
        lambda text: "data:image/png;base64," + text.replace("+", "%2B").replace("/", "%2f").replace("=", "%3D"),
    ],
    ids=["lines", "data", "no-type", "capitals", "unpadded", "url-safe", "url-safe-unpadded", "percent"],
)
def test_base64_in_all_its_spellings(tmp_path: Path, spelled: Callable[[str], str]) -> None:
    sent = next(p for i in range(9) if len(p := picture() + bytes([0xFB, 0xFF] * i)) % 3 == 1)
    text = base64.encodebytes(sent).decode()
    assert "+" in text and "/" in text and text.endswith("=\n")
    body = run(tmp_path, lambda s: s.run(MASK, Source("base64", spelled(text)), MaskParams()))
    assert body.json()["success"]


@pytest.mark.parametrize("text", ["%%%", "abcde", "data:image/png,abc", "ü" * 8, "ab+-", "YQ=", "YQ===", "Y=Q="])
def test_what_is_not_base64(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidParameter, match="image_base64"):
        run(tmp_path, lambda s: s.run(MASK, Source("base64", text), MaskParams()))


def test_too_many_bytes(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        run(tmp_path, lambda s: s.run(MASK, Source("bytes", bytes(3000)), MaskParams()), max_bytes=2000)
    with pytest.raises(TooLarge):
        run(tmp_path, lambda s: s.run(MASK, Source("base64", "A" * 6000), MaskParams()), max_bytes=2000)


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(picture())
    (tmp_path / "secret.png").write_bytes(picture())
    assert run(tmp_path, lambda s: s.run(MASK, Source("path", "a.png"), MaskParams())).json()["success"]
    with pytest.raises(PathOutsideRoot):
        run(tmp_path, lambda s: s.run(MASK, Source("path", "../secret.png"), MaskParams()))
    with pytest.raises(FileMissing):
        run(tmp_path, lambda s: s.run(MASK, Source("path", "b.png"), MaskParams()))


def test_urls_off(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable):
        run(tmp_path, lambda s: s.run(MASK, Source("url", "https://example.com/a.png"), MaskParams()), url_input=False)


# --- files ------------------------------------------------------------------------------------------------------------


def test_mask_files(tmp_path: Path) -> None:
    body = run(tmp_path, lambda s: s.run(MASK_FILE, PICTURE, MaskFileParams(output_name="m.png"))).json()
    assert body["mask_file"] == "m.png"
    assert "mask_base64" not in body
    with Image.open(tmp_path / "output" / "m.png") as saved:
        assert saved.size == (200, 150)
    with pytest.raises(FileExists):
        run(tmp_path, lambda s: s.run(MASK_FILE, PICTURE, MaskFileParams(output_name="m.png")))
    run(tmp_path, lambda s: s.run(MASK_FILE, PICTURE, MaskFileParams(output_name="m.png", overwrite=True)))
    with pytest.raises(PathOutsideRoot):
        run(tmp_path, lambda s: s.run(MASK_FILE, PICTURE, MaskFileParams(output_name="../m.png")))
    with pytest.raises(InvalidParameter, match="png"):
        run(tmp_path, lambda s: s.run(MASK_FILE, PICTURE, MaskFileParams(output_name="m.exe")))


@pytest.mark.parametrize(("mode", "key"), [("separate", "masks"), ("crop", "cropped_faces")])
def test_several_files(tmp_path: Path, mode: str, key: str) -> None:
    params = MaskFileParams.model_validate({"mode": mode})
    body = run(tmp_path, lambda s: s.run(MASK_FILE, PICTURE, params)).json()
    names = [row["mask_file"] for row in body[key]]
    assert len(set(names)) == 2
    assert all((tmp_path / "output" / name).is_file() for name in names)
    assert not any(k.endswith("base64") for row in body[key] for k in row)


# --- engines ----------------------------------------------------------------------------------------------------------


def test_auto_serves_with_mesh_until_sam_is_there(tmp_path: Path) -> None:
    go = threading.Event()

    def load(report: Report) -> Segmenter:
        report("downloading", 40.0)
        go.wait(10)
        return FakeSegmenter(name="sam", model="vit_b")

    async def scene(s: Service) -> None:
        s.start()
        await asyncio.sleep(0.05)
        health = s.health()
        assert (health["status"], health["engine"], health["sam"]["percent"]) == ("degraded", "mesh", 40.0)
        assert "40 %" in health["reason"]
        assert health["regions"] == ["face", "head"]
        assert (await s.run(MASK, PICTURE, MaskParams())).stats["engine"] == "mesh"
        with pytest.raises(Starting):
            await s.run(MASK, PICTURE, MaskParams(engine="sam"))
        go.set()
        while s.engines.sam is None:
            await asyncio.sleep(0.01)
        assert (await s.run(MASK, PICTURE, MaskParams())).stats["engine"] == "sam"
        assert (await s.run(MASK, PICTURE, MaskParams(engine="mesh"))).stats["engine"] == "mesh"
        assert s.health()["status"] == "healthy"
        assert s.health()["model_loaded"] is True

    run(tmp_path, scene, engine="auto", load_sam=load)


def test_sam_waits_and_fails_loudly(tmp_path: Path) -> None:
    def load(report: Report) -> Segmenter:
        raise EngineUnavailable("The file vit_b is damaged.")

    async def scene(s: Service) -> None:
        assert s.health()["status"] == "starting"
        with pytest.raises(Starting):
            await s.run(MASK, PICTURE, MaskParams())
        reasons: list[str] = []
        s.start(reasons.append)
        while s.engines.sam_state.state != "failed" or not reasons:
            await asyncio.sleep(0.01)
        assert reasons == ["The file vit_b is damaged."]
        assert s.ready() == (False, "starting")
        assert "damaged" in s.health()["reason"]

    run(tmp_path, scene, engine="sam", load_sam=load)


def test_a_loader_that_crashes_tells_no_secrets(tmp_path: Path) -> None:
    def load(report: Report) -> Segmenter:
        raise OSError("/secret/place")

    async def scene(s: Service) -> None:
        s.start()
        while s.engines.sam_state.state != "failed":
            await asyncio.sleep(0.01)
        assert "/secret" not in s.health()["reason"]
        with pytest.raises(EngineUnavailable):
            await s.run(MASK, PICTURE, MaskParams(engine="sam"))
        assert (await s.run(MASK, PICTURE, MaskParams())).stats["engine"] == "mesh"

    run(tmp_path, scene, engine="auto", load_sam=load)


def test_mesh_never_loads_sam(tmp_path: Path) -> None:
    async def scene(s: Service) -> None:
        s.start()
        assert s.health()["status"] == "healthy"
        with pytest.raises(EngineUnavailable):
            await s.run(MASK, PICTURE, MaskParams(engine="sam"))

    run(tmp_path, scene, load_sam=lambda _: pytest.fail("loaded"))


# --- load and the end -------------------------------------------------------------------------------------------------


def test_a_full_service_lets_nothing_in_and_has_no_place_for_what_was_let_in(tmp_path: Path) -> None:
    async def scene(s: Service) -> None:
        first = asyncio.create_task(s.run(MASK, PICTURE, MaskParams()))
        await asyncio.sleep(0.02)
        with pytest.raises(Busy):
            s.admit()
        with pytest.raises(Busy):
            await s.run(MASK, PICTURE, MaskParams())
        assert s.ready() == (False, "busy")
        await first
        await s.gate.idle()
        assert s.ready() == (True, None)

    run(tmp_path, scene, workers=1, queue=0, segmenter=FakeSegmenter(0.1))


def test_the_deadline_ends_work_and_frees_the_slot(tmp_path: Path) -> None:
    async def scene(s: Service) -> None:
        with pytest.raises(DeadlinePassed):
            await s.run(MASK, PICTURE, MaskParams())
        await s.gate.idle()
        assert s.gate.busy == 0

    run(tmp_path, scene, segmenter=FakeSegmenter(30), deadline_seconds=0.1)


def test_a_client_that_leaves_ends_the_work(tmp_path: Path) -> None:
    async def scene(s: Service) -> None:
        limit = s.deadline()
        task = asyncio.create_task(s.run(MASK, PICTURE, MaskParams(), limit))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ClientLeft):
            limit.check()
        await asyncio.wait_for(s.gate.idle(), 20)

    run(tmp_path, scene, segmenter=FakeSegmenter(30))


def test_draining_finishes_what_was_accepted(tmp_path: Path) -> None:
    async def scene(s: Service) -> None:
        accepted = asyncio.create_task(s.run(MASK, PICTURE, MaskParams()))
        await asyncio.sleep(0.02)
        drained = asyncio.create_task(s.drain())
        await asyncio.sleep(0)
        assert s.ready() == (False, "draining")
        assert s.health()["status"] == "draining"
        with pytest.raises(Draining):
            await s.run(MASK, PICTURE, MaskParams())
        await drained
        assert (await accepted).json()["success"]

    run(tmp_path, scene, segmenter=FakeSegmenter(0.1))


def test_a_weak_key_is_said(tmp_path: Path) -> None:
    async def scene(s: Service) -> str:
        return str(s.health()["reason"])

    assert "16 characters" in run(tmp_path, scene, api_key="your-secret-key")


def test_no_nan_and_no_path_in_an_answer(tmp_path: Path) -> None:
    text = str(mask(tmp_path).json())
    assert "nan" not in text.replace("name", "")
    assert str(tmp_path) not in text


def test_encode_of_the_test_picture_is_stable() -> None:
    assert encode(_rgb()) == picture()

"""The doctor finds what is wrong: tested by making it wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sam_mask_service import compose
from sam_mask_service.cli import doctor, selftest
from sam_mask_service.cli.doctor import examine, report
from sam_mask_service.cli.finding import Finding
from sam_mask_service.cli.portrait import drawn_portrait
from sam_mask_service.geometry import Box, Face
from sam_mask_service.runtime.devices import Torch
from sam_mask_service.runtime.machine import Rates
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.segmenter import FaceMask
from sam_mask_service.settings import Settings

from ..support import real_weights
from ..support.scene import Fixed, picture, service

DRAWN = Face(Box(151, 170, 210, 232), 0.9)
"""The drawn portrait's face; the fake segmenter's ellipse in it is close to the true outline."""


def findings(tmp_path: Path, image: Path | None = None, **scene: Any) -> dict[str, Finding]:
    def build(settings: Settings) -> Any:
        return service(tmp_path, **scene)

    return {finding.topic: finding for finding in examine(image, build)}


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAM_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(doctor, "measure", lambda threads: Rates(100, 0))


def test_a_sound_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "GOOD_IOU", 0.85)  # an ellipse has no fringe
    found = findings(tmp_path, detector=Fixed((DRAWN,)))
    assert found["self-test"].status == "ok", found["self-test"]
    assert "mesh" in found["engine"].text
    assert "vit_b" in found["speed"].text and "mobile_sam" in found["advice"].text
    assert not [finding for finding in found.values() if finding.status == "fail"]


def test_a_misspelt_setting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_ENGIN", "mesh")
    assert findings(tmp_path)["settings"] == Finding(
        "warn", "settings", "SAM_ENGIN is no setting and is ignored; did you mean SAM_ENGINE?"
    )


def test_a_mask_of_something_else_fails(tmp_path: Path) -> None:
    found = findings(tmp_path, detector=Fixed((Face(Box(10, 10, 100, 100), 0.9),)))
    assert found["self-test"].status == "fail" and "IoU" in found["self-test"].text


def test_no_face_fails(tmp_path: Path) -> None:
    found = findings(tmp_path, detector=Fixed(()))
    assert found["self-test"].status == "fail" and "no_face" in found["self-test"].text


def test_a_picture_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "me.png").write_bytes(picture())
    assert "me.png" in findings(tmp_path, Path("me.png"))["self-test"].text
    assert findings(tmp_path, Path("gone.png"))["self-test"].status == "fail"


def test_bad_settings_are_listed_and_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_ENGINE", "x")
    found = findings(tmp_path)
    assert "SAM_ENGINE" in found["settings"].text and "engine" not in found


def test_access_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_API_KEY", "0123456789abcdef")
    monkeypatch.setenv("SAM_URL_ALLOW_NETWORKS", "10.0.0.0/8")
    found = findings(tmp_path)
    assert found["SAM_API_KEY"].status == "ok" and "0123" not in found["SAM_API_KEY"].text
    assert found["SAM_URL_ALLOW_NETWORKS"].status == "warn"


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [("auto", "ok", "cpu: no torch for a GPU"), ("cpu", "ok", "cpu: SAM_DEVICE=cpu"), ("cuda", "fail", "needs torch")],
)
def test_the_device_is_said_and_why(
    wish: str, status: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "look", lambda _: Torch())
    monkeypatch.setenv("SAM_DEVICE", wish)
    found = findings(tmp_path)["device"]
    assert found.status == status and words in found.text


def test_few_pictures_at_once_are_said_where_there_is_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "look", lambda _: Torch("2.13.0", cards=("NVIDIA H100",)))
    said = list(doctor.device(Settings(workers=2)))
    assert said[0].text == "cuda:0: NVIDIA H100"
    assert said[1].text.startswith("SAM_WORKERS=2 pictures at once keep a card idle")
    assert len(list(doctor.device(Settings(workers=16)))) == 1


def test_a_missing_package_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    missing = next(iter(doctor.packages()))
    assert missing.status == "fail" and "no-such-package" in missing.text


def test_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(iter([Finding("ok", "a", "fine")]), as_json=False)
    assert not report(iter([Finding("fail", "a", "broken"), Finding("ok", "b", "fine")]), as_json=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "OK    a: fine"
    assert json.loads(lines[1]) == {"status": "fail", "topic": "a", "text": "broken"}


@pytest.mark.parametrize("side", [128, 512, 700])
def test_the_drawn_portrait_scales(side: int) -> None:
    rgb, truth = drawn_portrait(side)
    assert rgb.shape == (side, side, 3) and truth.shape == (side, side)
    assert np.mean(truth) == pytest.approx(0.155, abs=0.01)


def sam(tmp_path: Path, segmenter: Any) -> dict[str, Finding]:
    """Findings where SAM is loaded beside the fake mesh engine."""
    return findings(tmp_path, detector=Fixed((DRAWN,)), load_sam=lambda report: segmenter, engine="auto")


def test_sam_that_agrees_is_right(tmp_path: Path) -> None:
    found = sam(tmp_path, FakeSegmenter(name="sam", model="vit_b"))
    assert found["SAM"].status == "ok" and "1.000" in found["SAM"].text
    assert "vit_b: IoU 0." in found["SAM"].text and "mesh: 0." in found["SAM"].text
    assert found["advice"].text.startswith("SAM_MODEL=mobile_sam"), "100 GFLOP/s are too few for ViT-B"
    assert "vit_b" in found["engine"].text


@dataclass
class Replaced(FakeSegmenter):
    """As SAM with wrong weights: the mesh's mask in place of its own, and the warning that says so."""

    def masks(self, *arguments: Any, **named: Any) -> list[FaceMask]:
        return [replace(mask, warnings=("segmenter_disagreed",)) for mask in super().masks(*arguments, **named)]


def test_sam_that_was_replaced_by_the_mesh_is_not(tmp_path: Path) -> None:
    found = sam(tmp_path, Replaced(name="sam", model="vit_b"))
    assert found["SAM"].status == "fail" and "weights" in found["SAM"].text


def test_a_damaged_model_file_fails(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "sam_vit_b_01ec64.pth").write_bytes(b"half")
    found = findings(tmp_path)
    assert found["model vit_b"].status == "fail" and "models pull vit_b" in found["model vit_b"].text


def test_pull_that_fails_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_OFFLINE", "true")
    found = [finding for finding in examine(None, lambda _: service(tmp_path), pull=True) if finding.status == "fail"]
    assert any("SAM_OFFLINE" in finding.text for finding in found)


def test_the_real_weights_draw_a_real_mask(tmp_path: Path) -> None:
    """The whole doctor as a user runs it, on what set-up brought."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mobile_sam.pt").symlink_to(real_weights.mobile_sam())
    found = {finding.topic: finding for finding in examine(None, partial(compose.build, fetch_nets=False))}
    assert found["SAM"].status == "ok", found["SAM"]
    assert "mobile_sam: IoU 0.9" in found["SAM"].text and "sam (mobile_sam)" in found["engine"].text
    assert not [finding for finding in found.values() if finding.status == "fail"]

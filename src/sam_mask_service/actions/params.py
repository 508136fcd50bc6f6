"""The parameters of the endpoints that do something with a mask."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from ..errors import InvalidParameter
from ..faces.tuning.search import Recall
from ..params import DetectParams, EngineName, MaskParams, Params
from ..segment.segmenter import Detail
from ..targets import TARGETS, find
from ..targets.fit import plain
from ..targets.row import Change
from .anonymise import DEFAULT_STRENGTH, Colour, Method
from .composite import Match
from .cutout import Aspect, on_paper
from .cutout import colour as read_colour

MAX_POINTS = 64
MAX_BOXES = 1000
Numbers = Annotated[list[Annotated[int, Field(ge=0, le=9999)]], Field(min_length=1, max_length=1000)]
FARTHEST = 1e6
Coordinate = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
PictureOutput = Annotated[
    Literal["base64", "image"] | None, Field(description="JSON with base64, or the picture itself; unset: by Accept.")
]
PictureFormat = Annotated[
    Literal["png", "jpeg", "webp"] | None,
    Field(
        description="Format of the picture; unset: by Accept, else PNG, and with hidden faces the input's own "
        "(JPEG, WebP). "
        "JPEG lays transparency on white."
    ),
]
ColourText = Annotated[str, Field(min_length=1, max_length=16)]


class AnonymizeBase(DetectParams):
    """Hide faces. Looks harder than a mask does: a face that is missed stays readable."""

    method: Method = Field("blur", description="How faces are hidden.")
    strength: Annotated[float, Field(ge=0, le=1)] = Field(
        DEFAULT_STRENGTH,
        description="0…1, relative to the face: what is left is 8 (0), 4 (0.5) or 2 (1) cells across; from 0.5 on "
        "grey and faint, "
        "so that detectors find no face.",
    )
    region: Annotated[str, Field(min_length=1, max_length=200)] = Field("face", description="What is hidden.")
    colour: ColourText = Field("#606060", description="For method=solid: #rrggbb.")
    except_points: Annotated[list[list[float]], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="[[x, y], …]: the faces at these points stay as they are, whatever their numbers."
    )
    boxes: Annotated[list[list[float]], Field(min_length=1, max_length=MAX_BOXES)] | None = Field(
        None, description="[[x, y, width, height], …]: hidden too, whole, whether or not a face is found there."
    )
    recall: Recall = Field("high", description="high finds more; normal is faster.")
    engine: Literal["sam", "mesh"] = Field(
        "mesh", description="What draws the outline; to hide, mesh is enough and fast."
    )
    format: PictureFormat = None
    output: PictureOutput = None

    @field_validator("colour")
    @classmethod
    def _colour(cls, text: str) -> str:
        read_colour(text)
        return text

    @field_validator("boxes", mode="before")
    @classmethod
    def _one_box(cls, value: Any) -> Any:
        """Four numbers are one box; as text they come each in a list of its own."""
        bare = [v[0] if isinstance(v, list) and len(v) == 1 else v for v in value] if isinstance(value, list) else []
        alone = len(bare) == 4 and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in bare)
        return [[float(v) for v in bare]] if alone and max(map(abs, bare)) <= FARTHEST else value

    @field_validator("boxes")
    @classmethod
    def _sized(cls, value: list[list[float]] | None) -> list[list[float]] | None:
        """It may reach beyond the picture, as faces do that its edge cuts."""
        if any(len(box) != 4 for box in value or []):
            raise ValueError("each is four numbers, [x, y, width, height]")
        if any(max(map(abs, box)) > FARTHEST or min(box[2:]) < 1 for box in value or []):
            raise ValueError("each is [x, y, width, height], at least a pixel wide and high")
        return value

    @field_validator("except_points")
    @classmethod
    def _pairs(cls, value: list[list[float]] | None) -> list[list[float]] | None:
        if any(len(point) != 2 or min(point) < 0 or max(point) > 1e6 for point in value or []):
            raise ValueError("each is [x, y] inside the picture")
        return value

    @property
    def rgb(self) -> Colour:
        return read_colour(self.colour)

    @property
    def kept(self) -> list[int]:
        """Numbers of the faces that stay as they are."""
        return getattr(self, "except") or []


_EXCEPT: Any = (Numbers | None, Field(None, description="Numbers of the faces that stay as they are."))
AnonymizeParams: type[AnonymizeBase] = create_model("AnonymizeParams", __base__=AnonymizeBase, **{"except": _EXCEPT})
AnonymizeParams.__doc__ = AnonymizeBase.__doc__


class CutoutParams(DetectParams):
    """Cut faces or heads out."""

    region: Annotated[str, Field(min_length=1, max_length=200)] = Field("face", description="What is cut out.")
    expand_pixels: Annotated[int, Field(ge=-256, le=256)] = Field(0, description="Grow the mask by so many pixels.")
    blur_iterations: Annotated[int, Field(ge=0, le=100)] = Field(10, description="Passes that smooth the outline.")
    feather_pixels: Annotated[float, Field(ge=0, le=256)] = Field(3.0, description="Width of the soft edge.")
    matte: bool = Field(False, description="Soft alpha at hair and fur in place of the feather; for region=head.")
    background: Annotated[str, Field(min_length=1, max_length=16)] = Field(
        "transparent",
        description="transparent, or a colour: #rrggbb, white, black, grey. Or send a file background_image.",
    )
    padding: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="Room on every side, as a share of the longer side; unset: what suits the aspect."
    )
    aspect: Aspect = Field("free", description="Shape of the frame; 35x45mm is a passport picture's, by the head.")
    dpi: Annotated[int, Field(ge=72, le=1200)] | None = Field(
        None, description="Dots an inch: scales aspect=35x45mm to its size on paper (413 × 531 pixels at 300)."
    )
    mode: Literal["first", "combined"] = Field("combined", description="One face, or all in one picture.")
    format: PictureFormat = None
    engine: EngineName = Field("auto", description="What draws the mask.")
    detail: Detail = Field("auto", description="SAM looks at the whole picture, or closely at each face.")
    output: PictureOutput = None

    @field_validator("background")
    @classmethod
    def _background(cls, text: str) -> str:
        if text != "transparent":
            read_colour(text)
        return text

    @model_validator(mode="after")
    def _dots_want_paper(self) -> CutoutParams:
        if self.dpi is not None and not on_paper(self.aspect):
            raise ValueError("dpi needs an aspect in millimetres, such as 35x45mm")
        return self


class CompositeParams(Params):
    """Put an edit back into its original."""

    change: Change | None = Field(None, description="What marks the changed part in the mask; unset: white.")
    target: str | None = Field(
        None, description="The mask is as this consumer takes it.", json_schema_extra={"enum": [*TARGETS, None]}
    )
    transform: dict[str, Any] | None = Field(None, description="The transform of an answer with target.")
    match: Match = Field("none", description="seam: move the edit's colours to meet the original's around the mask.")
    image_id: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None, description="The original, when it was sent to /images."
    )
    format: PictureFormat = None
    output: PictureOutput = None

    @field_validator("transform", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return plain(value) if isinstance(value, dict) else value

    @property
    def mark(self) -> Change:
        """What marks the changed part. Raises InvalidParameter when ``change`` contradicts ``target``."""
        wanted = find(self.target).change if self.target else self.change or "white"
        if self.change not in (None, wanted):
            raise InvalidParameter(f"change: {self.change} contradicts target {self.target}, where it is {wanted}.")
        return wanted


class ImageMaskParams(MaskParams):
    """A mask of a picture that is here already, corrected by the user's points, or in a box of his own."""

    points: Annotated[list[list[float]], Field(max_length=MAX_POINTS)] | None = Field(
        None, description="[[x, y, 1 or 0], …]: belongs to the mask, or does not."
    )
    box: Annotated[list[Coordinate], Field(min_length=4, max_length=4)] | None = Field(
        None, description="[x, y, width, height]: what to mask in place of the found faces."
    )

    @model_validator(mode="after")
    def _sensible(self) -> ImageMaskParams:
        for point in self.points or []:
            if len(point) != 3 or point[2] not in (0, 1) or min(point) < 0 or max(point) > 1e6:
                raise ValueError("points: each is [x, y, 1 or 0] inside the picture")
        if self.points == []:
            raise ValueError("points: at least one, or leave it out")
        if self.box is not None and (self.box[2] < 1 or self.box[3] < 1):
            raise ValueError("box: it has no size")
        if self.box is not None and self.mode in ("separate", "crop"):
            raise ValueError("box: goes with mode first or combined")
        return self

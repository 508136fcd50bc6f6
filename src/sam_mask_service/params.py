"""The parameters that callers send: one model per endpoint, the same for JSON, multipart, query string and command
line.
"""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .errors import InvalidParameter
from .faces.detector import DetectorName
from .faces.tuning.search import Recall
from .geometry import Order
from .segment.segmenter import Detail
from .spellings import read
from .targets import TARGETS, Edit, find, resolve_invert

Mode = Literal["first", "combined", "separate", "crop"]
MasksFormat = Literal["picture", "window"]
EngineName = Literal["auto", "sam", "mesh"]
SOURCES = ("image_url", "image_base64", "image_path", "image")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a picture comes from: the bytes themselves, base64 text, a URL, a path on the server, or the id of a
    picture that was uploaded by ``owner``."""

    kind: Literal["bytes", "base64", "url", "path", "kept"]
    value: bytes | str
    owner: bytes = b""

    @property
    def data(self) -> bytes:
        """The value of kind ``bytes``."""
        return self.value if isinstance(self.value, bytes) else self.value.encode()

    @property
    def text(self) -> str:
        """The value of every other kind."""
        return self.value if isinstance(self.value, str) else self.value.decode()


class Params(BaseModel):
    """Base: unknown names are refused, nothing is coerced (``parse`` reads the ways in which a value can be
    written).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @property
    def drawn_by(self) -> EngineName:
        """The engine that is asked for."""
        return getattr(self, "engine", "auto")


class DetectParams(Params):
    """Which faces."""

    min_confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Take faces from this confidence on; unset: the recipe's own rule."
    )
    order: Order = Field("size", description="Numbers the faces; face 0 is what mode=first takes.")
    faces: Annotated[list[Annotated[int, Field(ge=0, le=9999)]], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Only the faces with these numbers."
    )
    point_x: Annotated[float, Field(ge=0, le=1e6)] | None = Field(None, description="Only the face at this point.")
    point_y: Annotated[float, Field(ge=0, le=1e6)] | None = Field(None, description="Only the face at this point.")
    max_faces: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        None, description="At most so many faces; 0 or unset: the server's own limit."
    )
    on_no_face: Literal["error", "empty"] = Field("error", description="No face: 422 no_face, or an empty answer.")
    detector: DetectorName = Field("auto", description="What finds the faces.")
    recall: Recall = Field("normal", description="high: look harder, for privacy.")

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> DetectParams:
        if (self.point_x is None) != (self.point_y is None):
            raise ValueError("point_x and point_y go together")
        if self.faces is not None and self.point_x is not None:
            raise ValueError("choose by faces or by point_x and point_y, not by both")
        return self


class MaskParams(DetectParams):
    """What to mask and how the mask looks."""

    mode: Mode = Field("first", description="One face; all in one mask; one mask each; one cropped picture each.")
    region: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        "face", description="What to mask: face, head, skin, eyes, brows, lips, nose, …; parts compose: face,-lips."
    )
    expand_pixels: Annotated[int, Field(ge=-256, le=256)] = Field(5, description="Grow the mask by so many pixels.")
    blur_iterations: Annotated[int, Field(ge=0, le=100)] = Field(10, description="Passes that smooth the outline.")
    feather_pixels: Annotated[float, Field(ge=0, le=256)] = Field(0.0, description="Width of the soft edge.")
    matte: bool = Field(False, description="Soft alpha at hair and fur; best with expand_pixels=0.")
    invert: bool = Field(True, description="true: face black; false: face white.")
    engine: EngineName = Field("auto", description="What draws the mask.")
    detail: Detail = Field("auto", description="SAM looks at the whole picture, or closely at each face.")
    output: Literal["base64", "png"] | None = Field(None, description="JSON with base64, or the PNG itself.")
    masks_format: MasksFormat = Field(
        "picture", description="With mode=separate: masks as large as the picture, or the window that holds each."
    )
    target: str | None = Field(
        None,
        description="The mask as this consumer takes it; sets invert, and the answer also holds the matching picture.",
        json_schema_extra={"enum": [*TARGETS, None]},
    )
    edit: Edit = Field("faces", description="With target: what the consumer is to repaint.")

    @model_validator(mode="after")
    def _windows_are_of_one_face(self) -> MaskParams:
        if self.masks_format == "window" and self.mode != "separate":
            raise ValueError("masks_format: window goes with mode separate")
        return self

    @model_validator(mode="before")
    @classmethod
    def _follow_target(cls, values: Any) -> Any:
        """Raises InvalidParameter for an unknown target, and for anything that contradicts it."""
        if not isinstance(values, dict):
            return values
        target, edit, invert = values.get("target"), values.get("edit", "faces"), values.get("invert")
        if not isinstance(target, str):
            if edit == "everything_else":
                raise InvalidParameter("edit: goes with target; without one, invert says which part is black.")
            return values
        row = find(target)
        if values.get("mode", "first") not in ("first", "combined"):
            raise InvalidParameter("target: goes with mode first or combined, which give one mask.")
        if edit not in typing.get_args(Edit) or not isinstance(invert, (bool, types.NoneType)):
            return values
        return {**values, "invert": resolve_invert(row, edit, invert)}


class MaskFileParams(MaskParams):
    """The same, saved on the server."""

    output_name: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="File name inside the output folder; unset: a new name."
    )
    overwrite: bool = Field(False, description="Replace an existing file.")

    @field_validator("output_name")
    @classmethod
    def _png(cls, name: str | None) -> str | None:
        if name is not None and not name.lower().endswith(".png"):
            raise InvalidParameter("output_name: must end in .png.")
        return name


P = TypeVar("P", bound=BaseModel)


def parse(model: type[P], values: Mapping[str, Any], *, textual: bool = False) -> P:
    """The parameters in ``values``: numbers and truth values as JSON has them or as text. With ``textual`` every value
    is a string (multipart, query).

    Raises InvalidParameter that names every field at fault, and for an unknown one the nearest known.
    """
    unknown = [name for name in values if name not in model.model_fields]
    if unknown:
        raise InvalidParameter("; ".join(_unknown(name, model) for name in unknown[:5]))
    if textual and (odd := next((name for name, value in values.items() if not isinstance(value, str)), None)):
        raise InvalidParameter(f"{odd}: must be text here.")
    ready = {name: read(model.model_fields[name].annotation, value) for name, value in values.items()}
    try:
        return model.model_validate(ready)
    except ValidationError as e:
        raise InvalidParameter(_sentence(e)) from None


def _unknown(name: str, model: type[BaseModel]) -> str:
    """The nearest: one that begins or ends so, else one spelt much alike; rather none than any."""
    known = [*model.model_fields, *SOURCES]
    parts = [other for other in known if len(name) > 2 and (other.startswith(name) or other.endswith(name))]
    near = parts or difflib.get_close_matches(name, known, n=1)
    return f"There is no parameter {_shown(name)}" + (f"; did you mean {near[0]}?" if near else ".")


def _shown(text: str) -> str:
    """A caller's word as it may stand in an answer: printable, short, quoted."""
    return json.dumps(text[:60])


def _sentence(error: ValidationError) -> str:
    return "; ".join(
        (".".join(str(part) for part in e["loc"]) + ": " if e["loc"] else "") + _words(e["type"], e["msg"])
        for e in error.errors(include_url=False, include_input=False, include_context=False)[:5]
    )


_WRONG_KIND = {
    "int_type": "a whole number is due, such as 5",
    "int_from_float": "a whole number is due, such as 5",
    "float_type": "a number is due, such as 2.5",
    "finite_number": "a number is due, such as 2.5",
    "bool_type": "true or false is due (1 and 0 will do)",
    "string_type": "a text in quotation marks is due",
    "list_type": "a list is due, such as [0, 2]",
    "dict_type": "a JSON object is due",
}
"""pydantic's name of a fault → what to write instead."""


def _words(kind: str, message: str) -> str:
    return _WRONG_KIND.get(kind, message.removeprefix("Value error, ").replace(" after validation", ""))

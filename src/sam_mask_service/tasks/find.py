"""The faces of a picture: found, put in order, chosen."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ..errors import NoFace
from ..faces.detector import DetectOptions
from ..faces.sanitise import sane_faces
from ..geometry import Face, at_point, by_indices, ordered
from ..params import DetectParams
from ..wire import Json
from .notices import more_faces
from .steps import Step, Work, always
from .values import Detection, Numbered


def options_of(params: DetectParams) -> DetectOptions:
    return DetectOptions(params.min_confidence, params.detector, params.recall)


def _key(work: Work) -> Hashable:
    return work.key, work.tools.detector.name, options_of(work.wanted)


def _seen_before(work: Work) -> bool:
    seen: Detection | None = work.cached(_key(work))
    if seen is not None:
        work.seen = seen
    return seen is not None


def _find(work: Work) -> None:
    picture = work.picture
    found = work.tools.detector.detect(picture.rgb, options_of(work.wanted), work.deadline)
    faces = sane_faces(found, picture.width, picture.height)
    unexamined: int = getattr(found, "unexamined", 0)
    work.seen = Detection(picture.width, picture.height, tuple(faces), unexamined, picture.orientation)
    work.keep(_key(work), work.seen)


FIND: Step[Work] = Step(_find, "detect", needless=_seen_before, pixels=always)


def choose(faces: Sequence[Face], params: DetectParams) -> list[int]:
    """Numbers of the faces asked for. Raises NoFace and FaceNotFound."""
    if not faces:
        if params.on_no_face == "error":
            raise NoFace
        return []
    if params.point_x is not None and params.point_y is not None:
        return [at_point(faces, params.point_x, params.point_y)]
    numbers = by_indices(faces, params.faces) if params.faces is not None else list(range(len(faces)))
    return numbers[: params.max_faces or len(numbers)]


def chosen(seen: Detection, params: DetectParams) -> list[Numbered]:
    """The faces asked for, numbered in the asked order. Raises NoFace and FaceNotFound."""
    faces = ordered(seen.faces, params.order)
    return [(number, faces[number]) for number in choose(faces, params)]


def largest(faces: Sequence[Face], most: int) -> list[Face]:
    """At most ``most`` of the faces, the largest, in the given order."""
    kept = {id(face) for face in sorted(faces, key=lambda face: -face.box.area)[:most]}
    return [face for face in faces if id(face) in kept]


def within_limit(work: Work, faces: list[Numbered]) -> list[Numbered]:
    """As many of the chosen faces as one request draws, the largest. What is left out is said."""
    kept = {id(face) for face in largest([face for _, face in faces], work.tools.limits.max_faces)}
    told = [(number, face) for number, face in faces if id(face) in kept]
    say_more(work, len(told) if len(told) < len(faces) else None)
    return told


def say_more(work: Work, most: int | None = None) -> None:
    """That all but ``most`` faces were left out, or that places were not looked at."""
    if most is not None or work.seen.unexamined:
        work.notices.append(more_faces(len(work.seen.faces), most, work.seen.unexamined))


def _choose(work: Work) -> None:
    work.chosen = chosen(work.seen, work.wanted)
    say_more(work)


CHOOSE: Step[Work] = Step(_choose)


def face_row(number: int, face: Face, seen: Detection) -> Json:
    """What every answer says of a face."""
    box = face.box.pixels(seen.width, seen.height).as_dict()
    return {"face_id": number, "bbox": box, "confidence": round(face.confidence, 4)}

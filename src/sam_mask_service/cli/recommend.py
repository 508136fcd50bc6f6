"""The doctor's one recommendation: what would help most on this machine. The first rule that holds is it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..doors import weights
from ..faces.ensemble import MEMBERS
from ..sam.advice import Advice
from ..settings import SMALL_SAM, Settings

WORSE = 0.02
"""IoU by which SAM must be worse than the mesh engine on the drawn portrait to be advised against."""
SMALL_NETS = (*(member.name for member in MEMBERS), "hair")


@dataclass(frozen=True, slots=True)
class Trial:
    """One engine on the self-test's picture. ``iou`` with its true outline, None for a picture of the user's own;
    ``seconds``: for a picture that it had not seen."""

    model: str
    seconds: float
    iou: float | None = None


def recommended(settings: Settings, advice: Advice, trials: Mapping[str, Trial]) -> str:
    """``trials``: by engine; empty where none could be tried."""
    rules = (
        ("mesh" not in trials, "mend what failed above first"),
        (settings.engine == "mesh", "SAM_ENGINE=auto draws with SAM; the settings ask for the mesh engine"),
        ("sam" not in trials, _fetch(settings)),
        (_worse(trials), "SAM_ENGINE=mesh: it draws closer than SAM here"),
        (settings.checkpoint is None and settings.model != advice.model, _model(settings, advice)),
        (bool(absent := _absent(settings)), f"sam-mask models pull {absent}: small faces and the hair line, 1 MB"),
    )
    return next((text for holds, text in rules if holds), "nothing to change")


def _fetch(settings: Settings) -> str:
    row = weights.model(SMALL_SAM)
    if settings.offline:
        return f"put {row.file} into the models folder: finer masks than the mesh engine's"
    return f"sam-mask models pull {row.name}: finer masks than the mesh engine's, {row.bytes / 1e6:.0f} MB"


def _worse(trials: Mapping[str, Trial]) -> bool:
    mesh, sam = trials.get("mesh"), trials.get("sam")
    if mesh is None or sam is None or mesh.iou is None or sam.iou is None:
        return False
    return sam.iou < mesh.iou - WORSE


def _model(settings: Settings, advice: Advice) -> str:
    seconds, better = advice.seconds[settings.model], advice.seconds[advice.model]
    return f"{advice.choice}: {better:.1f} s for a new picture, where {settings.model} would take {seconds:.1f} s"


def _absent(settings: Settings) -> str:
    return " ".join(n for n in SMALL_NETS if weights.find(weights.model(n), settings.models_dir) is None)

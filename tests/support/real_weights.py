"""The real weights that `make setup` brings in: their path, or the test is skipped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from sam_mask_service.doors import model_files
from sam_mask_service.settings import default_models_dir


def mobile_sam() -> Path:
    """The published `mobile_sam.pt`, every byte verified once a session; skips where set-up could not fetch it."""
    found = _sound("mobile_sam")
    if found is None:
        pytest.skip("the weights of MobileSAM are not here: sam-mask models pull mobile_sam")
    return found


@cache
def _sound(name: str) -> Path | None:
    return model_files.sound(model_files.model(name), default_models_dir())

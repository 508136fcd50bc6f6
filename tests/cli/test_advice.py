"""What the doctor advises, by the machine's measured rates."""

from __future__ import annotations

import pytest

from sam_mask_service.cli.advice import WORK, from_rates


@pytest.mark.parametrize(
    ("f32", "bf16", "precision", "model"),
    [
        (500, 0, "f32", "mobile_sam"),  # AVX-512, no bf16
        (600, 650, "f32", "vit_b"),  # a tie goes to the exact one
        (400, 2000, "bf16", "vit_b"),  # AMX
        (100, 10, "f32", "mobile_sam"),  # bf16 that is only imitated
    ],
)
def test_advice(f32: float, bf16: float, precision: str, model: str) -> None:
    advice = from_rates(f32, bf16)
    assert (advice.precision, advice.model) == (precision, model)
    assert set(advice.seconds) == set(WORK)
    assert advice.seconds["mobile_sam"] < advice.seconds["vit_b"] < advice.seconds["vit_l"] < advice.seconds["vit_h"]
    assert f"SAM_MODEL={model}" in str(advice)

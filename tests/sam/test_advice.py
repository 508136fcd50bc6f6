"""What is recommended for machines like those that were measured."""

from __future__ import annotations

import pytest

from sam_mask_service.runtime.machine import Rates
from sam_mask_service.sam.advice import COSTS, advise


@pytest.mark.parametrize(
    ("rates", "threads", "model", "precision", "measured"),
    [
        (Rates(205, 430), 2, "vit_b", "bf16", {"vit_b": 2.75, "mobile_sam": 0.34}),  # Zen 4
        (Rates(260, 2200), 2, "vit_b", "bf16", {"vit_b": 1.08}),  # AMX
        (Rates(205, 0), 2, "mobile_sam", "f32", {"vit_b": 5.7, "mobile_sam": 0.59}),
        (Rates(100, 40), 2, "mobile_sam", "f32", {}),
        (Rates(800, 400), 16, "vit_b", "f32", {}),
    ],
)
def test_advice_fits_what_was_measured(
    rates: Rates, threads: int, model: str, precision: str, measured: dict[str, float]
) -> None:
    advice = advise(rates, threads)
    assert (advice.model, advice.precision) == (model, precision)
    for name, seconds in measured.items():
        assert advice.seconds[name] == pytest.approx(seconds, rel=0.2)
    assert f"SAM_MODEL={model}" in advice.choice and precision in advice.text


@pytest.mark.parametrize(
    ("rates", "seconds", "words"),
    [
        (Rates(212, 438, 780), 2.05, "SAM_MODEL=vit_b; SAM_PRECISION=int8 (2.1 s"),  # Zen 4
        (
            Rates(212, 0, 780),
            3.02,
            "SAM_MODEL=mobile_sam, or vit_b with SAM_PRECISION=int8 (2.6 s",
        ),  # VNNI without bf16
        (Rates(212, 438, 450), None, "SAM_MODEL=vit_b."),
        (Rates(212, 0, 0), None, "SAM_MODEL=mobile_sam."),
    ],
)
def test_int8_is_named_with_its_time_where_it_is_clearly_faster(
    rates: Rates, seconds: float | None, words: str
) -> None:
    advice = advise(rates, 2)
    assert advice.int8_seconds == (None if seconds is None else pytest.approx(seconds, rel=0.2))
    assert words in f"{advice.choice}."


def test_larger_models_take_longer() -> None:
    seconds = advise(Rates(200, 400), 4).seconds
    assert seconds["mobile_sam"] < seconds["vit_b"] < seconds["vit_l"] < seconds["vit_h"]
    assert set(seconds) == set(COSTS)


def test_a_machine_that_could_not_be_measured() -> None:
    assert advise(Rates(0, 0), 0).model == "mobile_sam"

"""SAM as an engine: numbers of views, prompts, evidence, parts and corrections in ``segment/``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import (
    Cells,
    Count,
    FaceHeights,
    FaceSides,
    FaceWidths,
    Factor,
    Logits,
    MaskSizes,
    Pixels,
    Share,
)


@dataclass(frozen=True, slots=True)
class ViewTuning:
    """What SAM looks at.

    Measured by ``python -m bench.quality.tune --part view``, which encodes every view anew.
    """

    context: FaceSides = 2.6
    """Side of a face's crop: the head, its hair and some neck and shoulders, as SAM was trained on whole scenes."""
    near: Factor = 1.6
    """Faces share a crop when it is at most so many times as large as the larger one's own."""
    worth: Share = 0.8
    """A crop over this share of the picture's longer side shows nothing that the picture does not."""
    coarse: Pixels = 112
    """A face whose side is below so many pixels of the model's input is worth a crop: 28 cells of the mask grid."""
    most: Count = 2
    """No more crops than this are made unasked, since each costs a run of the encoder."""


@dataclass(frozen=True, slots=True)
class PromptTuning:
    """What SAM is asked.

    Measured by ``python -m bench.quality.tune --part prompt``. Points beside a face are told along its axes from the
    middle between forehead and chin.
    """

    hair_above: FaceHeights = 0.78
    """A point that is no face lies so far up, in the hair."""
    neck_below: FaceHeights = 0.80
    """A point that is no face lies so far down, on the neck."""
    ears_beside: FaceWidths = 0.85
    """Points that are no face lie so far to either side."""
    ears_below: FaceHeights = 0.1
    """They lie so far down."""
    chest_below: FaceHeights = 0.95
    """A point that is no head lies so far down."""
    edge_on: Factor = 0.3
    """A face narrower than this part of its height is seen edge-on and has no axes."""
    inside: MaskSizes = 0.02
    """A point inside lies at least so deep in the proposal."""
    outside: MaskSizes = 0.08
    """A point outside lies at least so far from the proposal."""
    spots: Count = 3
    """Points on a region that the mesh has no points for, at most."""
    gaps: Count = 3
    """Points beside such a region, at most."""
    thin: Share = 0.35
    """Such a point lies at least so deep, in depths of the deepest."""
    gap: MaskSizes = 0.10
    """A point beside it lies at least so far away."""
    box_margin: Share = 0.04
    """A box is wider by this part of its sides on each side."""
    sure: Logits = 8.0
    """Logit of a cell that a mask prompt is sure about: of the size of SAM's own."""


@dataclass(frozen=True, slots=True)
class EvidenceTuning:
    """Which of SAM's answers is believed.

    Measured by ``python -m bench.quality.tune --part evidence``.
    """

    face: tuple[Count, Count] = (1, 2)
    """The candidates, counted from 0, whose mean is taken for a face."""
    head: tuple[Count, Count] = (2, 3)
    """The candidates whose mean is taken for a head."""
    floor: Share = 0.5
    """Least agreement with the proposal at which SAM is believed to mean this face."""
    near: MaskSizes = 0.5
    """What SAM sees farther from the proposal than this is of something else."""


@dataclass(frozen=True, slots=True)
class PartTuning:
    """Parts of a face that SAM outlines.

    Measured by ``python -m bench.quality.tune --part part``. The band around the mesh's proposal is wide: where the
    proposal ends wrongly, a true candidate still comes through nearly whole.
    """

    speck: Share = 0.1
    """A piece below this share of the largest one's area is not asked about on its own."""
    least: Cells = 5.0
    """A region of a smaller size stays as proposed, since its band would be thinner than one cell."""
    half: Share = 0.3
    """Below this agreement SAM has not seen the region at all, and a mask prompt would not help."""
    shown: Share = 0.98
    """Of a proposal that a view shows less of, SAM is not asked there."""
    second_looks: Count = 2
    """Outlines of a view that are asked about twice, at most: each costs another run of the decoder."""
    floor: Share = 0.5
    """Least agreement of a candidate that may replace the proposal."""
    inner: MaskSizes = 0.20
    """The band's width inwards."""
    outer: MaskSizes = 0.20
    """The band's width outwards."""
    thick: Factor = 2.2
    """A thin thing's size in greatest distances from its outline, since hair and lips are narrower than their area
    tells."""
    trust: Share = 0.25
    """Weight of the predicted IoU beside the agreement: little, since it tells how clear an outline is, not whose."""


@dataclass(frozen=True, slots=True)
class CorrectionTuning:
    """What a user's points change.

    Measured by ``python -m bench.quality.tune --part correction``, which clicks.
    """

    reach: Factor = 3.0
    """How far from a point a correction goes, in distances of the point from the mask's outline."""
    off: MaskSizes = 0.3
    """Points that say where the mask is already keep this distance from those that take away."""
    shown: Share = 0.9
    """A view shows prompts when it holds this share of the box around them."""
    steady: Share = 0.5
    """A candidate whose area shrinks below this between the logits −1 and 1 is dust, however well it fills a box; so is
    a piece to be taken away of which less than this lies below the logit −1."""
    small: Share = 0.1
    """Up to this share of the mask a piece is taken away as SAM sees it, however unsure."""
    most: Share = 0.33
    """A piece that is more of the mask than this is not taken away at a click: it is what the click was on, a face."""


VIEW, PROMPT, EVIDENCE, PART, CORRECTION = (
    ViewTuning(),
    PromptTuning(),
    EvidenceTuning(),
    PartTuning(),
    CorrectionTuning(),
)

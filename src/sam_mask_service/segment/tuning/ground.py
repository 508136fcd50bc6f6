"""What every outline is drawn with: numbers of prior, windows, colours, cut and score in ``segment/``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import Count, FaceHeights, FaceSides, Factor, Levels, LogOdds, PixelCount, Probability


@dataclass(frozen=True, slots=True)
class PriorTuning:
    """Where a face is expected.

    Measured by ``python -m bench.quality.tune --part prior``. A detector's box spans brows to chin: what it tells of a
    face without a mesh was read off portraits without hair over the face.
    """

    lift: FaceHeights = 0.07
    """The forehead goes on so far above the mesh's last points."""
    box_top: FaceSides = 0.70
    """Without a mesh the face ends so far above the middle of its box."""
    box_bottom: FaceSides = 0.50
    """Without a mesh the chin lies so far below the middle of the box."""
    box_half_width: Factor = 0.50
    """Without a mesh half the face's width is this part of the box's shorter side."""
    box_least: FaceSides = 0.6
    """That shorter side counts as this at least."""
    eyes_apart: FaceSides = 0.05
    """Eyes nearer to each other than this say nothing about how the face is turned."""


@dataclass(frozen=True, slots=True)
class WindowTuning:
    """The windows that outlines are drawn in, and those that networks see.

    Measured by ``python -m bench.quality.tune --part window``. A zoom is the window's side over the longer side of the
    face's outline. Time grows with the square of the sizes.
    """

    face_size: PixelCount = 144
    """Side of the window that a face is drawn in."""
    face_zoom: Factor = 1.6
    """What of the picture that window shows."""
    head_size: PixelCount = 256
    """Side of the window that a head is drawn in."""
    head_zoom: Factor = 2.5
    """What of the picture that window and the hair network see."""
    head_lift: FaceHeights = 0.0
    """How far over the middle of the face that window's middle lies."""
    wide_size: PixelCount = 408
    """Side of the window that a head is drawn in when hair leaves the other."""
    wide_zoom: Factor = 4.0
    """What of the picture that window shows: hair to the breast."""
    wide_lift: FaceHeights = -0.6
    """How far over the middle of the face its middle lies: hair hangs down."""
    parsing_zoom: Factor = 2.0
    """What of the picture the face-parsing network sees."""


@dataclass(frozen=True, slots=True)
class ColourTuning:
    """The histograms of colours.

    Measured by ``python -m bench.quality.tune --part colour``. Channels are L, a and b as OpenCV has them in eight
    bits; skin and hair lie well within 80 to 176 of a and b.
    """

    bins: tuple[Count, Count, Count] = (32, 48, 48)
    """Bins of each channel."""
    first: tuple[Levels, Levels, Levels] = (0.0, 80.0, 80.0)
    """Where the first bin of each channel begins."""
    width: tuple[Levels, Levels, Levels] = (8.0, 2.0, 2.0)
    """Width of a bin of each channel."""
    blur: Factor = 1.0
    """Standard deviation in bins by which the histogram is smoothed."""


@dataclass(frozen=True, slots=True)
class CutTuning:
    """What the exact cut weighs.

    Measured by ``python -m bench.quality.tune --part cut``.
    """

    range: LogOdds = 6.0
    """Log odds beyond are as good as certain."""
    swing: Levels = 60.0
    """The log odds' channel moves so far from 128; its steps count as edges too, beside the colours'."""
    weight: Factor = 0.75
    """Weight of the pixels' evidence against OpenCV's terms for edges, which are 50 each at most."""


@dataclass(frozen=True, slots=True)
class ScoreTuning:
    """The expected IoU of a mask, from what its outline is like.

    Measured by ``python -m bench.quality.score_trust``, fitted on labelled pictures with one face (docs/quality.md).
    Too few without a mesh are labelled to fit anything: that is a choice.
    """

    constant: Probability = 0.38
    """A face's score before anything is known."""
    agreement: Factor = 0.44
    """Weight of the IoU of the outline with the prior."""
    clear: Factor = 0.20
    """Weight of how clear the outline is."""
    no_mesh: Probability = 0.20
    """Taken away from a face without a mesh."""
    head: Probability = 0.70
    """A head's score before anything is known."""
    head_share: Factor = 0.25
    """Weight of the face's score in the head's, since what is seen of a face says little of its head."""


PRIOR, WINDOW, COLOUR, CUT, SCORE = PriorTuning(), WindowTuning(), ColourTuning(), CutTuning(), ScoreTuning()

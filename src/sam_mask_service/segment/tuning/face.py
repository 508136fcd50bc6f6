"""The face's outline: numbers of ``segment/outline.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import Count, FaceHeights, FaceWidths, Factor, LogOdds, Pixels, Probability, Share, Variance


@dataclass(frozen=True, slots=True)
class FaceTuning:
    """Where a face's outline may run and what each witness weighs.

    Measured by ``python -m bench.quality.tune --part face``. A pair of heights is where a ramp begins and ends.
    """

    off_jaw: FaceWidths = 0.025
    """So far the mesh's outline can be off at the jaw."""
    off_cheek: FaceWidths = 0.05
    """So far it can be off at the cheeks."""
    off_forehead: FaceWidths = 0.12
    """So far it can be off at the forehead."""
    off_yaw: FaceWidths = 0.06
    """So much more it can be off on a profile."""
    far_chin: FaceWidths = 0.03
    """Farther outside than this there is no face below the chin."""
    far_jaw: FaceWidths = 0.05
    """Farther outside than this there is no face at the jaw."""
    far: FaceWidths = 0.20
    """Farther outside than this there is no face above the jaw."""
    far_yaw: FaceWidths = 0.30
    """So much farther a profile may reach."""
    jaw: tuple[FaceHeights, FaceHeights] = (0.10, 0.35)
    """The jaw's zone passes into the cheeks' between these heights."""
    forehead: tuple[FaceHeights, FaceHeights] = (0.55, 0.85)
    """The cheeks' zone passes into the forehead's between these heights."""
    sure_depth: FaceWidths = 0.14
    """Deeper inside than this, and low enough, it is face whatever the colour."""
    sure_below: FaceHeights = 0.30
    """Low enough for that is below this height."""
    skin_depth: FaceWidths = 0.14
    """Deeper inside than this, and low enough, colours teach skin."""
    skin_below: FaceHeights = 0.40
    """Low enough for that is below this height where no network sees hair."""
    skin_below_hair: FaceHeights = 0.30
    """Low enough for that is below this height where one does."""
    around: FaceWidths = 0.08
    """What surrounds the face begins so far outside."""
    around_above: FaceHeights = 0.15
    """Only above this height it teaches, since a neck would teach skin as background."""
    colour: Factor = 1.3
    """Weight of the colours' log odds."""
    colour_most: LogOdds = 3.0
    """Bound of the colours' log odds before they are weighed."""
    unseen: Share = 2e-5
    """Density that a colour has which was never seen."""
    against_jaw: LogOdds = 1.5
    """Inside the mesh colours speak against the lower face at most so much, since beards stay."""
    against_top: LogOdds = 2.0
    """Inside the mesh colours speak against the upper face at most so much, since glasses stay."""
    against: tuple[FaceHeights, FaceHeights] = (0.45, 0.55)
    """The lower face passes into the upper one between these heights."""
    inside: FaceWidths = 0.02
    """Deeper inside the mesh's own outline than this counts as inside the mesh."""
    hair: LogOdds = 6.0
    """What the hair network's yes takes away."""
    hair_above: tuple[FaceHeights, FaceHeights] = (0.3, 0.4)
    """Between these heights its word begins to count, so that beards stay."""
    hair_seen: tuple[Probability, Probability] = (0.3, 0.6)
    """Its answer is a no up to the first and a yes from the second on."""
    bare: Probability = 0.15
    """Below this answer there is no hair, which speaks for the face."""
    hair_teaches: Probability = 0.8
    """Above this answer its pixels teach what is not face."""
    confused: Share = 0.35
    """A hair network that sees so much hair on cheeks and nose is not believed at all."""
    cheeks: tuple[FaceHeights, FaceHeights] = (0.3, 0.6)
    """Cheeks and nose lie between these heights."""
    parsed: LogOdds = 2.0
    """What lies between the face-parsing network's no and yes."""
    features: FaceWidths = 0.03
    """Eyes, brows and mouth are grown by this and teach no skin colour."""
    features_least: LogOdds = 1.0
    """Least log odds of eyes, brows and mouth."""
    glasses: FaceWidths = 0.05
    """The strip across both eyes is grown by this, since dark glasses are face and the forehead hangs on them."""
    rounds: Count = 2
    """So often colours are learned, each time from what the round before holds for face."""
    fresh: Share = 0.5
    """What a later round has learned counts so much beside the first."""
    certain: LogOdds = 8.0
    """Log odds that are as good as certain."""
    sure: LogOdds = 4.0
    """Least log odds of what is face whatever the colour."""
    first_weight: Factor = 3.0
    """Weight of the evidence in the first of two cuts, which tells the parts that are face."""
    near: FaceWidths = 0.12
    """The second cut is made no farther from the first one's outline than this."""
    thinnest: FaceWidths = 0.03
    """What is narrower than twice this goes."""
    smooth: FaceWidths = 0.06
    """Radius of the guided filter that draws the soft edge."""
    edge_noise: Variance = 1e-3
    """What that filter takes for noise of the picture."""
    clear_band: FaceWidths = 0.08
    """Pixels no farther from the outline than this tell how clear it is."""
    clear_least: Pixels = 1.5
    """That band is no narrower than this."""
    clear: LogOdds = 4.0
    """Log odds at which a pixel is as clear as can be."""


FACE = FaceTuning()

"""The head's outline: numbers of ``segment/head.py``."""

from __future__ import annotations

from dataclasses import dataclass

from ...units import FaceHeights, FaceWidths, Factor, LogOdds, PixelCount, Pixels, Probability, Share, Variance


@dataclass(frozen=True, slots=True)
class HeadTuning:
    """Where a head may be and what each witness weighs.

    Measured by ``python -m bench.quality.tune --part head``. A pair of heights is where a ramp begins and ends. The
    dome is what a head fills at most: its distance is 0 in the middle and 1 at its border.
    """

    half_width: FaceWidths = 1.7
    """Half the dome's width."""
    widest: FaceHeights = 0.55
    """The dome is widest at this height, and as wide below."""
    top: FaceHeights = 2.0
    """The dome ends at this height."""
    back: FaceHeights = 0.45
    """A profile's dome moves so far to the back of the head."""
    least_aspect: Factor = 0.75
    """The dome of a narrow face is as wide as that of one of so many face heights."""
    beyond: Factor = 1.1
    """There is no head beyond this distance in the dome."""
    lowest: FaceHeights = -1.5
    """Hair hangs down to here at most."""
    low: tuple[FaceHeights, FaceHeights] = (0.0, 0.3)
    """Below hair must show itself, above the person network decides, between both."""
    beside: tuple[FaceWidths, FaceWidths] = (0.2, 0.35)
    """Hair must show itself beside the ears too, from between these distances from the face on."""
    beside_up: tuple[FaceHeights, FaceHeights] = (0.6, 0.9)
    """With others near by it must up to between these heights."""
    collar_up: tuple[FaceHeights, FaceHeights] = (0.4, 0.7)
    """Alone it must up to between these heights: collars and hoods reach there."""
    collar_turn: Share = 0.5
    """That is asked the less the more a face is turned, and not from this turn on: a profile's ear is far from it."""
    hair_bias: LogOdds = 0.2
    """Added to hair's log odds below."""
    hanging: LogOdds = 1.0
    """Taken from them per face height below the chin."""
    hair_above: Factor = 0.3
    """Weight of hair's colour beside the person network."""
    unseen: Share = 2e-5
    """Density that a colour has which was never seen."""
    colour_most: LogOdds = 3.0
    """Bound of the colours' log odds."""
    dome_edge: LogOdds = 12.0
    """Taken away per distance beyond the dome."""
    rival: LogOdds = 12.0
    """Taken away per distance in the dome by which another head is nearer."""
    theirs: Factor = 0.15
    """Nearer to another head by this distance it is certainly that head's."""
    hangs: FaceHeights = 0.5
    """Hair so far under a neighbour's chin is as far from his head as the dome's border."""
    hair_sure: Probability = 0.5
    """Above this answer of the hair network hair is sure to be some."""
    person_most: LogOdds = 4.0
    """Bound of the person network's log odds."""
    net_hair: LogOdds = 8.0
    """What the hair network's answer counts above ``net_even``; it misses more than it invents."""
    net_bare: LogOdds = 4.0
    """What it counts below."""
    net_bare_low: LogOdds = 10.0
    """What it counts below, beside the jaw and under it: there clothes of the hair's colour begin."""
    bare_low: tuple[FaceHeights, FaceHeights] = (0.0, 0.3)
    """The one goes over into the other between these heights."""
    net_even: Probability = 0.4
    """At this answer it says nothing."""
    net_sees: tuple[Pixels, Pixels] = (30.0, 45.0)
    """Width of the face in the picture at which the hair network is not believed at all, and fully."""
    net_head: LogOdds = 4.0
    """What lies between the face-parsing network's no and yes at its outline."""
    net_inner: LogOdds = 4.0
    """What its answer counts besides, farther from its outline than ``net_sharp``."""
    net_sharp: FaceWidths = 0.1
    """So coarse its outline is."""
    coarse: PixelCount = 2
    """The first cut sees squares of so many pixels a side as one."""
    coarse_weight: Factor = 3.0
    """Weight of the evidence in the first cut."""
    band: FaceWidths = 0.1
    """Colours that were learned anew count so far from the first outline."""
    again: Factor = 1.0
    """Weight of those colours."""
    certain: LogOdds = 8.0
    """Log odds that are as good as certain, for what teaches colours."""
    margin: PixelCount = 2
    """Pixels around what is free that are cut with it."""
    reach: Factor = 1.25
    """Farther from the first outline than so many bands the first cut stands."""
    smooth: FaceWidths = 0.04
    """Radius of the guided filter that draws the soft edge."""
    edge_noise: Variance = 1e-3
    """What that filter takes for noise of the picture."""
    hair_person: Probability = 0.6
    """Pixels that teach hair have at least this answer of the person network."""
    hair_from: FaceHeights = 0.6
    """Pixels that teach hair lie above this height."""
    hair_off: FaceWidths = 0.04
    """Pixels that teach hair lie so far outside the face."""
    hair_dome: Factor = 0.9
    """Pixels that teach hair lie nearer than this in the dome."""
    other_person: Probability = 0.3
    """Pixels below this answer of the person network teach what is not hair."""
    neck_below: FaceHeights = -0.1
    """So do those below this height, in the middle of the dome."""
    neck_dome: Factor = 0.3
    """The middle of the dome for that ends at this distance."""
    chest_below: FaceHeights = -0.6
    """So do all below this height."""
    skin_depth: FaceWidths = 0.12
    """So do those so deep in the face."""
    skin_below: FaceHeights = 0.45
    """The face teaches that below this height only."""
    jaw: FaceWidths = 0.3
    """Half the jaw's width where no mesh tells it."""


HEAD = HeadTuning()

"""Base images from every kind of source, and the versioned transforms that realise an ODD point on them.

``open_source(declaration)`` gives a ``Source`` (labelled images in a fixed order) or a ``Renderer`` (a function that makes the image of a point);
``Realiser(source, realisations, seed).realise(points)`` gives the model's inputs. What cannot be used is refused here as ``DataError``,
naming the file and the array. ``transforms`` holds the physics; ``addresses`` the randomness, a function of (seed, point, purpose) only.
"""

from odd_assess.inputs.ahead import ahead
from odd_assess.inputs.opening import open_source
from odd_assess.inputs.realiser import Batch, Realiser
from odd_assess.inputs.source import Renderer, Source
from odd_assess.inputs.transforms import apply

__all__ = ["Batch", "Realiser", "Renderer", "Source", "ahead", "apply", "open_source"]

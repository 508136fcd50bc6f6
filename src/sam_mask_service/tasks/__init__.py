"""What the service can do: one row per endpoint, in the order of the documentation. A new one is a file here and a line
below.
"""

from .anonymize import ANONYMIZE
from .answer import Answer
from .composite import COMPOSITE
from .cutout import CUTOUT
from .detect import DETECT
from .image_masks import IMAGE_MASKS
from .many import MASKS
from .mask import MASK
from .mask_file import MASK_FILE
from .steps import Asked, Limits, Tools
from .task import Task
from .upload import UPLOAD

TASKS: tuple[Task, ...] = (MASK, MASK_FILE, DETECT, ANONYMIZE, CUTOUT, COMPOSITE, MASKS, UPLOAD, IMAGE_MASKS)

__all__ = [
    "ANONYMIZE",
    "COMPOSITE",
    "CUTOUT",
    "DETECT",
    "IMAGE_MASKS",
    "MASK",
    "MASKS",
    "MASK_FILE",
    "TASKS",
    "UPLOAD",
    "Answer",
    "Asked",
    "Limits",
    "Task",
    "Tools",
]

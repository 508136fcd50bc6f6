"""``python -m sam_mask_service.cli`` is the same as ``sam-mask``."""

from .main import main

main()

"""ComfyUI node pack: face masks by a SAM Mask service. Copy this folder into ``ComfyUI/custom_nodes/sam_mask``.

It needs nothing that ComfyUI does not bring along. The service's address is a node input; its key, where there is one,
is read from the environment variable ``SAM_API_KEY`` so that it never ends up in a saved workflow.
"""

from .nodes import SamMaskAnonymize, SamMaskFaces

NODE_CLASS_MAPPINGS = {"SamMaskFaces": SamMaskFaces, "SamMaskAnonymize": SamMaskAnonymize}
NODE_DISPLAY_NAME_MAPPINGS = {"SamMaskFaces": "Face masks (SAM Mask)", "SamMaskAnonymize": "Hide faces (SAM Mask)"}

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]

"""SAM's logits as the mesh engine takes them: by outline and window."""

from __future__ import annotations

from collections.abc import Callable

from .crop import Soft, Window

Logits = Callable[[str, Window], Soft | None]
"""Of one face: the outline's name (``face`` or ``head``) and a window → (S, S) float32 logits there, 0 where SAM saw nothing; None
where SAM is not believed or was not asked."""


def no_logits(outline: str, window: Window) -> None:  # noqa: ARG001 - Logits, without a SAM
    return None

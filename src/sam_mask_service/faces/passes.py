"""What looking is made of: the sizes that networks are compiled for, the turns, and the most that is looked at.
Pure.
"""

from __future__ import annotations

SMALL, WIDE = 192, 384
"""Tile sides that BlazeFace is compiled for: its own, and the widened one."""
TURNS = (90, -90, 180, 45, -45, 135, -135)
"""Degrees by which the picture is turned in the last pass."""
MAX_SECTIONS = 64
"""Of a strip. Each costs nine small looks, one wide one and one of YuNet: 7 s of one core in all; beyond, they grow
longer.
"""

"""Numbers out of a row of bits, the highest first. Pure."""

from __future__ import annotations

from ...errors import ImageUnreadable

_LONGEST = 32
"""Leading zeros of a variable-length number; more is damage."""


class Bits:
    """Reads on from where it stands. Raises ImageUnreadable behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ImageUnreadable
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """Exp-Golomb (H.265, section 9.2), which AV1's uvlc is too."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST:
                raise ImageUnreadable
        return (1 << zeros) - 1 + self.take(zeros)

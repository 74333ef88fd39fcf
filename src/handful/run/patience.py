"""How often, and how long, to wait for a server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of trying again."""

    retries: int = 8
    """Tries in a row that may bring nothing new."""
    stall_seconds: float = 60.0
    """Without a byte, after which a connection counts as lost."""
    first_wait_seconds: float = 1.0
    """Doubled from try to try; the wait is drawn between half of it and all of it."""
    longest_wait_seconds: float = 60.0
    longest_asked_seconds: float = 900.0
    """A server that asks for more (Retry-After) is left alone."""

    def wait(self, failed: int, asked: float | None = None) -> float | None:
        """Seconds until the next try, after so many in a row have failed; None where it would be too long.

        Args:
            asked: seconds that the server asks for.
        """
        from random import uniform  # the command line shows these limits, and draws nothing

        if asked is not None:
            return asked if asked <= self.longest_asked_seconds else None
        longest = min(self.first_wait_seconds * 2.0 ** min(failed - 1, 30), self.longest_wait_seconds)
        return uniform(longest / 2, longest)  # so that many clients do not come back at once

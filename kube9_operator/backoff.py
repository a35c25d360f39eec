"""Back-off: how long to wait before the next attempt. Every loop that retries uses this one.

Pure: it neither sleeps nor reads a clock. The idea is that of `Backoff` in k8s.io/apimachinery/pkg/util/wait.
"""

import random
from collections.abc import Callable


class Backoff:
    """Waits that grow from `first` to `most` seconds by `factor`.

    Call `next` after each failure and wait as long as it says. Call `reset` when an attempt has succeeded, or has worked long
    enough to count as a success.
    """

    def __init__(
        self,
        first: float,
        most: float,
        *,
        jitter: tuple[float, float] = (0.5, 1.0),
        factor: float = 2.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Each wait is multiplied by a random number between the two of `jitter`, so that clients that failed together do not
        retry together; (1.0, 1.0) turns that off. `uniform` gives the random number.
        """
        self._first = first
        self._most = most
        self._jitter = jitter
        self._factor = factor
        self._uniform = uniform
        self._wait = first

    def next(self) -> float:
        """Returns the seconds to wait before the next attempt, and lengthens the wait after that."""
        wait = self._wait
        self._wait = min(wait * self._factor, self._most)
        return wait * self._uniform(*self._jitter)

    def reset(self) -> None:
        """Makes the next wait the first again."""
        self._wait = self._first

"""How this service talks to a Redis, whatever it keeps there. The library comes with extras, and is imported when it is
used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..errors import ServiceError, StorageFull

if TYPE_CHECKING:
    from redis import Redis

CONNECT_S, ANSWER_S = 1.0, 5.0
"""Seconds that a connection and an answer (of a picture's size) may take."""


def client_of(url: str) -> Redis:
    """``url``: redis://, rediss:// or unix://, as the library takes it, password among it. Dials nothing yet."""
    from redis import Redis
    from redis.backoff import ExponentialBackoff
    from redis.exceptions import ConnectionError as Lost
    from redis.retry import Retry

    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=ANSWER_S,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2, supported_errors=(Lost,)),
    )


@contextlib.contextmanager
def told(unreachable: Callable[[Exception], ServiceError]) -> Iterator[None]:
    """What the library raises, in our words: its own hold addresses."""
    from redis.exceptions import OutOfMemoryError, RedisError

    try:
        yield
    except OutOfMemoryError:
        raise StorageFull from None
    except RedisError as error:
        raise unreachable(error) from None

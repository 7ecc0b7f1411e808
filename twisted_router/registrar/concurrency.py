"""Many small tasks, a few at a time, with one owner."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

_T = TypeVar("_T")


async def for_each(
    items: Iterable[_T], act: Callable[[_T], Awaitable[None]], limit: int
) -> None:
    """Do ``act`` with each of ``items``, in their order, ``limit`` at a time.

    The first error cancels what is under way, leaves the rest undone, and goes to the
    caller. So does cancelling this.
    """
    queue = deque(items)

    async def work() -> None:
        try:
            while queue:
                await act(queue.popleft())
        except BaseException:
            queue.clear()
            raise

    workers = [Deferred.fromCoroutine(work()) for _ in range(limit)]
    try:
        await gatherResults(workers, consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()
    finally:
        for worker in workers:
            worker.cancel()

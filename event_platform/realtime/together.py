"""Work that is cheaper together: what is asked for while a round is under way makes up the next round."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Together(Generic[Asked, Given]):
    """Rounds of `work`, one after the other in a thread of their own; it gives one result for each thing asked. Lives in one event loop."""

    def __init__(self, work: Callable[[Sequence[Asked]], Sequence[Given]]) -> None:
        """Start no thread yet."""
        self._work = work
        self._thread = ThreadPoolExecutor(1)
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def ask(self, thing: Asked) -> Given:
        """The result for this thing; what `work` raised, if its round failed."""
        future: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((thing, future))
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._work_off())
        return await future

    async def between_rounds(self, other: Callable[[], None]) -> None:
        """Do something in the same thread, so at no time when a round is under way."""
        await asyncio.get_running_loop().run_in_executor(self._thread, other)

    async def close(self) -> None:
        """Finish what was asked, and end the thread."""
        if self._rounds:
            await self._rounds
        self._thread.shutdown()

    async def _work_off(self) -> None:
        while self._waiting:
            round_, self._waiting = self._waiting, []
            outcome = asyncio.get_running_loop().run_in_executor(self._thread, self._work, [thing for thing, _ in round_])
            await asyncio.wait([outcome])
            _tell(outcome, [future for _, future in round_])
        self._rounds = None


def _tell(outcome: asyncio.Future[Sequence[Given]], waiting: Sequence[asyncio.Future[Given]]) -> None:
    failure = outcome.exception()
    for number, future in enumerate(waiting):
        if future.done():  # whoever asked has gone
            continue
        if failure:
            future.set_exception(failure)
        else:
            future.set_result(outcome.result()[number])

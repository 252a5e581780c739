"""A clock that jumps to the next timer, so that an hour takes no time."""

import asyncio


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time stands still while something runs and jumps to the next timer when nothing does."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0.0

    def time(self) -> float:
        return self.moment

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.moment = max(self.moment, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]

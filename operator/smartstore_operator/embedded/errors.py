"""Why a system on one machine cannot start, or did not come up."""

from pathlib import Path


class PreflightError(RuntimeError):
    """Something stands in the way of a start; nothing has been started yet.

    Attributes:
        what: what is wrong, a clause without a full stop.
        where: the file, directory, port or field it is about.
        what_to_do: the user's next step.
    """

    def __init__(self, what: str, where: str | Path, what_to_do: str) -> None:
        self.what, self.where, self.what_to_do = what, str(where), what_to_do
        super().__init__(f"{what} ({self.where}): {what_to_do}")


class StartFailure(RuntimeError):
    """A component did not come up at the first start of the system; everything is being stopped.

    Attributes:
        component: its name.
        reason: what was seen: exits, an expired time.
        log: its log file.
        tail: the last lines of that log.
    """

    def __init__(self, component: str, reason: str, log: Path, tail: list[str]) -> None:
        self.component, self.reason, self.log, self.tail = component, reason, log, tail
        super().__init__(f"{component} did not start: {reason} (log: {log})")


class NotRunning(RuntimeError):
    """No supervisor answers for this data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"no system is running in {data_dir}: start it with `smartstore up`")

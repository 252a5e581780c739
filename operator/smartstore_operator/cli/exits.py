"""Exit codes of every command, and the errors that stand for them."""

OK = 0
FAILED = 1
"""Something went wrong while running."""
USAGE = 2
"""The command line or the SmartStore file is wrong."""
NOT_RUNNING = 3
LEASE_LOST = 4
"""An operator that could not renew its Lease ends before another may act, and is started anew."""


class UsageError(Exception):
    """The command line asks for something that cannot be; one line that says what to do."""


class CommandFailed(Exception):
    """The command could not do what it should; one line that says why."""

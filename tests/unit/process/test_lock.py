"""Two processes never share a directory."""

from pathlib import Path

import pytest

from smartstore.process.lock import DirectoryLocked, lock_directory


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """One line that names the process that has it; free again once that one ends."""
    lock = lock_directory(tmp_path, "world")
    with pytest.raises(DirectoryLocked, match=r"another world \(process id \d+\) uses .*; stop it first"):
        lock_directory(tmp_path, "world")
    lock.close()
    lock_directory(tmp_path, "world").close()

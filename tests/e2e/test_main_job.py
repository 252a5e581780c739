"""The main job as its user runs it: one command, a real alert, a clean verdict, nothing left behind."""

import subprocess
from pathlib import Path

import psutil
import pytest

from tests.estate import SMARTSTORE, spec, written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_replay_shows_its_first_alert_verifies_clean_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = written(spec("replay", speed=600), tmp_path)
    command = [SMARTSTORE, "up", str(file), "--for", "60", "--verify", "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "first alert after" in done.stdout
    assert "CLEAN" in done.stdout
    left = [process.info for process in psutil.process_iter(["pid", "cmdline"]) if _names(process, tmp_path)]
    assert left == []


def _names(process: psutil.Process, directory: Path) -> bool:
    return str(directory) in " ".join(process.info["cmdline"] or [])

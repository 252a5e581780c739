"""Programs that tests start."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]


def uv() -> str:
    """The uv of `make setup`: that of the PATH, or the one in `.tools`."""
    own = [ROOT / ".tools" / kind / "bin" / "uv" for kind in ("uv-venv", "uv-target")]
    found = next((str(path) for path in own if path.exists()), shutil.which("uv"))
    assert found, "there is no uv: run `make setup`"
    return found

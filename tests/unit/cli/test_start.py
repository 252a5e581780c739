"""A command that asks a running system something answers at once: what starts a system is loaded by `up` only."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

HEAVY = ("pydantic", "redis", "rich", "psycopg2", "numpy", "yaml", "smartstore_operator.render")


def test_no_command_loads_what_only_some_need() -> None:
    told = f"import sys, smartstore_operator.cli.main; print([one for one in {HEAVY} if one in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]"

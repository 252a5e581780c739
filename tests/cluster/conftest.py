"""The cluster of the current kubectl context, and a namespace in it that goes with the test."""

import subprocess
import uuid
from collections.abc import Iterator

import pytest


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of its own."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    subprocess.run(["kubectl", "create", "namespace", name], check=True, capture_output=True)
    yield name
    subprocess.run(["kubectl", "delete", "namespace", name, "--wait=false"], check=True, capture_output=True)

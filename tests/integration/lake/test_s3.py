"""The lake in a bucket: the same rows as in a directory, through kill -9 and without its checkpoint."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from smartstore.contracts import topics
from smartstore.lake import positions
from smartstore.lake.files import has_unused
from tests.integration.lake.conftest import covered
from tests.integration.lake.lake_process import Lake
from tests.integration.lake.records import Records
from tests.tools import uv

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.xdist_group("lake")]

BUCKET = "shop-lake"
SERVER = Path(__file__).with_name("s3_server.py")


@pytest.fixture(scope="module")
def store() -> Iterator[Mapping[str, str]]:
    """A store with an empty bucket, as the variables say it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    command = [uv(), "run", "--script", "--locked", str(SERVER), str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    with pytest.MonkeyPatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        try:
            _make_bucket(endpoint)
            yield variables
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def _make_bucket(endpoint: str) -> None:
    region = "<LocationConstraint>eu-central-1</LocationConstraint>"
    place = f"<CreateBucketConfiguration>{region}</CreateBucketConfiguration>"
    deadline = time.monotonic() + 120
    while True:
        try:
            assert httpx.put(f"{endpoint}/{BUCKET}", content=place).status_code == 200
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.3)


class BucketLake(Lake):
    """The application, with its tables in the bucket."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path, variables: Mapping[str, str]) -> None:
        super().__init__(bootstrap, prefix, directory)
        self.place = f"s3a://{BUCKET}/{directory.name}/tables"
        self.environment |= {**variables, "SMARTSTORE_LAKE_ROOT": self.place}


def _ask(lake: Lake, module: str, *words: str) -> str:
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(
        command, env=lake.environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_lake_in_a_bucket_is_as_good(
    store: Mapping[str, str], bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("bucket")
    records = Records(bootstrap, f"bucket{directory.name.replace('-', '')}_")
    lake = BucketLake(bootstrap, records.prefix, directory, store)
    records.write_round(1)
    wanted = (topics.SHELF_EVENTS, topics.SHELF_STATE, topics.SHELF_RESTOCK_PLAN)
    try:
        lake.start()
        lake.wait_until(lambda: covered(lake, topics.SHELF_EVENTS) > 0, pause=0.02)
        lake.kill()
        shutil.rmtree(lake.state / "checkpoint")
        records.write_round(2)
        lake.start(SMARTSTORE_LAKE_MAINTENANCE_SECONDS="0", SMARTSTORE_LAKE_RETENTION_HOURS="0")
        lake.wait_until(lambda: all(covered(lake, topic) == records.ends(topic) for topic in wanted))
        total = "curated/product_total_state"
        lake.wait_until(lambda: covered(lake, topics.SHELF_STATE, total) == records.ends(topics.SHELF_STATE))
        lake.wait_until(lambda: _is_swept(lake))
        assert lake.stop() == 0
    finally:
        if lake.process is not None and lake.process.poll() is None:
            lake.kill()
    tables = {row["table"]: row for row in json.loads(_ask(lake, "smartstore.lake.cli", "tables", "--json"))}
    assert tables["raw/shelf_events"]["rows"] == 6000
    assert tables["cleansed/shelf_state"]["rows"] == tables["curated/product_total_state"]["rows"] == 90
    verdict = json.loads(_ask(lake, "smartstore.verify.lake", "--json"))
    assert verdict["verdict"] == "clean"
    assert not lake.root.exists()


def _is_swept(lake: Lake) -> bool:
    """Whether maintenance has taken away the files that a merge left behind."""
    table = positions.open_table(lake.location("cleansed/shelf_state"))
    return table is not None and not has_unused(table, timedelta(0))

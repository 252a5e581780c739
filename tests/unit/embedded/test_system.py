"""From the file to the components: what is checked before anything starts."""

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from smartstore.contracts.settings import load_run_settings
from smartstore_operator.api.problems import SpecError
from smartstore_operator.embedded import system, toolchain
from smartstore_operator.embedded.datadir import DataDir
from smartstore_operator.embedded.errors import PreflightError
from smartstore_operator.embedded.savepoints import HOT_FACT

SPEC = """\
apiVersion: smartstore.io/v1alpha1
kind: SmartStore
metadata: {name: small}
spec:
  kafka: {type: SingleNode, partitions: %(partitions)s%(port)s}
  streaming: {backend: Local}
%(more)s
"""


GUARDED = SPEC.replace(
    "{type: SingleNode,",
    "{type: External, bootstrapServers: 'k:9094', tls: {caSecret: {name: ca}}, authentication: {username: shop},",
)


def prepare(
    tmp_path: Path,
    *,
    spec: str = SPEC,
    partitions: int = 2,
    port: int | None = None,
    more: str = "",
    environment: Mapping[str, str] | None = None,
) -> system.System:
    file = tmp_path / "small.yaml"
    values = {"partitions": partitions, "port": f", port: {port}" if port else "", "more": more}
    file.write_text(spec % values)
    smartstore, data = system.load(file, tmp_path / "data")
    data.create(smartstore.name)
    return system.prepare(smartstore, data, environment=environment or {})


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tools themselves are tested elsewhere; here any path will do."""
    for name in ("java_home", "plugin_dir", "postgres_bin", "valkey_server"):
        monkeypatch.setattr(toolchain, name, lambda: Path("/tools"))
    monkeypatch.setattr(toolchain, "jar_dir", lambda name: Path("/tools") / name)


def test_second_start_gives_the_same_components(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    assert prepare(tmp_path).rendered == first.rendered
    assert {component.name for component in first.rendered.components} >= {
        "kafka",
        "valkey",
        "postgres",
        "hot",
    }


def test_default_data_dir_is_named_after_the_smartstore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert system.load(tmp_path / "small.yaml", None)[1].root == tmp_path / ".smartstore" / "small"


def test_unknown_field_is_one_line_with_file_and_path(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"small\.yaml: spec\.speling") as error:
        prepare(tmp_path, more="  speling: 1")
    assert "\n" not in str(error.value)


def test_fixed_port_is_used_or_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PreflightError, match=rf"port {port} is in use \(spec\.kafka\.port\)"):
            prepare(tmp_path, port=port)
    assert prepare(tmp_path, port=port).rendered.endpoints["kafka"] == f"127.0.0.1:{port}"


def test_other_partitions_than_the_data_have(tmp_path: Path) -> None:
    prepare(tmp_path, partitions=2)
    with pytest.raises(
        PreflightError, match=r"made with 2 partitions.*spec\.kafka\.partitions.*smartstore reset"
    ):
        prepare(tmp_path, partitions=3)


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(system, "LEAST_FREE_BYTES", free * 2)
    with pytest.raises(PreflightError, match=r"the disk has .* GiB left, .* GiB are needed .*--data-dir"):
        prepare(tmp_path)


def test_external_systems_need_their_password(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"spec\.redis.*SMARTSTORE_REDIS_PASSWORD"):
        prepare(tmp_path, more="  redis: {type: External, host: redis.example}")


def test_guarded_brokers_need_a_password_and_their_authority(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"spec\.kafka.*SMARTSTORE_KAFKA_PASSWORD"):
        prepare(tmp_path, spec=GUARDED)
    login, ca = {"SMARTSTORE_KAFKA_PASSWORD": "s3cret"}, tmp_path / "ca.crt"
    both = {**login, "SMARTSTORE_KAFKA_CA_FILE": str(ca)}
    message = (
        r"authority of the external kafka .* \(spec\.kafka\.tls\.caSecret\): set SMARTSTORE_KAFKA_CA_FILE"
    )
    with pytest.raises(PreflightError, match=message):
        prepare(tmp_path, spec=GUARDED, environment=login)
    ca.write_text("no certificate")
    with pytest.raises(PreflightError, match=message):
        prepare(tmp_path, spec=GUARDED, environment=both)
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    made = prepare(tmp_path, spec=GUARDED, environment=both)
    made.write()
    for environment in (made.client_environment(), made.rendered.component("bridge").environment):
        assert environment["SMARTSTORE_KAFKA_PASSWORD"] == "s3cret"
        assert Path(environment["SMARTSTORE_KAFKA_CA_FILE"]).read_text() == ca.read_text()
        assert Path(environment["SMARTSTORE_KAFKA_CA_FILE"]).is_relative_to(tmp_path / "data")
    worker = made.data.config("connect") / "worker.properties"
    assert "s3cret" in worker.read_text()
    assert worker.stat().st_mode & 0o077 == 0


def test_passwords_are_for_the_owner_only(tmp_path: Path) -> None:
    made = prepare(tmp_path)
    made.write()
    data = DataDir(tmp_path / "data")
    password = data.secret("redis-password")
    for path in data.root.rglob("*"):
        if path.is_file() and password in path.read_text():
            assert path.stat().st_mode & 0o077 == 0, path


def stores(made: system.System) -> int:
    """The number that the world's run file says."""
    return load_run_settings(Path(made.data.config("world") / "run.json")).stores


def test_scaling_is_written_for_running_processes_and_for_the_next_start(tmp_path: Path) -> None:
    made = prepare(tmp_path, more="  stores: 2")
    made.write()
    files = {path: path.stat().st_ino for path in made.data.root.rglob("*") if path.is_file()}
    scaled = made.with_stores(4)
    assert stores(scaled) == 4
    assert load_run_settings(Path(scaled.client_environment()["SMARTSTORE_RUN_FILE"])).stores == 4
    assert scaled.facts()["stores"] == 4
    changed = {path.name for path, inode in files.items() if path.stat().st_ino != inode}
    assert changed == {"run.json", "smartstore.json"}
    assert [c.environment for c in scaled.rendered.components] == [
        c.environment for c in made.rendered.components
    ]


def test_a_file_undoes_scaling_only_when_it_asks_for_another_number(tmp_path: Path) -> None:
    prepare(tmp_path, more="  stores: 2").write()
    again = prepare(tmp_path, more="  stores: 2")
    again.write()
    again.with_stores(4)
    assert prepare(tmp_path, more="  stores: 2").smartstore.spec.stores == 4
    assert prepare(tmp_path, more="  stores: 3").smartstore.spec.stores == 3
    assert prepare(tmp_path, more="  stores: 2").smartstore.spec.stores == 2


def test_a_request_to_scale_is_answered_or_refused(tmp_path: Path) -> None:
    made = prepare(tmp_path, more="  stores: 2")
    made.write()
    applied = system.Applied(made)
    assert applied.scale({"stores": 5}) == {"before": 2, "stores": 5}
    assert applied.scale({"stores": 0}) == {"error": "spec.stores: 0 is out of range; at least 1 is allowed"}
    assert (
        "the recorded data of source type Replay have 433 stores" in applied.scale({"stores": 434})["error"]
    )
    assert applied.system.smartstore.spec.stores == stores(applied.system) == 5


def test_shards_are_fixed_until_a_savepoint_is_restored(tmp_path: Path) -> None:
    def with_shards(number: int) -> system.System:
        text = SPEC.replace("backend: Local", f"backend: Local, hot: {{shards: {number}}}")
        (tmp_path / "small.yaml").write_text(text % {"partitions": 4, "port": "", "more": ""})
        smartstore, data = system.load(tmp_path / "small.yaml", tmp_path / "data")
        data.create(smartstore.name)
        return system.prepare(smartstore, data, environment={})

    def hot(made: system.System) -> dict[str, str | None]:
        return {
            c.name: c.environment.get("SMARTSTORE_HOT_SAVEPOINT")
            for c in made.rendered.components
            if c.name.startswith("hot")
        }

    assert hot(with_shards(1)) == {"hot": None}
    with pytest.raises(
        PreflightError, match=r"lies in 1 shards, the file asks for 2.*hot\.shards.*savepoint restore NAME"
    ):
        with_shards(2)
    data = DataDir(tmp_path / "data")
    data.note(HOT_FACT, {"shards": None, "savepoint": "0001"})
    begun = hot(with_shards(2))
    assert begun == dict.fromkeys(("hot-0", "hot-1"), str(data.savepoints / "0001"))
    with pytest.raises(PreflightError, match="lies in 2 shards"):
        with_shards(4)
    with pytest.raises(SpecError, match="3 shards cannot share the 4 partitions"):
        with_shards(3)

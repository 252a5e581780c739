"""Damage to cached jars is found at start, by a message that names the jar, and unharmed jars cost no hashing."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from smartstore_operator.embedded.toolchain import (
    ToolchainError,
    ivy,
    jar_dir,
    jars,
    lockfile,
    plugin_dir,
    seal,
)
from smartstore_operator.embedded.toolchain.lockfile import Artifact, Coordinate

pytestmark = pytest.mark.unit

JAR = Coordinate("org.x", "lib", "1.0")
PLUGIN = Coordinate("org.x", "sink", "1.0", "plugin", "tar.gz")


class Registry:
    """A registry on disk in the place of the network: the files, and what was asked of it."""

    def __init__(self, root: Path) -> None:
        self.files: dict[Coordinate, Path] = {}
        self.asked: list[Coordinate] = []
        self._root = root

    def publish(self, coordinate: Coordinate, fill: Callable[[Path], None]) -> Artifact:
        path = self._root / coordinate.file
        fill(path)
        self.files[coordinate] = path
        return Artifact(coordinate, seal.sha256(path), path.stat().st_size)

    def download(self, coordinates: list[Coordinate], directory: Path, **_: object) -> dict[Coordinate, Path]:
        self.asked += coordinates
        return {coordinate: self.files[coordinate] for coordinate in coordinates}


def make_jar(path: Path) -> None:
    path.write_bytes(b"jar code" * 1000)


def make_plugin(path: Path) -> None:
    inside = path.parent / "sink"
    inside.mkdir()
    (inside / "sink.jar").write_bytes(b"plugin code")
    with tarfile.open(path, "w:gz") as bundle:
        bundle.add(inside, "sink")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A lock with one jar set and one plugin, an empty cache, and the registry that has their files."""
    (tmp_path / "registry").mkdir()
    registry = Registry(tmp_path / "registry")
    jar = registry.publish(JAR, make_jar)
    plugin = registry.publish(PLUGIN, make_plugin)
    lock = tmp_path / "jars.lock"
    lock.write_text(lockfile.dump({"spark": (jar,), "sink": (plugin,)}))
    monkeypatch.setenv("SMARTSTORE_JARS_LOCK", str(lock))
    monkeypatch.setenv("SMARTSTORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ivy, "download", registry.download)
    return registry


def provide() -> list[str]:
    said: list[str] = []
    jars.provide(said.append)
    return said


def test_nothing_is_there_before_setup(registry: Registry) -> None:
    with pytest.raises(ToolchainError, match=r"lib-1.0.jar: missing .*make setup"):
        jar_dir("spark")
    with pytest.raises(ToolchainError, match=r"sink: missing .*make setup"):
        plugin_dir()


def test_setup_brings_everything_once(registry: Registry) -> None:
    assert provide()
    assert (jar_dir("spark") / "lib-1.0.jar").read_bytes() == b"jar code" * 1000
    assert (plugin_dir() / "sink" / "sink.jar").read_bytes() == b"plugin code"
    asked = list(registry.asked)
    assert provide() == []
    assert registry.asked == asked


def test_only_named_sets_are_brought(registry: Registry) -> None:
    jars.provide(lambda line: None, ["spark"])
    assert registry.asked == [JAR]


@pytest.mark.parametrize("harm", ["truncated", "altered", "deleted"])
def test_a_harmed_jar_is_found_named_and_mended(registry: Registry, harm: str) -> None:
    provide()
    jar = jar_dir("spark") / "lib-1.0.jar"
    if harm == "truncated":
        os.truncate(jar, 100)
    elif harm == "altered":
        jar.write_bytes(b"bad! code" + jar.read_bytes()[9:])
    else:
        jar.unlink()
    with pytest.raises(ToolchainError, match=r"lib-1.0.jar: (damaged|missing)") as caught:
        jar_dir("spark")
    assert "make setup" in caught.value.what_to_do
    registry.asked.clear()
    provide()
    assert registry.asked == [JAR]
    assert jar_dir("spark")


def test_a_harmed_plugin_is_unpacked_again_without_network(registry: Registry) -> None:
    provide()
    os.truncate(plugin_dir() / "sink" / "sink.jar", 3)
    with pytest.raises(ToolchainError, match=r"sink.jar: damaged"):
        plugin_dir()
    registry.asked.clear()
    provide()
    assert registry.asked == []
    assert (plugin_dir() / "sink" / "sink.jar").read_bytes() == b"plugin code"


def test_another_file_than_the_locked_one_is_refused(registry: Registry) -> None:
    registry.files[JAR].write_bytes(b"something else")
    with pytest.raises(ToolchainError, match="not the locked one"):
        provide()
    with pytest.raises(ToolchainError, match="missing"):
        jar_dir("spark")


def test_an_unharmed_jar_is_not_hashed(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    provide()
    monkeypatch.setattr(seal, "sha256", lambda path: pytest.fail(f"{path} was hashed"))
    assert jar_dir("spark")


def test_a_touched_jar_is_hashed_once(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    provide()
    os.utime(jar_dir("spark") / "lib-1.0.jar", ns=(0, 0))
    assert jar_dir("spark")
    monkeypatch.setattr(seal, "sha256", lambda path: pytest.fail(f"{path} was hashed"))
    assert jar_dir("spark")


def test_a_torn_seal_is_no_proof(registry: Registry) -> None:
    provide()
    directory = jar_dir("spark")
    (directory / seal.SEAL_NAME).write_text('{"lib-1.0.jar": ["')
    os.truncate(directory / "lib-1.0.jar", 10)
    with pytest.raises(ToolchainError, match="damaged"):
        jar_dir("spark")


def test_an_unknown_set_is_answered_with_the_known_ones(registry: Registry) -> None:
    with pytest.raises(ToolchainError, match=r"no jar set 'flink'.*choose of \['sink', 'spark'\]"):
        jar_dir("flink")

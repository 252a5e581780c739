"""The jar lock: what it may hold, and what is said when it holds something else."""

from pathlib import Path

import pytest

from smartstore_operator.embedded.toolchain import ToolchainError, lockfile
from smartstore_operator.embedded.toolchain.lock import ROOTS
from smartstore_operator.embedded.toolchain.lockfile import Artifact, Coordinate

pytestmark = pytest.mark.unit

SHA = "a" * 64


def test_coordinates_name_the_file_the_registry_has() -> None:
    assert Coordinate.parse("org.x:lib_2.13:1.2").file == "lib_2.13-1.2.jar"
    plugin = Coordinate.parse("io.x:sink:3.6.0.Final:plugin:tar.gz")
    assert plugin.file == "sink-3.6.0.Final-plugin.tar.gz"
    assert str(plugin) == "io.x:sink:3.6.0.Final:plugin:tar.gz"


@pytest.mark.parametrize("text", ["", "a:b", "a:b:", "a:b:c:d", "a:b:c:d:e:f"])
def test_other_texts_are_no_coordinates(text: str) -> None:
    with pytest.raises(ValueError, match="is not org:name:rev"):
        Coordinate.parse(text)


def test_a_written_lock_reads_back(tmp_path: Path) -> None:
    lock = {
        "kafka": (
            Artifact(Coordinate("org.x", "a", "1"), SHA, 10),
            Artifact(Coordinate("org.x", "b", "2"), SHA, 20),
        ),
        "plug": (Artifact(Coordinate("org.x", "p", "3", "plugin", "tar.gz"), SHA, 30),),
    }
    path = tmp_path / "jars.lock"
    path.write_text(lockfile.dump(lock))
    assert lockfile.load(path) == lock


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('{ jar = "o:n:1", file = "n-1.jar", size = 1 }', "needs jar, file, sha256 and size"),
        (f'{{ jar = "o:n", file = "n-1.jar", sha256 = "{SHA}", size = 1 }}', "is not org:name:rev"),
        ('{ jar = "o:n:1", file = "n-1.jar", sha256 = "abc", size = 1 }', "no valid sha256"),
        (f'{{ jar = "o:n:1", file = "../n.jar", sha256 = "{SHA}", size = 1 }}', "must have file = 'n-1.jar'"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_bad_entry_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    path = tmp_path / "jars.lock"
    path.write_text(f"kafka = [\n    {row},\n]\n")
    with pytest.raises(ToolchainError, match=complaint) as caught:
        lockfile.load(path)
    assert "\n" not in str(caught.value).replace("\\n", "")
    assert caught.value.where == str(path)


def test_the_digest_follows_the_contents_not_the_order() -> None:
    one, two = (Artifact(Coordinate("o", name, "1"), SHA, 1) for name in "ab")
    assert lockfile.digest((one, two)) == lockfile.digest((two, one))
    assert lockfile.digest((one, two)) != lockfile.digest((one,))


def test_the_committed_lock_holds_what_the_roots_ask_for() -> None:
    lock = lockfile.load()
    assert set(lock) == set(ROOTS)
    for name, root in ROOTS.items():
        locked = {artifact.coordinate for artifact in lock[name]}
        assert {Coordinate.parse(text) for text in root.coordinates} <= locked


def test_the_committed_lock_never_mixes_kafka_clients() -> None:
    """Spark's connector needs 3.9.2; with the broker's on the same class path it breaks in ways hard to see."""
    for name, artifacts in lockfile.load().items():
        modules = [(a.coordinate.org, a.coordinate.name) for a in artifacts]
        assert len(modules) == len(set(modules)), name

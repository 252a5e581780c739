"""The jars of Kafka, Connect, Debezium and Spark: where they are, whether they are whole, and how they get there.

`jar_dir` and `plugin_dir` only look and verify, in milliseconds; `provide` downloads what is missing or damaged.
A directory is named after what the lock asks for, so a checkout with another lock does not disturb this one.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from smartstore_operator.embedded.toolchain import cache, ivy, lockfile, seal
from smartstore_operator.embedded.toolchain.errors import MEND, ToolchainError
from smartstore_operator.embedded.toolchain.lockfile import Artifact

ARCHIVE_SUFFIX = ".tar.gz"


def jar_dir(set_name: str) -> Path:
    """The directory that holds exactly the locked files of a set; `<dir>/*` is its class path.

    Raises:
        ToolchainError: unknown set; a file is missing, truncated or altered (names it).
    """
    artifacts = _artifacts(lockfile.load(), set_name)
    directory = _set_path(set_name, artifacts)
    bad = seal.damaged(directory, _wanted(artifacts))
    if bad:
        raise _complaint(directory, bad)
    return directory


def plugin_dir() -> Path:
    """Connect's `plugin.path`: one directory per unpacked Debezium connector.

    Raises:
        ToolchainError: a plugin was not unpacked, or one of its files is missing or altered (names it).
    """
    root = _plugin_root(lockfile.load())
    for name in _plugin_sets(lockfile.load()):
        directory = root / name
        sealed = seal.digests(directory)
        bad = seal.damaged(directory, sealed) if sealed else [name]
        if bad:
            raise _complaint(directory, bad)
    return root


def provide(say: Callable[[str], None], sets: Iterable[str] | None = None) -> None:
    """Make `jar_dir` of every set (or of `sets`) and `plugin_dir` work: fetch, verify, unpack. Idempotent.

    Raises:
        ToolchainError: no network, no space, or the registry's file has another sha256 than the lock.
    """
    lock = lockfile.load()
    names = sorted(lock) if sets is None else list(sets)
    bad = {
        name: set(seal.damaged(_set_path(name, _artifacts(lock, name)), _wanted(lock[name])))
        for name in names
    }
    plugins = [name for name in names if _is_plugin(lock[name]) and not _plugin_whole(lock, name)]
    if not any(bad.values()) and not plugins:
        return
    with cache.cache_lock():
        _fill({name: [a for a in lock[name] if a.file in files] for name, files in bad.items()}, lock, say)
        for name in plugins:
            _unpack(lock, name, say)


def _fill(missing: dict[str, list[Artifact]], lock: lockfile.Lock, say: Callable[[str], None]) -> None:
    """Bring the missing artifacts of each set into its directory and seal it."""
    wanted = {artifact for artifacts in missing.values() for artifact in artifacts}
    if not wanted:
        return
    jars = cache.make_dir(cache.cache_dir() / "jars")
    total = sum(artifact.size for artifact in wanted)
    _demand_space(jars, 3 * total)  # download, set and, for plugins, the unpacked files
    say(f"jars: {len(wanted)} to fetch, {total / 1e6:.0f} MB")
    with tempfile.TemporaryDirectory(prefix="incoming-", dir=jars) as scratch:
        files = ivy.download(
            [a.coordinate for a in wanted], Path(scratch), arrived=_counter(len(wanted), say)
        )
        for artifact in wanted:
            _verify(artifact, files[artifact.coordinate])
        for name, artifacts in missing.items():
            directory = cache.make_dir(_set_path(name, lock[name]))
            for artifact in artifacts:
                draft = Path(scratch) / "place"
                shutil.copy2(files[artifact.coordinate], draft)
                draft.replace(directory / artifact.file)
            if artifacts:
                seal.write(directory, _wanted(lock[name]))


def _verify(artifact: Artifact, path: Path) -> None:
    if seal.sha256(path) != artifact.sha256:
        raise ToolchainError(
            "the registry's file is not the locked one (sha256 differs)",
            artifact.file,
            f"{MEND} again; if it stays so, do not use that file",
        )


def _unpack(lock: lockfile.Lock, name: str, say: Callable[[str], None]) -> None:
    """Unpack a plugin archive, flat: `<root>/<set>/*.jar`, with the digests of the files as they came out."""
    archive = _set_path(name, lock[name]) / lock[name][0].file
    target = _plugin_root(lock) / name
    cache.make_dir(target.parent)
    say(f"plugin: unpacking {archive.name}")
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=target.parent.parent) as scratch:
        with tarfile.open(archive) as bundle:
            if hasattr(
                tarfile, "data_filter"
            ):  # since Python 3.11.4; the archive's sha256 was verified anyway
                bundle.extraction_filter = tarfile.data_filter
            bundle.extractall(scratch)  # noqa: S202
        top = next(path for path in Path(scratch).iterdir() if path.is_dir())
        files = [path for path in top.rglob("*") if path.is_file()]
        seal.write(top, {str(path.relative_to(top)): seal.sha256(path) for path in files})
        shutil.rmtree(target, ignore_errors=True)
        top.rename(target)


def _counter(total: int, say: Callable[[str], None]) -> Callable[[str], None]:
    """Report every tenth arrival and the last one."""
    count = 0

    def arrived(name: str) -> None:
        nonlocal count
        count += 1
        if count % 10 == 0 or count == total:
            say(f"jars: {count} of {total}, {name}")

    return arrived


def _demand_space(directory: Path, needed: int) -> None:
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise ToolchainError(
            f"the disk has {free / 1e6:.0f} MB left, {needed / 1e6:.0f} MB are needed",
            directory,
            f"free some space, or set {cache.CACHE_VARIABLE} to another disk",
        )


def _complaint(directory: Path, bad: list[str]) -> ToolchainError:
    more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    state = "damaged" if (directory / bad[0]).exists() else "missing"
    return ToolchainError(f"{bad[0]}{more}: {state}", directory, f"{MEND}, which fetches it again")


def _artifacts(lock: lockfile.Lock, set_name: str) -> tuple[Artifact, ...]:
    if set_name not in lock:
        raise ToolchainError(
            f"there is no jar set {set_name!r}", lockfile.lock_path(), f"choose of {sorted(lock)}"
        )
    return lock[set_name]


def _wanted(artifacts: Iterable[Artifact]) -> dict[str, str]:
    return {artifact.file: artifact.sha256 for artifact in artifacts}


def _set_path(name: str, artifacts: tuple[Artifact, ...]) -> Path:
    return cache.cache_dir() / "jars" / f"{name}-{lockfile.digest(artifacts)}"


def _is_plugin(artifacts: tuple[Artifact, ...]) -> bool:
    return len(artifacts) == 1 and artifacts[0].file.endswith(ARCHIVE_SUFFIX)


def _plugin_sets(lock: lockfile.Lock) -> list[str]:
    return [name for name in sorted(lock) if _is_plugin(lock[name])]


def _plugin_root(lock: lockfile.Lock) -> Path:
    artifacts = tuple(artifact for name in _plugin_sets(lock) for artifact in lock[name])
    return cache.cache_dir() / "plugins" / lockfile.digest(artifacts)


def _plugin_whole(lock: lockfile.Lock, name: str) -> bool:
    directory = _plugin_root(lock) / name
    sealed = seal.digests(directory)
    return bool(sealed) and not seal.damaged(directory, sealed)

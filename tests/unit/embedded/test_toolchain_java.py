"""Which Java is taken, and the launcher for one that lacks the module Spark always asks for."""

import ssl
import subprocess
from pathlib import Path

import pytest

from smartstore_operator.embedded.toolchain import ToolchainError, java
from smartstore_operator.embedded.toolchain.truststore import jks

pytestmark = pytest.mark.unit

PRINT_ARGUMENTS = '#!/bin/sh\nfor argument; do echo "<$argument>"; done\n'


def make_java(
    home: Path, version: str, modules: str = "java.base jdk.incubator.vector", script: str = PRINT_ARGUMENTS
) -> Path:
    """A Java home with a `release` file and a `bin/java` that prints its arguments."""
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'IMPLEMENTOR="Test"\nJAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    (home / "bin" / "java").write_text(script)
    (home / "bin" / "java").chmod(0o755)
    return home


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime', 17),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21.0.8" 2025-07-15 LTS', 21),
        ('java version "1.8.0_442"', 8),
        ('openjdk version "22-ea" 2024-03-19', 22),
        ("17.0.15", 17),
        ("1.8.0_442", 8),
        ("", None),
        ("command not found", None),
    ],
)
def test_versions_are_read_as_java_writes_them(text: str, major: int | None) -> None:
    assert java.parse_major(text) == major


def test_java_home_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, on_path = make_java(tmp_path / "a", "17.0.1"), make_java(tmp_path / "b", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(chosen))
    monkeypatch.setenv("PATH", f"{on_path / 'bin'}:/usr/bin:/bin")
    found = java.system_java()
    assert found == java.Java(chosen, 17, has_vector=True)


@pytest.mark.parametrize("version", ["11.0.20", "1.8.0_442", "25.0.1"])
def test_a_java_we_do_not_run_on_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    unfit, fit = make_java(tmp_path / "unfit", version), make_java(tmp_path / "fit", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(unfit))
    monkeypatch.setenv("PATH", f"{fit / 'bin'}:/usr/bin:/bin")
    found = java.system_java()
    assert found is not None
    assert found.home == fit


def test_a_java_home_without_java_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java.system_java() is None


def test_java_without_release_file_is_asked(tmp_path: Path) -> None:
    answers = '#!/bin/sh\n[ "$1" = -version ] && echo \'openjdk version "17.0.9"\' >&2 || echo java.base@17\n'
    home = make_java(tmp_path / "j", "17", script=answers)
    (home / "release").unlink()
    assert java.inspect(home) == java.Java(home, 17, has_vector=False)


def test_no_java_at_all_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with pytest.raises(ToolchainError, match=r"no Java 17 to 21 was found .*make setup"):
        java.bundled_java()


def test_the_launcher_drops_one_flag_and_keeps_every_other_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTSTORE_CACHE", str(tmp_path / "the cache"))
    monkeypatch.setattr(java, "trust_store", lambda directory: tmp_path / "my store.jks")
    home = java.launcher_home(make_java(tmp_path / "real java", "21.0.8"))
    arguments = [
        "-cp",
        "a b/*",
        "--add-modules=jdk.incubator.vector",
        "",
        "$HOME",
        "it's",
        "--add-modules=java.sql",
    ]
    output = subprocess.run(
        [home / "bin" / "java", *arguments], capture_output=True, text=True, check=True
    ).stdout
    expected = ["-cp", "a b/*", "", "$HOME", "it's", "--add-modules=java.sql"]
    store = f"-Djavax.net.ssl.trustStore={tmp_path / 'my store.jks'}"
    assert output.splitlines() == [f"<{argument}>" for argument in [store, *expected]]


def test_the_launcher_is_written_once_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTSTORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(java, "trust_store", lambda directory: None)
    real = make_java(tmp_path / "real", "21.0.8")
    (real / "lib").mkdir()
    home = java.launcher_home(real)
    written = (home / "bin" / "java").stat().st_ino
    assert java.launcher_home(real) == home
    assert (home / "bin" / "java").stat().st_ino == written
    (home / "bin" / "java").write_text("#!/bin/sh\n")
    assert java.launcher_home(real) == home
    assert "exec" in (home / "bin" / "java").read_text()
    assert (home / "lib").resolve() == real / "lib"


def test_the_bundled_java_reads_a_converted_trust_store(tmp_path: Path) -> None:
    """The store's format is ours to write; the judge is Java's own keytool."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if not bundle.is_file():
        pytest.skip("this system has no PEM bundle")
    pem = bundle.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"
    store = tmp_path / "t.jks"
    store.write_bytes(jks([ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :])]))
    keytool = java.bundled_java().home / "bin" / "keytool"
    argv = [str(keytool), "-list", "-keystore", str(store), "-storepass", "changeit"]
    listing = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "ca-0" in listing.stdout, listing
    assert "trustedCertEntry" in listing.stdout

"""What is asked of Ivy, and how a failure of it is explained."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from smartstore_operator.embedded.toolchain import ivy
from smartstore_operator.embedded.toolchain.lockfile import Coordinate

pytestmark = pytest.mark.unit

LIB = Coordinate("org.x", "lib", "1.0")
PLUGIN = Coordinate("org.x", "sink", "1.0", "plugin", "tar.gz")


def test_a_locked_fetch_reads_no_metadata_and_names_no_address() -> None:
    settings = ivy.settings_xml(transitive=False)
    assert 'usepoms="false"' in settings
    assert "://" not in settings
    assert "usepoms" not in ivy.settings_xml(transitive=True)


def test_the_request_maps_configurations_and_asks_for_classifiers() -> None:
    root = ElementTree.fromstring(ivy.ivy_xml([LIB, PLUGIN], transitive=False))
    plain, plugin = root.findall("dependencies/dependency")
    assert plain.attrib["conf"] == "default->default"
    assert plain.attrib["transitive"] == "false"
    artifact = plugin.find("artifact")
    assert artifact is not None
    assert artifact.attrib["{http://ant.apache.org/ivy/maven}classifier"] == "plugin"
    assert artifact.attrib["ext"] == "tar.gz"


def test_files_are_known_by_their_place(tmp_path: Path) -> None:
    for coordinate in (LIB, PLUGIN):
        path = tmp_path / coordinate.org / coordinate.name / coordinate.rev / coordinate.file
        path.parent.mkdir(parents=True)
        path.touch()
    assert {coordinate for coordinate, _ in ivy._retrieved(tmp_path)} == {LIB, PLUGIN}


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({}, []),
        (
            {"HTTPS_PROXY": "http://proxy.shop:8080"},
            ["-Dhttps.proxyHost=proxy.shop", "-Dhttps.proxyPort=8080"],
        ),
        ({"https_proxy": "proxy.shop"}, ["-Dhttps.proxyHost=proxy.shop", "-Dhttps.proxyPort=3128"]),
    ],
)
def test_java_is_told_of_the_proxy(environment: dict[str, str], options: list[str]) -> None:
    assert ivy.proxy_options(environment) == options


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("SSLHandshakeException: PKIX path building failed", "SSL_CERT_FILE"),
        ("Server access error at url (java.net.UnknownHostException)", "cannot be reached"),
        ("java.io.IOException: No space left on device", "disk is full"),
        ("something new", "org.x:lib:1.0 could not be downloaded"),
    ],
)
def test_a_failure_is_explained_in_one_line(tmp_path: Path, output: str, told: str) -> None:
    message = str(ivy._explain(LIB, output, tmp_path))
    assert told in message
    assert "\n" not in message

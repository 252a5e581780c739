"""Every mistake in a SmartStore file gives one line: where, what is wrong, what is allowed."""

from pathlib import Path

import pytest

from smartstore_operator.api.load import load_smartstore, parse_smartstore
from smartstore_operator.api.problems import SpecError

HEAD = "apiVersion: smartstore.io/v1alpha1\nkind: SmartStore\nmetadata: {name: demo}\n"


def _problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_smartstore(text)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("kafka: {partitons: 3}", "spec.kafka.partitons: unknown field; did you mean partitions?"),
        ("source: {max_lead: 3}", "spec.source.max_lead: unknown field; did you mean maxLead?"),
        ("catalog: {a: 1}", "spec.catalog.a: unknown field; allowed here: nothing"),
        ("serving: {x: 1}", "spec.serving.x: unknown field; allowed here: api, console"),
        ("stores: 0", "spec.stores: 0 is out of range; at least 1 is allowed"),
        ("stores: '5'", "spec.stores: must be a whole number, not the string '5'"),
        ("stores: true", "spec.stores: must be a whole number, not the boolean True"),
        ("stores: 2.5", "spec.stores: must be a whole number, not the number 2.5"),
        ("stores:", "spec.stores: must be a whole number, not nothing"),
        ("paused: 'no'", "spec.paused: must be true or false, not the string 'no'"),
        ("kafka: {partitions: 513}", "spec.kafka.partitions: 513 is out of range; 1 to 512 is allowed"),
        ("kafka: {port: 0}", "spec.kafka.port: 0 is out of range; 1 to 65535 is allowed"),
        ("kafka: []", "spec.kafka: must be a block of fields, not a list"),
        (
            "kafka: {type: strimzi}",
            (
                "spec.kafka.type: must be one of Strimzi, SingleNode, External, not the string 'strimzi'; "
                "did you mean Strimzi?"
            ),
        ),
        (
            "kafka: {heap: 512m}",
            "spec.kafka.heap: '512m' is not a size; write a whole number and Mi, Gi or Ti, like 512Mi or 2Gi",
        ),
        (
            "kafka: {type: External}",
            "spec.kafka.bootstrapServers: type External needs it; say where the system is",
        ),
        (
            "redis: {host: a}",
            "spec.redis.host: it is for type External only; leave it out, or choose that type",
        ),
        (
            "kafka: {tls: {}}",
            "spec.kafka.tls: it is for type External only; leave it out, or choose that type",
        ),
        (
            "kafka: {type: SingleNode, authentication: {username: u}}",
            "spec.kafka.authentication: it is for type External only; leave it out, or choose that type",
        ),
        (
            "kafka: {type: External, bootstrapServers: 'k:1', authentication: {mechanism: PLAIN}}",
            "spec.kafka.authentication.username: is missing; it has no default",
        ),
        (
            "kafka: {type: External, bootstrapServers: 'k:1', authentication: {username: u, mechanism: GSSAPI}}",
            (
                "spec.kafka.authentication.mechanism: must be one of SCRAM-SHA-512, SCRAM-SHA-256, PLAIN, "
                "not the string 'GSSAPI'"
            ),
        ),
        (
            "kafka: {type: External, bootstrapServers: 'k:1', tls: {caSecret: {}}}",
            "spec.kafka.tls.caSecret.name: is missing; it has no default",
        ),
        (
            "redis: {type: External, host: 'redis:6379'}",
            (
                "spec.redis.host: 'redis:6379' is not allowed; write a name or an IPv4 address without a port, "
                "like db.example or 10.0.0.7"
            ),
        ),
        (
            "streaming: {hot: {shards: 3}}",
            (
                "spec.streaming.hot.shards: 3 shards cannot share the 4 partitions (kafka.partitions) evenly; "
                "choose one of 1, 2, 4"
            ),
        ),
        (
            "stores: 434",
            (
                "spec.stores: stores is 434, but the recorded data of source type Replay have 433 stores; "
                "ask for at most so many, or choose source type Simulation"
            ),
        ),
        (
            "source: {replay: {start: 2018-01-01}}",
            (
                "spec.source.replay.start: 2018-01-01 is outside the recorded data; "
                "choose a day of the year 2017"
            ),
        ),
        (
            "planning: {supplier: {deliveryDays: [Mon, Tue, Mon]}}",
            "spec.planning.supplier.deliveryDays: Mon stands there twice; leave one out",
        ),
        (
            "maintenance: {windows: [{schedule: 0 4 31 2 *, duration: 1h}]}",
            (
                "spec.maintenance.windows[0].schedule: '0 4 31 2 *' is no schedule: Bad day-of-month, so it never "
                "comes; write minute, hour, day of month, month and day of week with single spaces, like 0 3 * * 6"
            ),
        ),
        ("source: {speed: .nan}", "spec.source.speed: must be a finite number, not the number nan"),
        (
            "source: {simulation: {rangeScale: 0}}",
            "spec.source.simulation.rangeScale: 0 is out of range; more than 0 and at most 1 is allowed",
        ),
        ("source: {tick: 2h}", "spec.source.tick: 2h is out of range; 200ms to 1h is allowed"),
        (
            "source: {tick: 5min}",
            (
                "spec.source.tick: '5min' is not a duration; write a number and ms, s, m or h, "
                "like 500ms, 5m or 1h30m"
            ),
        ),
        (
            "source: {replay: {start: 2017-13-01}}",
            (
                "spec.source.replay.start: '2017-13-01' is not a date: month must be in 1..12; "
                "choose a day of the calendar"
            ),
        ),
        (
            "overrides: [{kind: Pod, name: a, patch: {}, zork: 1}]",
            "spec.overrides[0].zork: unknown field; allowed here: kind, name, patch",
        ),
        ("overrides: [{kind: Pod, name: a}]", "spec.overrides[0].patch: is missing; it has no default"),
        ("overrides: {}", "spec.overrides: must be a list, not a block"),
    ],
)
def test_a_wrong_field_gives_one_line(spec: str, problem: str) -> None:
    assert _problems(f"{HEAD}spec:\n  {spec}\n") == [problem]


def test_all_problems_are_told_at_once() -> None:
    assert _problems(f"{HEAD}spec: {{source: {{speed: -1, startHour: 24}}, zork: 1}}")[:2] == [
        "spec.source.speed: -1 is out of range; at least 0 is allowed",
        "spec.source.startHour: 24 is out of range; 0 to 23 is allowed",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty; a file holds one SmartStore"),
        (
            "- a\n",
            (
                "is not a SmartStore: "
                "the file must hold apiVersion: smartstore.io/v1alpha1, kind: SmartStore, metadata, spec"
            ),
        ),
        (f"{HEAD}---\n{HEAD}", "holds 2 documents; a file holds one SmartStore"),
        ("apiVersion: v1\nkind: Pod\n", "kind: must be SmartStore; this is 'Pod'"),
        ("metadata: {name: a}\n", "kind: must be SmartStore; this is missing"),
        (
            "apiVersion: smartstore.io/v1\nkind: SmartStore\n",
            "apiVersion: must be smartstore.io/v1alpha1; this is 'smartstore.io/v1'",
        ),
        (f"{HEAD}spek: {{}}\n", "spek: unknown field; did you mean spec?"),
        (
            f"{HEAD}spec: {{a: [}}\n",
            "line 4, column 12: is no valid YAML: expected the node content, but found '}'",
        ),
        (
            f"{HEAD}spec:\n  stores: 1\n  stores: 2\n",
            "line 6, column 3: is no valid YAML: the key stores is given twice",
        ),
        (f"{HEAD}spec: {{1: 2}}\n", "line 4, column 8: is no valid YAML: the key 1 is not a string"),
        (
            "apiVersion: smartstore.io/v1alpha1\nkind: SmartStore\nmetadata: {name: A_b}\n",
            (
                "metadata.name: 'A_b' is not allowed; write lower-case letters, digits and hyphens, "
                "like demo or store-7"
            ),
        ),
    ],
)
def test_a_wrong_document_gives_one_line(text: str, problem: str) -> None:
    assert _problems(text) == [problem]


def test_every_line_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    path.write_text(f"{HEAD}spec: {{kafka: {{partitons: 3}}, stores: 0}}")
    with pytest.raises(SpecError) as caught:
        load_smartstore(path)
    assert str(caught.value).splitlines() == [
        f"{path}: spec.stores: 0 is out of range; at least 1 is allowed",
        f"{path}: spec.kafka.partitons: unknown field; did you mean partitions?",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"\xff\xfe", "is not UTF-8 text (byte 0)"),
        (b"a" * 1_000_001, "is larger than 1 MB"),
    ],
)
def test_an_unreadable_file_gives_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "demo.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load_smartstore(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        load_smartstore(tmp_path)

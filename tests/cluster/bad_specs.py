"""Specs that cannot be followed, and changes, with what must be said about each: the field, the reason, what to do."""

from dataclasses import dataclass, field
from typing import Any

Spec = dict[str, Any]


@dataclass(frozen=True)
class Bad:
    """A spec, or a change of one, and what must be said about it."""

    what: str
    spec: Spec
    path: str
    """Of the field."""
    reason: str
    mend: str = ""
    """Empty where the reason says it too: an unknown field, a required value."""
    before: Spec = field(default_factory=dict)
    """The spec until then, for a change."""
    name: str = "demo"


FORM_OF_DURATIONS = "write a number and ms, s, m or h, like 500ms, 5m or 1h30m"
FORM_OF_SIZES = "write a whole number and Mi, Gi or Ti, like 512Mi or 2Gi"
FORM_OF_SCHEDULES = (
    "write minute, hour, day of month, month and day of week with single spaces, like 0 3 * * 6"
)

BROKERS: Spec = {"type": "External", "bootstrapServers": "k:1"}

BY_THE_API_SERVER = (
    Bad(
        "a bucket for a lake on a volume",
        {"lake": {"bucket": {"name": "shop-lake"}}},
        "spec.lake.bucket",
        "it is for type S3 only",
        "leave it out, or choose that type",
    ),
    Bad(
        "a bucket that cannot be called so",
        {"lake": {"type": "S3", "bucket": {"name": "Shop_Lake"}}},
        "spec.lake.bucket.name",
        "3 to 63 lower-case letters, digits, hyphens and dots",
        "like shop-lake",
    ),
    # brokers that want encryption and a login
    Bad(
        "encryption to brokers of our own",
        {"kafka": {"type": "SingleNode", "tls": {}}},
        "spec.kafka.tls",
        "it is for type External only",
        "leave it out, or choose that type",
    ),
    Bad(
        "a login to brokers of our own",
        {"kafka": {"type": "SingleNode", "authentication": {"username": "u"}}},
        "spec.kafka.authentication",
        "it is for type External only",
        "leave it out, or choose that type",
    ),
    Bad(
        "a login of nobody",
        {"kafka": {**BROKERS, "authentication": {}}},
        "spec.kafka.authentication.username",
        "Required value",
    ),
    # wrong types
    Bad(
        "text for a number",
        {"stores": "three"},
        "spec.stores",
        'Invalid value: "string"',
        "must be of type integer",
    ),
    Bad(
        "a fraction of a store",
        {"stores": 2.5},
        "spec.stores",
        'Invalid value: "number"',
        "must be of type integer",
    ),
    Bad(
        "text for a switch",
        {"paused": "no"},
        "spec.paused",
        'Invalid value: "string"',
        "must be of type boolean",
    ),
    Bad(
        "a list for a block", {"kafka": []}, "spec.kafka", 'Invalid value: "array"', "must be of type object"
    ),
    # unknown fields and values
    Bad("an unknown field", {"kafka": {"partitons": 3}}, "spec.kafka.partitons", "unknown field"),
    Bad(
        "a wrong profile",
        {"profile": "Staging"},
        "spec.profile",
        'Unsupported value: "Staging"',
        'supported values: "Development", "Production"',
    ),
    Bad(
        "another case",
        {"source": {"type": "replay"}},
        "spec.source.type",
        'Unsupported value: "replay"',
        'supported values: "Simulation", "Replay", "External"',
    ),
    Bad(
        "a wrong policy for the data",
        {"deletionPolicy": "Perhaps"},
        "spec.deletionPolicy",
        'Unsupported value: "Perhaps"',
        'supported values: "Retain", "Delete"',
    ),
    # out of range
    Bad(
        "negative stores",
        {"stores": -1},
        "spec.stores",
        "Invalid value: -1",
        "should be greater than or equal to 1",
    ),
    Bad(
        "no partitions",
        {"kafka": {"partitions": 0}},
        "spec.kafka.partitions",
        "Invalid value: 0",
        "should be greater than or equal to 1",
    ),
    Bad(
        "an hour that no day has",
        {"source": {"startHour": 24}},
        "spec.source.startHour",
        "Invalid value: 24",
        "should be less than or equal to 23",
    ),
    Bad(
        "more than all",
        {"source": {"faults": {"malformedPct": 101}}},
        "spec.source.faults.malformedPct",
        "Invalid value: 101",
        "should be less than or equal to 100",
    ),
    Bad(
        "nothing where more than nothing is needed",
        {"source": {"simulation": {"rangeScale": 0}}},
        "spec.source.simulation.rangeScale",
        "Invalid value: 0",
        "should be greater than 0",
    ),
    Bad(
        "a tick that is too long",
        {"source": {"tick": "2h"}},
        "spec.source.tick",
        "out of range",
        "200ms to 1h is allowed",
    ),
    Bad(
        "a window that is too short",
        {"maintenance": {"windows": [{"schedule": "0 4 * * *", "duration": "10s"}]}},
        "spec.maintenance.windows[0].duration",
        "out of range",
        "1m to 168h is allowed",
    ),
    # wrong forms
    Bad(
        "a duration with another unit",
        {"streaming": {"hot": {"trigger": "5min"}}},
        "spec.streaming.hot.trigger",
        'Invalid value: "5min"',
        FORM_OF_DURATIONS,
    ),
    Bad(
        "a negative duration",
        {"planning": {"shelf": {"cooldown": "-5m"}}},
        "spec.planning.shelf.cooldown",
        'Invalid value: "-5m"',
        FORM_OF_DURATIONS,
    ),
    Bad(
        "a size that is no number",
        {"kafka": {"heap": "much"}},
        "spec.kafka.heap",
        'Invalid value: "much"',
        FORM_OF_SIZES,
    ),
    Bad(
        "a size in thousands",
        {"lake": {"size": "100GB"}},
        "spec.lake.size",
        'Invalid value: "100GB"',
        FORM_OF_SIZES,
    ),
    Bad(
        "no date",
        {"source": {"replay": {"start": "yesterday"}}},
        "spec.source.replay.start",
        'Invalid value: "yesterday"',
        "write year-month-day, like 2017-11-13",
    ),
    Bad(
        "no cron fields",
        {"maintenance": {"windows": [{"schedule": "tomorrow", "duration": "1h"}]}},
        "spec.maintenance.windows[0].schedule",
        'Invalid value: "tomorrow"',
        FORM_OF_SCHEDULES,
    ),
    Bad(
        "brokers without a port",
        {"kafka": {"type": "External", "bootstrapServers": "kafka-1"}},
        "spec.kafka.bootstrapServers",
        'Invalid value: "kafka-1"',
        "write host:port, several with commas and no spaces, like kafka-1:9092,kafka-2:9092",
    ),
    Bad(
        "a host with a port",
        {"redis": {"type": "External", "host": "redis:6379"}},
        "spec.redis.host",
        'Invalid value: "redis:6379"',
        "write a name or an IPv4 address without a port, like db.example or 10.0.0.7",
    ),
    # fields that do not go together
    Bad(
        "External brokers without an address",
        {"kafka": {"type": "External"}},
        "spec.kafka.bootstrapServers",
        "type External needs it",
        "say where the system is",
    ),
    Bad(
        "External Redis without a host",
        {"redis": {"type": "External"}},
        "spec.redis.host",
        "type External needs it",
        "say where the system is",
    ),
    Bad(
        "a host for a server of ours",
        {"postgres": {"host": "db"}},
        "spec.postgres.host",
        "it is for type External only",
        "leave it out, or choose that type",
    ),
    Bad(
        "an override of nothing",
        {"overrides": [{"kind": "Deployment", "patch": {}}]},
        "spec.overrides[0].name",
        "Required value",
    ),
    Bad(
        "a weekday twice",
        {"planning": {"supplier": {"deliveryDays": ["Mon", "Fri", "Mon"]}}},
        "spec.planning.supplier.deliveryDays",
        "something stands there twice",
        "leave one out",
    ),
    Bad(
        "no weekday",
        {"planning": {"supplier": {"deliveryDays": []}}},
        "spec.planning.supplier.deliveryDays",
        "Invalid value: 0",
        "should have at least 1 items",
    ),
    # names
    Bad(
        "a name that is too long",
        {},
        "metadata.name",
        "choose at most 40",
        "lower-case letters, digits and hyphens, like demo or store-7; no dots",
        name="a" * 41,
    ),
    Bad(
        "a name with a dot",
        {},
        "metadata.name",
        "choose at most 40",
        "lower-case letters, digits and hyphens, like demo or store-7; no dots",
        name="store.7",
    ),
)

KEEP_OR_MAKE = "keep the value, or make another SmartStore"
OF_A_WORLD = "with source type Simulation or Replay all that happens follows from it"
CHANGES = (
    Bad(
        "fewer partitions",
        {"kafka": {"partitions": 2}},
        "spec.kafka.partitions",
        "kafka.partitions cannot change: each store has its place in one partition",
        "keep the number, or make another SmartStore",
    ),
    Bad(
        "more partitions",
        {"kafka": {"partitions": 8}},
        "spec.kafka.partitions",
        "kafka.partitions cannot change: each store has its place in one partition",
        "keep the number, or make another SmartStore",
    ),
    Bad(
        "a profile that has other partitions",
        {"profile": "Production"},
        "spec.kafka.partitions",
        "kafka.partitions cannot change: each store has its place in one partition",
        "keep the number, or make another SmartStore",
    ),
    Bad(
        "fewer shards without a savepoint",
        {"streaming": {"hot": {"shards": 1}}},
        "spec.streaming.hot.shards",
        "streaming.hot.shards cannot change: each shard has a checkpoint of its own",
        "keep the number, or make another SmartStore",
        before={"streaming": {"hot": {"shards": 2}}},
    ),
    Bad(
        "more shards",
        {"streaming": {"hot": {"shards": 2}}},
        "spec.streaming.hot.shards",
        "streaming.hot.shards cannot change: each shard has a checkpoint of its own",
        "keep the number, or make another SmartStore",
    ),
    Bad(
        "state in more parts",
        {"streaming": {"hot": {"shufflePartitions": 4}}},
        "spec.streaming.hot.shufflePartitions",
        "streaming.hot.shufflePartitions cannot change: the checkpoint is cut so",
        "keep the number, or make another SmartStore",
    ),
    Bad(
        "another source",
        {"source": {"type": "Simulation"}},
        "spec.source.type",
        "source.type cannot change: a run has one source from its first event on",
        "make another SmartStore",
    ),
    Bad(
        "another kind of Kafka",
        {"kafka": {"type": "SingleNode"}},
        "spec.kafka.type",
        "kafka.type cannot change: what is in the topics would stay behind",
        "make another SmartStore",
    ),
    Bad(
        "another Postgres",
        {"postgres": {"type": "External", "host": "db"}},
        "spec.postgres.type",
        "postgres.type cannot change: what is in the tables would stay behind",
        "make another SmartStore",
    ),
    Bad(
        "a lake elsewhere",
        {"lake": {"type": "S3", "bucket": {"name": "shop-lake", "credentialsSecret": {"name": "keys"}}}},
        "spec.lake.type",
        "lake.type cannot change: the tables would stay behind",
        "make another SmartStore",
    ),
    Bad(
        "a larger lake",
        {"lake": {"size": "100Gi"}},
        "spec.lake.size",
        "lake.size cannot change: a volume keeps its size",
        "enlarge the PersistentVolumeClaim state-NAME-lake-0 itself",
    ),
    Bad(
        "another tick",
        {"source": {"tick": "1m"}},
        "spec.source.tick",
        "source.tick cannot change: all times are cut into ticks from the first event on",
        "keep it, or make another SmartStore",
    ),
    Bad(
        "a speed that has another tick",
        {"source": {"speed": 60}},
        "spec.source.tick",
        "without it source.speed decides",
        "keep it, or make another SmartStore",
    ),
    Bad(
        "another seed",
        {"source": {"seed": 7}},
        "spec.source.seed",
        f"source.seed cannot change: {OF_A_WORLD}",
        KEEP_OR_MAKE,
    ),
    Bad(
        "other baskets",
        {"source": {"replay": {"multiplier": 50}}},
        "spec.source.replay.multiplier",
        f"source.replay.multiplier cannot change: {OF_A_WORLD}",
        KEEP_OR_MAKE,
    ),
    Bad(
        "another threshold in a world of ours",
        {"planning": {"shelf": {"thresholdPct": 50}}},
        "spec.planning.shelf.thresholdPct",
        f"planning.shelf.thresholdPct cannot change: {OF_A_WORLD}",
        KEEP_OR_MAKE,
    ),
)

ALLOWED_CHANGES: dict[str, tuple[Spec, Spec]] = {
    "what is there by default, written out": (
        {},
        {
            "stores": 7,
            "profile": "Development",
            "kafka": {"partitions": 4},
            "lake": {"size": "20Gi"},
            "source": {"tick": "5m", "seed": 42, "execution": "Assumed"},
            "planning": {"shelf": {"thresholdPct": 30}, "supplier": {"deliveryDays": ["Mon", "Wed", "Fri"]}},
        },
    ),
    "a speed that has the same tick": ({}, {"source": {"speed": 500}}),
    "any speed with a tick": ({"source": {"tick": "1m"}}, {"source": {"tick": "60s", "speed": 0}}),
    "the size of a lake that is not there": ({"lake": {"enabled": False}}, {"lake": {"size": "100Gi"}}),
    "another profile with what the first had": (
        {},
        {
            "profile": "Production",
            "kafka": {"partitions": 4},
            "streaming": {"hot": {"shufflePartitions": 2}},
        },
    ),
    "rules for people who report": (
        {"source": {"type": "External"}},
        {"source": {"type": "External", "execution": "Assumed"}, "planning": {"shelf": {"minQty": 3}}},
    ),
}


def _window(schedule: str) -> Spec:
    return {"maintenance": {"windows": [{"schedule": schedule, "duration": "1h"}]}}


def _override(patch: Spec, name: str = "demo-bridge") -> Spec:
    return {"overrides": [{"kind": "Deployment", "name": name, "patch": patch}]}


SECRET_OF = {"type": "External", "host": "server", "passwordSecret": {"name": "db"}}
BY_THE_OPERATOR = (
    Bad(
        "a login without a password",
        {"kafka": {**BROKERS, "authentication": {"username": "u"}}},
        "spec.kafka.authentication.passwordSecret",
        "type External needs it in a cluster",
        "name the Secret that has the password",
    ),
    Bad(
        "no certificate where one is named",
        {"kafka": {**BROKERS, "tls": {"caSecret": {"name": "given", "key": "password"}}}},
        "spec.kafka.tls.caSecret",
        "the key password of the Secret given holds no certificate",
        "(PEM)",
    ),
    Bad(
        "more stores than were recorded",
        {"stores": 500},
        "spec.stores",
        "stores is 500, but the recorded data of source type Replay have 433 stores",
        "ask for at most so many, or choose source type Simulation",
    ),
    Bad(
        "a year that was not recorded",
        {"source": {"replay": {"start": "2030-01-01"}}},
        "spec.source.replay.start",
        "2030-01-01 is outside the recorded data",
        "choose a day of the year 2017",
    ),
    Bad(
        "a day that no calendar has",
        {"source": {"replay": {"start": "2017-02-30"}}},
        "spec.source.replay.start",
        "'2017-02-30' is not a date: day is out of range for month",
        "choose a day of the calendar",
    ),
    Bad(
        "shards that cannot share evenly",
        {"streaming": {"hot": {"shards": 3}}},
        "spec.streaming.hot.shards",
        "3 shards cannot share the 4 partitions (kafka.partitions) evenly",
        "choose one of 1, 2, 4",
    ),
    Bad(
        "a window on 31 February",
        _window("0 4 31 2 *"),
        "spec.maintenance.windows[0].schedule",
        "'0 4 31 2 *' is no schedule: Bad day-of-month, so it never comes",
        FORM_OF_SCHEDULES,
    ),
    Bad(
        "a window at 24 o'clock",
        _window("0 24 * * *"),
        "spec.maintenance.windows[0].schedule",
        "'0 24 * * *' is no schedule: Bad hour, so it never comes",
        FORM_OF_SCHEDULES,
    ),
    Bad(
        "an override of an object that is not there",
        _override({}, name="demo-brige"),
        "spec.overrides[0]",
        "there is no Deployment demo-brige",
        "did you mean demo-bridge? `smartstore-operator plan` shows the objects",
    ),
    Bad(
        "an override of a fixed field",
        _override({"metadata": {"name": "x", "labels": {"a": "b"}}}),
        "spec.overrides[0].patch",
        "metadata.name, metadata.labels cannot be changed: by them the operator finds the object",
        "leave them out",
    ),
    Bad(
        "an override that takes the metadata away",
        _override({"metadata": None}),
        "spec.overrides[0].patch",
        "metadata must stay a block of fields",
        "name the fields in it that change",
    ),
    Bad(
        "an override that takes the pod away",
        _override({"spec": {"template": None}}),
        "spec.overrides[0].patch",
        "spec.template must stay a block of fields",
        "name the fields in it that change",
    ),
    Bad(
        "External Redis without a Secret",
        {"redis": {"type": "External", "host": "server"}},
        "spec.redis.passwordSecret",
        "type External needs it in a cluster",
        "name the Secret that has the password",
    ),
    Bad(
        "a bucket without a Secret",
        {"lake": {"type": "S3", "bucket": {"name": "shop-lake"}}},
        "spec.lake.bucket.credentialsSecret",
        "type S3 needs it in a cluster",
        "name the Secret that has the keys",
    ),
    Bad(
        "a Secret that is not there",
        {"postgres": SECRET_OF},
        "spec.postgres.passwordSecret",
        "there is no Secret db with a text at key password in the namespace",
        "create it, or name another",
    ),
    Bad(
        "a key that is not there",
        {"postgres": {**SECRET_OF, "passwordSecret": {"name": "given", "key": "pass"}}},
        "spec.postgres.passwordSecret",
        "there is no Secret given with a text at key pass in the namespace",
        "create it, or name another",
    ),
    Bad(
        "a key with bytes that are no text",
        {"redis": {**SECRET_OF, "passwordSecret": {"name": "given", "key": "certificate"}}},
        "spec.redis.passwordSecret",
        "there is no Secret given with a text at key certificate in the namespace",
        "create it, or name another",
    ),
)

"""Valkey (a Redis server): the buffer in front of Kafka, durable to the last write."""

from smartstore_operator.api.scalars import mebibytes
from smartstore_operator.render.component import Component, Probe
from smartstore_operator.render.context import REDIS_PASSWORD, Context

NAME = "valkey"


def component(context: Context) -> Component:
    """The server."""
    platform = context.platform
    return Component(
        name=NAME,
        argv=(platform.valkey_server, context.config_file(NAME, "valkey.conf")),
        # The probe logs in: before the log is loaded the port is open but every command is refused.
        environment={"SMARTSTORE_REDIS_URL": context.redis_url},
        files={"valkey.conf": _configuration(context)},
        secret_files={"secret.conf": f'requirepass "{_escaped(platform.secrets[REDIS_PASSWORD])}"\n'},
        ports={"valkey": platform.ports["valkey"]},
        probe=Probe(kind="exec", argv=context.probe_argv("redis", platform.own("valkey"))),
        state_dir=platform.state_dir(NAME),
        # While the log is rewritten, a copy of what changes meanwhile is held too.
        memory=2 * mebibytes(context.spec.redis.memory),
    )


def _configuration(context: Context) -> str:
    platform = context.platform
    lines = (
        f"include {_quoted(context.config_file(NAME, 'secret.conf'))}",
        f"bind {platform.listen}",
        f"port {platform.ports['valkey']}",
        "protected-mode yes",
        "daemonize no",
        f"dir {_quoted(platform.state_dir(NAME))}",
        "# What was acknowledged survives a crash: the world goes on from the position it wrote here.",
        "appendonly yes",
        "appendfsync always",
        'save ""',
        "auto-aof-rewrite-percentage 100",
        "auto-aof-rewrite-min-size 64mb",
        "# When memory is full writers get an error and wait; nothing is ever dropped.",
        f"maxmemory {mebibytes(context.spec.redis.memory)}mb",
        "maxmemory-policy noeviction",
        "databases 1",
        "loglevel notice",
    )
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

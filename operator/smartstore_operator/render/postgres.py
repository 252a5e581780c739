"""Postgres: the serving database, with logical replication for Debezium."""

import shlex

from smartstore.contracts.logins import OWNER
from smartstore_operator.api.scalars import mebibytes
from smartstore_operator.api.services import Postgres
from smartstore_operator.render.component import Component, Probe
from smartstore_operator.render.context import (
    POSTGRES_DATABASE,
    POSTGRES_PASSWORD,
    POSTGRES_SUPERUSER_PASSWORD,
    Context,
)
from smartstore_operator.render.platform import LOOPBACK

NAME = "postgres"
SUPERUSER = "postgres"


def component(context: Context) -> Component:
    """The server."""
    platform = context.platform
    clients, port = platform.clients, platform.ports["postgres"]
    configuration = context.config_file(NAME, "postgresql.conf")
    return Component(
        name=NAME,
        argv=(f"{platform.postgres_bin}/postgres", "-D", _data(context), f"--config-file={configuration}"),
        files={
            "postgresql.conf": _configuration(context),
            "pg_hba.conf": f"host all all {clients} scram-sha-256\nhost replication all {clients} scram-sha-256\n",
            "initialise.sh": _initialise(context),
        },
        secret_files={
            "superuser-password": platform.secrets[POSTGRES_SUPERUSER_PASSWORD] + "\n",
            "initialise.sql": _owner_and_database(context),
        },
        ports={"postgres": port},
        probe=Probe(
            kind="exec",
            argv=(
                f"{platform.postgres_bin}/pg_isready",
                "-q",
                "-h",
                LOOPBACK,
                "-p",
                str(port),
                "-d",
                "postgres",
            ),
        ),
        state_dir=platform.state_dir(NAME),
        volume=context.spec.postgres.storage,
        memory=mebibytes(context.spec.postgres.memory) + 512,
        before_start=(("/bin/sh", context.config_file(NAME, "initialise.sh")),),
        unprivileged=True,
        stop_signal="INT",  # fast shutdown; TERM would wait for clients to leave
        stop_seconds=30.0,
    )


def _data(context: Context) -> str:
    return f"{context.platform.state_dir(NAME)}/data"


def _initialise(context: Context) -> str:
    """Makes the cluster in a draft directory that is renamed at the end: an interrupted start begins anew."""
    bin_dir, data = context.platform.postgres_bin, _data(context)
    draft = f"{data}.draft"
    initdb = (
        f"{bin_dir}/initdb",
        f"--pgdata={draft}",
        f"--username={SUPERUSER}",
        f"--pwfile={context.config_file(NAME, 'superuser-password')}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--locale=C.UTF-8",
        "--no-instructions",
    )
    single = (f"{bin_dir}/postgres", "--single", "-j", "-D", draft, "postgres")
    script = shlex.quote(context.config_file(NAME, "initialise.sql"))
    return (
        "set -eu\n"
        f"[ -e {shlex.quote(data)} ] && exit 0\n"
        f"rm -rf {shlex.quote(draft)}\n"
        f"{shlex.join(initdb)} > /dev/null\n"
        f"{shlex.join(single)} < {script} > /dev/null\n"
        f"mv {shlex.quote(draft)} {shlex.quote(data)}\n"
    )


def _owner_and_database(context: Context) -> str:
    # In single-user mode with -j a statement ends with a semicolon and an empty line.
    password = context.platform.secrets[POSTGRES_PASSWORD].replace("'", "''")
    return (
        f"CREATE ROLE {OWNER} LOGIN CREATEROLE REPLICATION PASSWORD '{password}';\n\n"
        f"CREATE DATABASE {POSTGRES_DATABASE} OWNER {OWNER};\n\n"
    )


def server_parameters(postgres: Postgres) -> dict[str, str]:
    """What is set wherever the server runs."""
    return {
        "max_connections": "50",
        "shared_buffers": f"{mebibytes(postgres.memory)}MB",
        "work_mem": "8MB",
        "maintenance_work_mem": "64MB",
        "max_parallel_workers_per_gather": "1",
        "jit": "off",
        # A source connector that stays away must not fill the disk; it takes a new snapshot when it comes back.
        "max_slot_wal_keep_size": "1GB",
        "max_wal_size": "1GB",
        "min_wal_size": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "iso, ymd",
    }


def _configuration(context: Context) -> str:
    values = {
        "listen_addresses": context.platform.listen,
        "port": str(context.platform.ports["postgres"]),
        # The path of a socket may have 107 bytes, which a data directory can exceed.
        "unix_socket_directories": "",
        "hba_file": context.config_file(NAME, "pg_hba.conf"),
        "password_encryption": "scram-sha-256",
        "wal_level": "logical",
        "max_wal_senders": "4",
        "max_replication_slots": "4",
        "lc_messages": "C",
        **server_parameters(context.spec.postgres),
    }
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

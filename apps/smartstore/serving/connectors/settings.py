"""What the connectors need to know, from the process environment."""

from psycopg2.extensions import parse_dsn

from smartstore.contracts.derive.connectors import Login, Settings
from smartstore.contracts.logins import CDC, SINK
from smartstore.process.env import Environment


class UnusableDsn(ValueError):
    """The Postgres address cannot be given to Kafka Connect."""


def read_settings(environment: Environment) -> Settings:
    """Read the settings.

    A password goes into a connector as `${<SMARTSTORE_CONNECT_SECRETS><variable>}`, which only the worker can resolve
    (`env:` or `file:/path:`), or as it is when that variable is not set.

    Raises:
        UnusableDsn: no TCP host, or several.
        MissingSetting: no DSN.
    """
    dsn = parse_dsn(environment.postgres_dsn)
    host = dsn.get("host", "")
    if not host or host.startswith("/") or "," in host:
        raise UnusableDsn(f"SMARTSTORE_POSTGRES_DSN: Kafka Connect needs one TCP host, not {host!r}")
    owner = Login(
        user=dsn.get("user", ""),
        password=_secret(environment, "SMARTSTORE_POSTGRES_PASSWORD", dsn.get("password", "")),
    )
    return Settings(
        prefix=environment.prefix,
        names=environment.variables.get("SMARTSTORE_CONNECTOR_NAMES", environment.prefix),
        host=host,
        port=int(dsn.get("port", 5432)),
        database=dsn.get("dbname", "") or owner.user,
        sink=_login(environment, SINK, "SMARTSTORE_POSTGRES_SINK_PASSWORD", owner),
        cdc=_login(environment, CDC, "SMARTSTORE_POSTGRES_CDC_PASSWORD", owner),
    )


def _login(environment: Environment, user: str, variable: str, owner: Login) -> Login:
    password = environment.variables.get(variable)
    return Login(user=user, password=_secret(environment, variable, password)) if password else owner


def _secret(environment: Environment, variable: str, password: str) -> str:
    provider = environment.variables.get("SMARTSTORE_CONNECT_SECRETS")
    return f"${{{provider}{variable}}}" if provider else password

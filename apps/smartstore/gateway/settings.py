"""What the gateway process reads from its environment beside the common variables (docs/gateway.md)."""

from msgspec import Struct

from smartstore.process.env import Environment


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Where it listens, and how many records a second one key may send in the long run."""

    host: str
    port: int
    records_per_second: float

    @classmethod
    def from_environment(cls, environment: Environment) -> "GatewaySettings":
        """Read the variables; raises `SystemExit` with one line for a wrong one."""
        variables = environment.variables
        port = environment.require("SMARTSTORE_GATEWAY_PORT")
        rate = variables.get("SMARTSTORE_GATEWAY_RECORDS_PER_SECOND", "") or "1000"
        try:
            settings = cls(
                host=variables.get("SMARTSTORE_GATEWAY_HOST", "") or "127.0.0.1",
                port=int(port),
                records_per_second=float(rate),
            )
        except ValueError as error:
            raise SystemExit(f"the gateway's port or rate is no number: {error}") from None
        if settings.records_per_second <= 0:
            raise SystemExit(f"SMARTSTORE_GATEWAY_RECORDS_PER_SECOND must be more than 0, not {rate}")
        return settings

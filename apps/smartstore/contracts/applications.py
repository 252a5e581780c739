"""Names of the streaming applications, as they stand in `job_status`, metrics and component lists."""

HOT = "hot"
"""The application of the stock jobs; with shards there are several: hot-0, hot-1, …"""
LAKE = "lake"
"""The application that keeps topics as Delta tables."""


def hot_applications(shards: int) -> tuple[str, ...]:
    """The applications that share the stores among them."""
    return (HOT,) if shards == 1 else tuple(f"{HOT}-{shard}" for shard in range(shards))


def is_hot(application: str) -> bool:
    """Whether an application runs the stock jobs of some stores."""
    return application.partition("-")[0] == HOT


def is_application(component: str) -> bool:
    """Whether a component is a streaming application: stock jobs, or the lake."""
    return is_hot(component) or component == LAKE

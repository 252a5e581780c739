"""Where the API server is, and who we are to it."""

import os

from kubernetes import config
from kubernetes.client import Configuration


def access() -> Configuration:
    """By `$KUBECONFIG` or `~/.kube/config`, else by the pod's service account.

    Raises:
        kubernetes.config.ConfigException: there is neither.
    """
    found = Configuration()
    # the library looks at the variable only once, when it is imported
    where = {"config_file": os.environ["KUBECONFIG"]} if "KUBECONFIG" in os.environ else {}
    if not where and "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=found)
    else:
        config.load_kube_config(client_configuration=found, **where)
    return found


def bearer(found: Configuration) -> str | None:
    """The value of the header `Authorization`; the token in it is renewed in its file every hour."""
    header: str | None = found.get_api_key_with_prefix("BearerToken", "authorization")
    return header

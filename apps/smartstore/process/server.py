"""The small HTTP server of every process: `/metrics` for Prometheus, `/healthz` for probes."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def serve_metrics(
    address: tuple[str, int], registry: CollectorRegistry, is_healthy: Callable[[], bool]
) -> ThreadingHTTPServer | None:
    """Serve in the background until the process ends; None when the port is 0.

    `/healthz` answers 200 while `is_healthy()` holds, else 503.
    """
    if address[1] == 0:
        return None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                healthy = is_healthy()
                self._answer(200 if healthy else 503, b"ok\n" if healthy else b"not ready\n", "text/plain")
            else:
                self._answer(404, b"only /metrics and /healthz are served here\n", "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Probes are not worth a log line."""

    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server

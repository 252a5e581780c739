# /// script
# requires-python = ">=3.11"
# dependencies = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"]
# ///
"""A store that speaks the language of S3, for tests: `uv run --script s3_server.py PORT`.

It has an environment of its own (s3_server.py.lock), since its libraries ask for other versions than ours.
"""

import sys

from moto.server import main  # type: ignore[import-not-found]

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])

"""The file that spark-submit runs: `run_module.py MODULE` is `python -m MODULE`."""

import runpy
import sys

sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

"""Benchmarks of the whole system on this machine: `make bench`. Each figure stands beside verify's verdict."""

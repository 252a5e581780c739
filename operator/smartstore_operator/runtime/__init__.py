"""The operator as a process in a cluster."""

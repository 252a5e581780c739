"""The kubectl plugin: what a person asks of a SmartStore in a cluster, with that person's own rights."""

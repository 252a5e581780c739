"""How well the stores were served: figures computed from the recomputed truth."""

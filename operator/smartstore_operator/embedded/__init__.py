"""The one-machine applier: the components of a SmartStore as supervised processes."""

"""The command `smartstore`."""

"""What every process of the data plane shares: environment, logs, metrics and health, stopping, clients."""

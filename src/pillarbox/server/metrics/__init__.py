"""The metrics of all workers, for Prometheus: `GET /metrics`."""

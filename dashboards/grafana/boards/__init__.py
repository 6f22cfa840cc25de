"""The Grafana dashboards as code: one module a dashboard, `parts` what they share."""

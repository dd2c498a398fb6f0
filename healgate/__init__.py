"""healgate: a release gate for Kubernetes healers."""

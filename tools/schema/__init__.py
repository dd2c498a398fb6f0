"""Makes the data that the embedded API serves by, from what a Kubernetes release publishes about itself.

    python -m tools.schema v1.36.3

reads the release's Go modules (through the ordinary `go` client) and writes `healgate/embedded/api/kubernetes.json.xz`:
types, merge keys, list types, defaults, protobuf field numbers, served resources and printer columns. A new minor is
one run of it. Nothing of Kubernetes' prose is taken over.

Each module here reads one kind of source; `build` puts them together. The trap is silence: whatever a source says
that the reader does not understand is an error, so that a new release cannot lose something unnoticed.
"""

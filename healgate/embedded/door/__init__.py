"""The ways into the embedded cluster: in process on virtual time, and HTTP on loopback."""

"""What stands beside a real Kafka broker in its container.

A trial sends a message and asks for it over HTTP, through the API server's Service proxy, and Kafka speaks no HTTP. So
the container's process starts the broker, and answers on the broker's own port: what looks like HTTP is translated into
requests to the broker, everything else is passed to it byte by byte. Topics, messages and refusals are the broker's.
Copied into images as it stands; nothing but the standard library.
"""

"""The wire: one recording point between a healer and a real API server.

http        HTTP/1.1 as bytes on a stream: heads, bodies, where an answer ends
upstream    how to reach the API server, and with whose word
kinds       which resources the server has, and what a path is about
fence       what a healer may see and do beyond its own namespace
proxy       the server that healers dial: fence, record, pass on
"""

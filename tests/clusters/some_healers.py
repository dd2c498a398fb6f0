"""Healers for a process of their own."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from kubernetes.client import CoreV1Api


def patches_sick(api_client: Any, report: Any) -> None:
    api = CoreV1Api(api_client)
    for found in api.list_config_map_for_all_namespaces().items:
        if found.metadata.name == "sick":
            report.detected(about="ConfigMap/sick")
            report.classified("oom", about="ConfigMap/sick")
            api.patch_namespaced_config_map("sick", found.metadata.namespace, {"data": {"well": "yes"}})
            report.remediated(about="ConfigMap/sick")


def raises(_api_client: Any, _report: Any) -> None:
    raise ValueError("no idea")


def dies(_api_client: Any, _report: Any) -> None:
    print("that was it", file=sys.stderr, flush=True)
    os._exit(7)


def hangs(_api_client: Any, report: Any) -> None:
    report.detected()
    while True:
        time.sleep(3600)


def talks(_api_client: Any, report: Any) -> None:
    report.detected()
    print('{"word": "nonsense"}')
    os.write(1, b"not json\n")
    report.escalated()
    time.sleep(3600)


def leaves_a_child(_api_client: Any, report: Any) -> None:
    if os.fork() == 0:
        time.sleep(3600)
    report.detected()
    sys.exit(3)


def says_much(_api_client: Any, report: Any) -> None:
    """More than a pipe takes at once, by several at a time."""
    said = [threading.Thread(target=report.detected, args=("Pod/a", letter * 100_000)) for letter in "abcd"]
    for thread in said:
        thread.start()
    for thread in said:
        thread.join()
    time.sleep(3600)

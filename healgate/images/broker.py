"""An image with a real Kafka broker in it: the files that turn a Java and Kafka's jars into the workload's image.

The paths are those that the manifests call. A tag that the real image is not of runs the broker that there is: what it
says differs between versions, and nobody may depend on that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .layers import File
from .program import HOME, modules, script

SOURCE = Path(__file__).parent / "kafka"
LIBRARIES = "/opt/kafka/libs"
# What halves the start of a broker and of its tools, in an image that has it; Java passes over one that is not there.
CLASSES = "-XX:SharedArchiveFile=/opt/kafka/classes.jsa"
LOGS = f"-Dlog4j2.configurationFile={HOME}/log4j2.xml"
# The admin tool lives for seconds: it is to start quickly, and in little memory.
TOOL = f'java -Xmx64m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 {CLASSES} {LOGS} -cp "{LIBRARIES}/*"'
SETTING = "HEAP_SIZE_MB"
# As a broker's own: who reads the log finds the lines that Kafka is known for.
_LOG4J = """\
<Configuration status="ERROR">
  <Appenders>
    <Console name="console" target="{target}"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console>
  </Appenders>
  <Loggers><Root level="{level}"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""


def program_files() -> dict[str, File]:
    """The same for every broker."""
    files = {
        f"{HOME}/broker.py": File(b"import sys\n\nfrom kafka.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n"),
        f"{HOME}/log4j2.xml": File(_LOG4J.format(target="SYSTEM_ERR", level="WARN").encode()),
        f"{HOME}/log4j2-broker.xml": File(_LOG4J.format(target="SYSTEM_OUT", level="INFO").encode()),
    }
    return files | modules(SOURCE, f"{HOME}/kafka")


def profile_files(profile: Mapping[str, Any]) -> dict[str, File]:
    """One tag's own."""
    program = profile["program"]
    heap = program["settings"][SETTING]["default"]
    broker = program["broker"]
    port = broker["port"]
    start = f'python3 -EsSB {HOME}/broker.py "${{{SETTING}:-{heap}}}" {broker["data"]} {port} kafka:{port}'
    files = {
        f"{HOME}/release": File(json.dumps(program["version"]).encode()),
        profile["entrypoint"][0]: File(script(start), 0o755),
    }
    for path in profile.get("tools", {}):
        files[path] = File(script(f'{TOOL} org.apache.kafka.tools.TopicCommand "$@"'), 0o755)
    return files

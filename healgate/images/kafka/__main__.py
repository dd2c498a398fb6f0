"""The container's process: `HEAP LOG_FOLDER CLIENT_PORT ADVERTISED`.

Starts the broker, waits until it answers, then opens its port, so that whoever connects finds a broker. Signals are
passed on, and the container ends as the broker does.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from .front import Front
from .wire import connected

BEHIND, CONTROLLER = 19092, 19093
LIBRARIES = "/opt/kafka/libs"
SETTINGS = Path("/tmp/server.properties")
LOGS = Path(__file__).parent.parent / "log4j2-broker.xml"
# Java passes over an archive that is not there.
CLASSES = "/opt/kafka/classes.jsa"
JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss256k"]
JAVA += [f"-XX:SharedArchiveFile={CLASSES}", f"-Dlog4j2.configurationFile={LOGS}"]
# Big enough for one broker with a few topics, small enough for many of them on one machine.
SERVER = """\
process.roles=broker,controller
node.id=0
controller.quorum.voters=0@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=CLIENT://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://{advertised}
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
num.network.threads=1
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.dedupe.buffer.size=1048577
"""


def main(args: list[str]) -> int:
    heap, folder, port, advertised = args
    data = Path(folder) / "data"
    settings = SERVER.format(behind=BEHIND, controller=CONTROLLER, advertised=advertised, data=data)
    SETTINGS.write_text(settings)
    if not (data / "meta.properties").exists():
        formatted = _java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(SETTINGS)).wait()
        if formatted:
            return formatted
    broker = _java("kafka.Kafka", str(SETTINGS), options=(f"-Xmx{heap}m", f"-Xms{heap}m"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: broker.send_signal(got))
    threading.Thread(target=_open, args=(int(port), broker, data), daemon=True).start()
    code = broker.wait()
    return code if code >= 0 else 128 - code


CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"


def _java(*command: str, options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*JAVA, *options, "-cp", f"{LIBRARIES}/*", *command])


def _open(port: int, broker: subprocess.Popen[bytes], data: Path) -> None:
    while broker.poll() is None:
        try:
            with connected(BEHIND) as client:
                client.topics()
            break
        except OSError:
            time.sleep(0.2)
    Front(port, BEHIND, data).serve_forever()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

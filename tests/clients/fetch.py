"""Real clients, as their registries have them, in the user's cache: `python -m tests.clients.fetch` (`make clients`).

Nothing of them is a dependency of the project, and a clone that does not have them skips their tests with the reason;
in CI they are fetched. Each goes into a folder named after what it was made from, so an upgrade is a new folder. The
trap is a fetch that was interrupted: a folder counts once it says that it is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "healgate/clients"
HERE = Path(__file__).parent
HELM = "helm.sh/helm/v4/cmd/helm@v4.3.1"
PYTHON_CLIENTS = ("kopf==1.45.2", "kr8s==0.20.15", "lightkube==1.0.1", "lightkube-models>=1.37,<2")
# The distribution that has kubectl 1.36; older ones' is too old.
DEBIAN = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian forky main\n"


_WHOLE = ".whole"


class Missing(Exception):
    """This machine cannot have that client; the text says why."""


def kubectl(into: Path) -> None:
    _need("apt-get", "dpkg-deb")
    work = into / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    (work / "sources.list").write_text(DEBIAN)
    options = [
        f"Dir::Etc::SourceList={work}/sources.list",
        "Dir::Etc::SourceParts=/dev/null",
        "Dir::Etc::Preferences=/dev/null",
        "Dir::Etc::PreferencesParts=/dev/null",
        f"Dir::State::Lists={work}/lists",
        f"Dir::Cache={work}/cache",
        "Acquire::Languages=none",
    ]
    apt = ["apt-get", "-qq", *(word for one in options for word in ("-o", one))]
    _run([*apt, "update"], into)
    _run([*apt, "download", "kubectl/forky"], into)
    _run(["dpkg-deb", "-x", *map(str, into.glob("kubectl_*.deb")), "root"], into)
    shutil.move(into / "root/usr/bin/kubectl", into / "kubectl")
    for left in (work, into / "root"):
        shutil.rmtree(left)
    for deb in into.glob("*.deb"):
        deb.unlink()


def shopwatch(into: Path) -> None:
    _need("go")
    _run(["go", "build", "-o", str(into / "shopwatch"), "."], HERE / "golang")


def helm(into: Path) -> None:
    _need("go")
    _run(["go", "install", HELM], into, GOBIN=str(into))


def python(into: Path) -> None:
    _run([sys.executable, "-m", "venv", "--copies", str(into)], into)
    _run([str(into / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *PYTHON_CLIENTS], into)


CLIENTS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "kubectl": (kubectl, (DEBIAN,)),
    "shopwatch": (shopwatch, tuple((HERE / "golang" / name).read_text("utf-8") for name in ("main.go", "go.sum"))),
    "helm": (helm, (HELM,)),
    "python": (python, (*PYTHON_CLIENTS, sys.version)),
}


def folder(name: str) -> Path:
    """Where a client is or will be."""
    made_from = hashlib.sha256("\n".join(CLIENTS[name][1]).encode()).hexdigest()[:12]
    return CACHE / f"{name}-{made_from}"


def fetched(name: str) -> Path:
    """The folder of a client, made now if it is not there; Missing if that cannot be."""
    home = folder(name)
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f"{name}.lock"):
        if not whole(name):
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            CLIENTS[name][0](home)
            (home / _WHOLE).touch()
    return home


def whole(name: str) -> bool:
    return (folder(name) / _WHOLE).exists()


def _need(*programs: str) -> None:
    for one in programs:
        if shutil.which(one) is None:
            raise Missing(f"there is no {one} on this machine")


def _run(command: list[str], where: Path, **environment: str) -> None:
    done = subprocess.run(command, cwd=where, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{' '.join(command[:3])} … failed: {done.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    for client in sys.argv[1:] or CLIENTS:
        print(f"{client}: ", end="", flush=True)
        print(fetched(client))

"""The environment that the chart gives to a container."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Container, of_kind, workloads

_FILE = "_FILE"


@dataclass
class Environment:
    """The variables of a container: those with a text, and those that a mounted file has."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # variable → path
    helpers: set[str] = field(default_factory=set)  # that only other variables use: $(POD_NAME)

    @property
    def names(self) -> set[str]:
        """The variables that the program in the container could read."""
        return self.texts.keys() | self.files.keys()


def services(documents: Sequence[Document], names: Sequence[str]) -> dict[str, Environment]:
    """Return the environment of each service's own container."""
    return {
        container.spec["name"]: of(container, documents)
        for workload in workloads(documents)
        for container in workload.containers
        if workload.is_long_running and container.spec["name"] in names
    }


def of(container: Container, documents: Sequence[Document]) -> Environment:
    """Return the environment of one container."""
    environment = Environment()
    for name, value in _pairs(container, documents):
        if name.endswith(_FILE):
            environment.files[name.removesuffix(_FILE)] = value
        else:
            environment.texts[name] = value
    for name in list(environment.texts):
        if any(f"$({name})" in text for text in environment.texts.values()):
            environment.helpers.add(name)
            del environment.texts[name]
    return environment


def mounted(container: Container) -> set[str]:
    """Return the paths of the secrets that a container finds as files."""
    volumes = {volume["name"]: volume for volume in container.workload.spec.get("volumes", [])}
    return {
        f"{mount['mountPath'].rstrip('/')}/{item['path']}"
        for mount in container.spec.get("volumeMounts", [])
        for source in volumes.get(mount["name"], {}).get("projected", {}).get("sources", [])
        for item in source.get("secret", {}).get("items", [])
    }


def _pairs(container: Container, documents: Sequence[Document]) -> Iterator[tuple[str, str]]:
    for entry in container.spec.get("envFrom", []):
        name = entry["configMapRef"]["name"]
        (found,) = (d for d in of_kind(documents, "ConfigMap") if d["metadata"]["name"] == name)
        yield from found["data"].items()
    for entry in container.spec.get("env", []):
        yield entry["name"], entry.get("value", "")

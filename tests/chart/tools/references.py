"""References to ConfigMaps, Secrets, volumes, and accounts, and quantities that do not parse."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tests.chart.tools.helm import Document
from tests.chart.tools.objects import Container, Workload, of_kind, workloads

Known = dict[str, set[str] | None]
"""The keys of each ConfigMap or Secret by its title; None if only its owner knows them."""

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(m|k|[KMGTPE]i|[MGTPE]|[eE][+-]?\d+)?")
_UNITS = {
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    **{unit: Decimal(1000) ** (n + 2) for n, unit in enumerate("MGTPE")},
    **{f"{unit}i": Decimal(1024) ** (n + 1) for n, unit in enumerate("KMGTPE")},
}
_VARIABLE = re.compile(r"(?<!\$)\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


def problems(documents: Sequence[Document], external: Sequence[str] = ()) -> list[str]:
    """Return references to what is neither rendered nor made by others.

    `external` has the names of Secrets and ConfigMaps that the values declare as made by others.
    """
    known = _known(documents, external)
    accounts = {d["metadata"]["name"] for d in of_kind(documents, "ServiceAccount")}
    claims = {d["metadata"]["name"] for d in of_kind(documents, "PersistentVolumeClaim")}
    found = []
    for workload in workloads(documents):
        account = workload.spec.get("serviceAccountName")
        if account and account not in accounts:
            found.append(f"{workload.name}: there is no ServiceAccount {account}")
        found += [f"{workload.name}: {p}" for p in _of_volumes(workload, known, claims)]
        for container in workload.containers:
            found += [f"{container.name}: {p}" for p in _of_environment(container, known)]
            found += [f"{container.name}: {p}" for p in _of_mounts(container)]
            found += [f"{container.name}: {p}" for p in _of_resources(container.spec)]
    return found


def _known(documents: Sequence[Document], external: Sequence[str]) -> Known:
    known: Known = {f"{kind}/{name}": None for kind in ("Secret", "ConfigMap") for name in external}
    for document in documents:
        spec, name = document.get("spec", {}), document["metadata"]["name"]
        match document["kind"]:
            case "ConfigMap" | "Secret" as kind:
                parts = (document.get(part) or {} for part in ("data", "stringData", "binaryData"))
                known[f"{kind}/{name}"] = {key for part in parts for key in part}
            case "ExternalSecret":
                keys = {entry["secretKey"] for entry in spec.get("data", [])}
                template = spec.get("target", {}).get("template", {}).get("data", {})
                whole = spec.get("dataFrom")
                known[f"Secret/{spec.get('target', {}).get('name', name)}"] = (
                    None if whole else keys | set(template)
                )
            case "Cluster":  # CloudNativePG makes the authority of its certificates
                known[f"Secret/{name}-ca"] = {"ca.crt", "ca.key"}
            case "Certificate":
                known[f"Secret/{spec['secretName']}"] = {"tls.crt", "tls.key", "ca.crt"}
    return known


def _missing(known: Known, kind: str, name: str, key: str | None = None) -> str | None:
    """Return what is missing of a reference."""
    wanted = f"{kind}/{name}"
    if wanted not in known:
        return f"there is no {wanted}, and no value declares it"
    keys = known[wanted]
    return f"{wanted} has no key {key}" if key and keys is not None and key not in keys else None


def _of_volumes(workload: Workload, known: Known, claims: set[str]) -> Iterator[str]:
    templates = workload.document["spec"].get("volumeClaimTemplates", [])
    claims = claims | {template["metadata"]["name"] for template in templates}
    volumes = workload.spec.get("volumes", [])
    mounts = [m["name"] for c in workload.containers for m in c.spec.get("volumeMounts", [])]
    for volume in volumes:
        if volume["name"] not in mounts:
            yield f"no container mounts the volume {volume['name']}"
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and claim not in claims:
            yield f"there is no PersistentVolumeClaim {claim}"
        for source in (volume, *volume.get("projected", {}).get("sources", [])):
            yield from _of_source(source, known)
        size = volume.get("emptyDir", {}).get("sizeLimit")
        if size is not None and quantity(size) is None:
            yield f"{size!r} is no size of the volume {volume['name']}"


def _of_source(source: Document, known: Known) -> Iterator[str]:
    for way, kind, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        reference = source.get(way)
        if not reference or reference.get("optional"):
            continue
        name = reference.get(key) or reference.get("name")
        items = reference.get("items") or [{"key": None}]
        yield from filter(None, (_missing(known, kind, name, item["key"]) for item in items))


def _of_environment(container: Container, known: Known) -> Iterator[str]:
    defined: set[str] = set()
    for entry in container.spec.get("envFrom", []):
        for way, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if way in entry:
                missing = _missing(known, kind, entry[way]["name"])
                yield from filter(None, [missing])
                defined |= known.get(f"{kind}/{entry[way]['name']}") or set()
    for entry in container.spec.get("env", []):
        source = entry.get("valueFrom", {})
        for way, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if way in source and not source[way].get("optional"):
                missing = _missing(known, kind, source[way]["name"], source[way]["key"])
                yield from filter(None, [missing])
        for variable in _VARIABLE.findall(str(entry.get("value", ""))):
            if variable not in defined:
                yield f"{entry['name']} uses $({variable}), which is not defined before it"
        defined.add(entry["name"])


def _of_mounts(container: Container) -> Iterator[str]:
    workload = container.workload
    volumes = {volume["name"] for volume in workload.spec.get("volumes", [])}
    templates = workload.document["spec"].get("volumeClaimTemplates", [])
    volumes |= {template["metadata"]["name"] for template in templates}
    for mount in container.spec.get("volumeMounts", []):
        if mount["name"] not in volumes:
            yield f"there is no volume {mount['name']}"


def _of_resources(container: Document) -> Iterator[str]:
    resources = container.get("resources", {})
    for side in ("requests", "limits"):
        for name, value in resources.get(side, {}).items():
            if quantity(value) is None:
                yield f"{value!r} is no quantity of {name}"
    for name, limit in resources.get("limits", {}).items():
        request, most = quantity(resources.get("requests", {}).get(name, 0)), quantity(limit)
        if request is not None and most is not None and request > most:
            yield f"the request of {name} is above its limit"


def quantity(value: Any) -> Decimal | None:
    """Return a Kubernetes quantity, such as `128Mi`, as a number; None if it does not parse."""
    found = _QUANTITY.fullmatch(str(value))
    if not found:
        return None
    number, unit = Decimal(found[1]), found[2] or ""
    if unit in _UNITS or not unit:
        return number * _UNITS.get(unit, 1)
    return number.scaleb(int(unit[1:]))  # e3


def declared(values: Document, release: str) -> list[str]:
    """Return the names of the Secrets that the values leave to others to make."""
    services, made = values["services"], []
    if values["secrets"]["mode"] == "existing":
        made += [values["secrets"]["serviceTemplate"], values["secrets"]["shared"]]
        made += [service.get("secretName", "") for service in services.values()]
        made.append(values["secrets"].get("operator", ""))
    if values["postgres"]["mode"] == "external":
        made += [values["postgres"]["secretTemplate"], values["postgres"]["ownerSecretTemplate"]]
    if values["nats"]["mode"] == "external":
        made.append(values["nats"]["existingSecret"])
    made += [values[server].get("caSecret", "") for server in ("postgres", "nats")]
    internal = values["tls"]["internal"]
    if internal["enabled"] and not internal["issuer"]["name"]:
        made.append(f"{release}-{{service}}-tls")
    return [name.replace("{service}", service) for name in made for service in services if name]

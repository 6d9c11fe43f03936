"""Validates rendered objects as an API server does, which refuses unknown fields as well.

Kubernetes' own kinds have their schemas in the wheel `kubernetes-validate`, CloudNativePG's in the
folder that ATTUNE_SCHEMAS names, and other custom resources in the npm packages of
`@kubernetes-models`.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
import yaml

from tests.chart.tools.helm import Document
from tests.chart.tools.install import HERE, SCHEMAS
from tests.chart.tools.objects import group, title
from tests.ecosystem import programs
from tests.ecosystem.install import NODE

VERSIONS = ("1.27", "1.32", kubernetes_validate.latest_version().rpartition(".")[0])
_FOLDER = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
CNPG = "postgresql.cnpg.io"
_PACKAGES = {
    "monitoring.coreos.com": "prometheus-operator",
    "keda.sh": "keda",
    "gateway.networking.k8s.io": "gateway-api",
    "cert-manager.io": "cert-manager",
    "external-secrets.io": "external-secrets",
}


def problems(documents: Iterable[Document], version: str) -> list[str]:
    """Return what Kubernetes of a version, such as `1.32`, would refuse in its own kinds."""
    found = []
    for document in documents:
        api = document["apiVersion"].replace(".k8s.io/", "/").replace("/", "-")
        if group(document) in (CNPG, *_PACKAGES):
            continue
        try:
            validator = _builtin(version, f"{document['kind'].lower()}-{api}")
        except FileNotFoundError:
            found.append(f"{title(document)}: Kubernetes {version} does not know {api}")
        else:
            found += _errors(document, validator)
    return found


def cnpg_problems(documents: Iterable[Document], folder: Path) -> list[str]:
    """Return what CloudNativePG's resource definitions would refuse; `folder` has them."""
    found = []
    for document in documents:
        if group(document) == CNPG:
            version = document["apiVersion"].rpartition("/")[2]
            path = folder / f"cnpg-{document['kind'].lower()}s.yaml"
            found += _errors(document, _custom(path, version))
    return found


def custom_problems(documents: Sequence[Document]) -> list[str]:
    """Return what the other custom resource definitions would refuse. Runs Node once."""
    chosen = [document for document in documents if group(document) in _PACKAGES]
    models = [f"{SCHEMAS}/{_PACKAGES[group(d)]}/{d['apiVersion']}/{d['kind']}.js" for d in chosen]
    asked = [{"model": m, "document": d} for m, d in zip(models, chosen, strict=True)]
    told = programs.run(NODE / "bin" / "node", HERE / "validate.mjs", input=json.dumps(asked))
    answers: list[list[str]] = json.loads(told)
    return [
        f"{title(document)}: {problem}"
        for document, answer in zip(chosen, answers, strict=True)
        for problem in answer
    ]


def _errors(document: Document, validator: Any) -> list[str]:
    return [
        f"{title(document)}: {'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in validator.iter_errors(document)
    ]


@cache
def _builtin(version: str, name: str) -> Any:
    """Return the validator of one of Kubernetes' own kinds, such as `deployment-apps-v1`."""
    folder = _FOLDER / f"v{version}.0-local-strict"
    schema = json.loads((folder / f"{name}.json").read_bytes())
    return jsonschema_rs.validator_for(schema, registry=_definitions(folder))


@cache
def _definitions(folder: Path) -> jsonschema_rs.Registry:
    definitions = json.loads((folder / "_definitions.json").read_bytes())
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])


@cache
def _custom(path: Path, version: str) -> Any:
    """Return the validator of a custom resource definition's version."""
    definition = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    for entry in definition["spec"]["versions"]:
        if entry["name"] == version:
            return jsonschema_rs.validator_for(strict(entry["schema"]["openAPIV3Schema"]))
    raise ValueError(f"{path.name} has no version {version}")


def strict(schema: Any) -> Any:
    """Return a structural schema that refuses unknown fields, as an API server does."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(properties := schema.get("properties"), dict):
        made["properties"] = {name: strict(value) for name, value in properties.items()}
        preserves = schema.get("x-kubernetes-preserve-unknown-fields")
        if not preserves and "additionalProperties" not in schema:
            made["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    if schema.get("nullable") and "type" in made:
        made["type"] = [
            *([made["type"]] if isinstance(made["type"], str) else made["type"]),
            "null",
        ]
    return made

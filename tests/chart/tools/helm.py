"""Renders the chart with Helm, as `helm install` would for a cluster."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.chart.tools.install import HELM, ROOT

Document = dict[str, Any]
"""One rendered Kubernetes object."""

CHART = ROOT / "deploy" / "helm"
RELEASE, NAMESPACE = "attune", "practice"
# Helm assumes an old cluster without custom resources where it cannot ask one.
_APIS = (
    *("monitoring.coreos.com/v1", "cert-manager.io/v1", "gateway.networking.k8s.io/v1"),
    *("keda.sh/v1alpha1", "external-secrets.io/v1", "postgresql.cnpg.io/v1"),
)
_CLUSTER = ["--namespace", NAMESPACE, "--api-versions", ",".join(_APIS)]
KUBERNETES = "1.32"


class Refused(Exception):
    """Helm or the chart has refused the values; the text says why."""


def values_files() -> list[Path]:
    """Return the chart's example values."""
    return sorted((CHART / "ci").glob("*-values.yaml"))


def path_of(values: str | Path) -> Path:
    """Return the path of `ci/NAME-values.yaml`; a path stays as it is."""
    if isinstance(values, Path):
        return values
    return CHART / "ci" / f"{values}-values.yaml"


@cache
def text(
    values: str | Path,
    *sets: str,
    kubernetes: str = KUBERNETES,
    upgrade: bool = False,
    chart: Path = CHART,
) -> str:
    """Return what Helm renders from a values file, as one YAML stream.

    `values` is the name of a file in `ci`, such as `prod`, or a path. Each of `sets` is `key=value`
    as for `--set`; `kubernetes` is the cluster's version; with `upgrade`, the release exists
    already. Raises Refused.
    """
    command: list[str | Path] = ["template", RELEASE, chart, *_CLUSTER, "--values", path_of(values)]
    command += ["--kube-version", f"{kubernetes}.0"]
    for entry in sets:
        command += ["--set", entry]
    return run(*command, *(["--is-upgrade"] if upgrade else []))


@cache
def documents(
    values: str | Path,
    *sets: str,
    kubernetes: str = KUBERNETES,
    upgrade: bool = False,
    chart: Path = CHART,
) -> tuple[Document, ...]:
    """Return what `text` does, parsed. All callers share it: copy it before changing it."""
    rendered = text(values, *sets, kubernetes=kubernetes, upgrade=upgrade, chart=chart)
    parsed = yaml.load_all(rendered, yaml.CSafeLoader)
    return tuple(document for document in parsed if document)


def with_json(values: str | Path, entry: str) -> tuple[Document, ...]:
    """Return the documents with a value given as JSON: `key=[…]`. Raises Refused."""
    rendered = run(
        "template",
        RELEASE,
        CHART,
        *_CLUSTER,
        "--kube-version",
        f"{KUBERNETES}.0",
        "--values",
        path_of(values),
        "--set-json",
        entry,
    )
    return tuple(filter(None, yaml.load_all(rendered, yaml.CSafeLoader)))


@cache
def values_of(values: str | Path) -> Document:
    """Return the chart's values with those of a file merged into them, as Helm does."""
    default = yaml.load((CHART / "values.yaml").read_bytes(), yaml.CSafeLoader)
    return merge(default, yaml.load(path_of(values).read_bytes(), yaml.CSafeLoader))


def merge(below: Document, above: Document) -> Document:
    """Return two trees of values merged; null removes a key, a list replaces a list."""
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(below.get(key), dict):
            merged[key] = merge(below[key], value)
        else:
            merged[key] = value
    return merged


def services_of(values: str | Path) -> dict[str, Document]:
    """Return each service's values with `defaults` merged under them."""
    all_values = values_of(values)
    return {
        name: merge(all_values["defaults"], own or {})
        for name, own in all_values["services"].items()
    }


def lint(values: str | Path) -> str:
    """Return what `helm lint --strict` prints. Raises Refused."""
    return run("lint", CHART, "--strict", "--namespace", NAMESPACE, "--values", path_of(values))


def run(*arguments: str | Path) -> str:
    """Return what a Helm command prints. Raises Refused."""
    done = subprocess.run([HELM, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stdout + done.stderr)
    return done.stdout

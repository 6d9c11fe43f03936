#!/bin/sh
# Compiles the locked requirements from every pyproject.toml: dev.txt for everything at once, and
# one file for each image, with the versions of dev.txt. They name no package index.
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate \
        --universal --python-version 3.11 --no-emit-package attune-common "$@"
}
compile libs/common/pyproject.toml services/*/pyproject.toml --group pyproject.toml:dev \
    -o requirements/dev.txt
compile --group pyproject.toml:build -c requirements/dev.txt -o requirements/build.txt
for folder in services/*; do
    compile "$folder/pyproject.toml" -c requirements/dev.txt -o "requirements/$(basename "$folder").txt"
done

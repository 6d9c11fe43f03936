# A stand-in for python:3.11-slim-bookworm, for machines that reach Debian's packages but no image
# registry. Debian's Python brings no pip for itself; the official image has one.
FROM attune-base/debian:bookworm
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# hadolint ignore=DL3008,DL3013
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends python3 python3-venv python3-distutils \
 && rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED \
 && ln -s /usr/bin/python3.11 /usr/local/bin/python \
 && ln -s /usr/bin/python3.11 /usr/local/bin/python3 \
 && PYTHONPATH=$(ls /usr/share/python-wheels/pip-*.whl) python -m pip install -q --no-cache-dir --no-index \
      --root-user-action=ignore --find-links /usr/share/python-wheels pip setuptools \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

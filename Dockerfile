# The service: the package with what it needs to serve, and nothing else. Voicebanks come from the bucket.
FROM python:3.11-slim AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /app
COPY requirements/serve.txt requirements/
RUN /app/bin/pip install --only-binary=:all: --requirement requirements/serve.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src/cantilena src/cantilena
RUN python -m pip wheel --no-deps --wheel-dir wheels . \
    && /app/bin/pip install --no-deps wheels/*.whl \
    && /app/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
COPY --from=build /app /app
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin cantilena
ENV PATH=/app/bin:$PATH \
    HOME=/tmp \
    LOG_FORMAT=json \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 10001:10001
CMD ["cantilena", "serve"]

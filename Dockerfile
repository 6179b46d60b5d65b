# The service alone: no training dependencies, no compiler, no secrets. A site is mounted at /site.
# It runs with a read-only root file system; it writes to /site and /tmp only.
FROM python:3.11.13-slim-bookworm

# Time zones, and the OpenMP library that LightGBM loads.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 tzdata \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements/serve.txt requirements/serve.txt
RUN ["pip", "install", "--no-cache-dir", "--no-compile", "--require-hashes", "--requirement", "requirements/serve.txt"]

COPY LICENSE LICENSE
COPY features features
COPY training training
COPY serving serving
COPY src src

ENV PYTHONPATH=/app/src \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp \
    CRISISRISK_SITE=/site

RUN ["useradd", "--system", "--uid", "10001", "--no-create-home", "--shell", "/usr/sbin/nologin", "crisisrisk"]
USER 10001
VOLUME ["/site"]
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "crisisrisk.serving.health"]
CMD ["python", "-m", "crisisrisk", "serve", "--host", "0.0.0.0", "--port", "8000"]

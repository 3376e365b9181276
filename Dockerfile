# The environment of every rule, as `make env` makes it, without the package. Build it once:
#   docker build --tag vlae .
# For `snakemake --sdm apptainer`, turn it into the file that `container` in
# config/config.yaml names (docs/cluster.md):
#   docker save vlae --output vlae.tar && apptainer build vlae.sif docker-archive:vlae.tar
FROM python:3.11.9-slim-bookworm

COPY requirements.lock /opt/
# With byte code, which cannot be written later, when the image is read-only.
RUN python -m pip install --no-cache-dir --require-hashes --compile \
      --requirement /opt/requirements.lock

# In a container that runs under a user number without a name, home is the root folder.
ENV MPLCONFIGDIR=/tmp/matplotlib XDG_CACHE_HOME=/tmp/cache

"""What Superset is told; all that is secret comes from the environment."""

import os

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["SUPERSET_DATABASE"]
DATA_DIR = "/tmp/superset"  # nothing in it need last  # noqa: S108 - a volume of the container's own
SQLLAB_TIMEOUT = 110  # seconds; gunicorn ends a request after 120

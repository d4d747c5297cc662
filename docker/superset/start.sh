#!/bin/sh
# Brings Superset's own database up to date, makes the user `admin` and the lake known, and serves. Each step may be repeated.
set -eu
superset() { python -c 'from superset.cli.main import superset; superset()' "$@"; } # its own script knows one Python alone, the one that pip ran with
superset db upgrade
superset fab create-admin --username admin --firstname Lake --lastname Admin --email admin@localhost --password "$SUPERSET_ADMIN_PASSWORD"
superset init
superset set-database-uri --database_name lake --uri "${SUPERSET_LAKE:-trino://superset@trino:8080/lake}"
exec python -m gunicorn --no-control-socket --bind "${SUPERSET_BIND:-0.0.0.0:8088}" --workers 2 --timeout 120 'superset.app:create_app()'

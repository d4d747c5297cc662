#!/bin/sh
# Run once by the image of PostgreSQL, when the volume is empty: a database and a user each, who sees no other's.
set -eu
for name in dagster lake registry superset; do
    password=$(printenv "$(echo "$name" | tr '[:lower:]' '[:upper:]')_PASSWORD")
    psql --set=ON_ERROR_STOP=1 --username=postgres --set=name="$name" --set=password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done

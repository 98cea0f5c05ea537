# Lists the recipes
default:
    @just --list

# Checks what CI checks: format, lint, docs, tests
check:
    .ci/run

# Rewrites the expected outputs in tests/golden from what the program says now; review them as code
golden:
    UPDATE_GOLDEN=1 cargo test

# Makes every dump in fixtures anew, with throwaway PostgreSQL servers; `just fixtures shop` makes only that part
fixtures *parts:
    fixtures/make.sh {{parts}}

# Writes docs/functions.md from the registry of masking functions
docs:
    UPDATE_GOLDEN=1 cargo test --test it docs

# Runs the benches; `just bench copy` runs one
bench *names:
    cargo bench {{ if names == "" { "" } else { "--bench " + names } }}

#!/usr/bin/env bash
# Two validators of other people, unmodified, read our OpenAPI document. Without npm's registry, this is
# skipped. Versions are pinned, so that their news are not our failures.
. "$(dirname "$0")/../e2e/support.sh" "$1"
command -v npm >/dev/null || skip "npm is not installed"
SERIOUSME=2.11.0 README=9.0.0
mkdir "$WORK/judges"
printf '{"name":"judges","private":true,"type":"module"}' >"$WORK/judges/package.json"
(cd "$WORK/judges" && timeout 180 npm install --ignore-scripts --no-audit --no-fund \
    "@seriousme/openapi-schema-validator@$SERIOUSME" "@readme/openapi-parser@$README" >"$WORK/npm.log" 2>&1) ||
    skip "npm's registry does not answer: $(tail -n 1 "$WORK/npm.log")"

server_start
curl -sSf "$URL/api/v1/openapi.json" -o "$WORK/openapi.json"
cp tests/acceptance/openapi.mjs "$WORK/judges/"
node "$WORK/judges/openapi.mjs" "$WORK/openapi.json" || fail "the document is not valid"

say "what is wrong is found: a document without a title, a parameter without a name"
for broken in 'del(.info.title)' '.paths["/api/v1/products"].get.parameters[0] |= del(.name)' '.openapi = "3.1"'; do
    jq "$broken" "$WORK/openapi.json" >"$WORK/broken.json"
    ! node "$WORK/judges/openapi.mjs" "$WORK/broken.json" >"$WORK/said" 2>&1 || fail "was let pass: $broken"
done

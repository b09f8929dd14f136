#!/usr/bin/env bash
# A support bundle has what helps and no secret, and is there when the server is not.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
claim=$(claim_new 3)
reader=$(slipway token new --name helper --role reader --json | jq -r .token)
image_make "$WORK/v1.img" 50000 1 0
release_publish v1 1 "$WORK/v1.img"
cat >"$WORK/slipway.conf" <<C
database.conninfo = host=db user=slipway password=hunter2
tls.key = /etc/slipway/key.pem
listen.port = 8443
C
{
    echo "info claim.used token=$claim"
    echo "warning http.failed header='Authorization: Bearer $TOKEN' url=https://joe:hunter3@proxy/x"
    printf -- '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI\n-----END PRIVATE KEY-----\n'
    echo "info server.ready token $reader"
} >"$WORK/some.log"

slipway support-bundle --out "$WORK/bundle.tar.gz" --config "$WORK/slipway.conf" --log "$WORK/some.log" --log "$WORK/server.log" >/dev/null
[ "$(stat -c %a "$WORK/bundle.tar.gz")" = 600 ] || fail "others may read it"
mkdir "$WORK/bundle"
tar -xzf "$WORK/bundle.tar.gz" -C "$WORK/bundle"
for want in about.txt server/ready.json server/metrics.txt fleet/groups.json fleet/deployments.json problems/issues.json config/slipway.conf logs/1.log logs/2.log; do
    [ -s "$WORK/bundle/$want" ] || fail "there is no $want"
    ! grep -q 'not to be had' "$WORK/bundle/$want" || fail "$want: $(cat "$WORK/bundle/$want")"
done
grep -q 'listen.port = 8443' "$WORK/bundle/config/slipway.conf" || fail "the configuration is lost"
grep -q 'schema.migrated' "$WORK/bundle/logs/2.log" || fail "the log is lost"
for secret in "$TOKEN" "$reader" "${reader##*_}" "$claim" hunter2 hunter3 MC4CAQAw; do
    ! grep -rqF -- "$secret" "$WORK/bundle" || fail "a secret is in it: $(grep -rlF -- "$secret" "$WORK/bundle")"
done

say "without a server"
server_stop
SLIPWAY_TOKEN=$TOKEN slipway support-bundle --out "$WORK/alone.tar.gz" --url "$URL" --log "$WORK/some.log" >/dev/null 2>"$WORK/said" || fail "$(cat "$WORK/said")"
grep -q 'could not be had' "$WORK/said" || fail "it says: $(cat "$WORK/said")"
tar -xzOf "$WORK/alone.tar.gz" server/ready.json | grep -q 'not to be had' || fail "it does not say why"

#!/usr/bin/env bash
# Devices insist on the keys their owners signed (trust/anchors.json), not on a certificate alone: a
# server with another key gets no token, whoever vouches for it. What signatures verify is still had
# from it, so that a device that slept through a change of keys finds the new anchors and goes on.
. "$(dirname "$0")/support.sh" "$1"
certificate() { # NAME: a key, and a certificate that devices verify
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$WORK/$1.key" -out "$WORK/$1.pem" 2>/dev/null
    cat "$WORK/$1.pem" >>"$WORK/ca.pem"
}
pin_of() { openssl x509 -in "$WORK/$1.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1; }
serve_with() { export SLIPWAY_TLS_CERTIFICATE=$WORK/$1.pem SLIPWAY_TLS_KEY=$WORK/$1.key; }
certificate first
certificate second
export SLIPWAY_CA=$WORK/ca.pem CURL_CA_BUNDLE=$WORK/ca.pem
serve_with first
server_start
slipway init --profile solo --product board --hwid "$HWID" --component base-os --keys "$WORK/keys" --tls-pin "$(pin_of first)" --yes >"$WORK/init.log"
cp "$WORK/keys/root.json" "$WORK/1.root.json"
GROUP=board/production
slipway group set "$GROUP" --poll-interval 1 >/dev/null
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 100000 2 0
image_make "$WORK/v3.img" 100000 3 0
solo_publish v1 1 "$WORK/v1.img"
PROVISION_OPTIONS="--ca $WORK/ca.pem" device_provision one "$WORK/v1.img"
device_start one
until_true 30 "the device knows what it runs" device_runs one "$(sha "$WORK/v1.img")"
[ "$(device_field one .trust.anchors_version)" = 1 ] || fail "the device has no anchors"

say "a server with the signed key"
solo_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 100%)
until_true 60 "the device runs v2" device_runs one "$(sha "$WORK/v2.img")"
until_true 30 "the deployment finishes" deploy_is "$id" finished

say "the same server with another key, as well certified"
server_stop
serve_with second
server_start
until_true 60 "PIN_MISMATCH in the status" device_refusal one PIN_MISMATCH
reports=$(sql "SELECT count(*) FROM report")
tried() { [ "$(grep -c 'agent.check_failed' "$WORK/one.log")" -gt 3 ]; }
until_true 60 "it tried again and again" tried
[ "$(sql "SELECT count(*) FROM report")" = "$reports" ] || fail "the device reported to a server that it must not know"

say "the owners sign both keys; a device that slept through it finds them by itself"
slipway sign trust --tls-pin "$(pin_of second)" --tls-pin "$(pin_of first)" --keys "$WORK/keys" --yes >/dev/null
renewed() { [ "$(device_field one .trust.anchors_version)" = 2 ]; }
until_true 90 "the device has the new anchors" renewed
solo_publish v3 3 "$WORK/v3.img"
id=$(deploy_create v3 --phases 100%)
until_true 90 "the device runs v3" device_runs one "$(sha "$WORK/v3.img")"
say "pins kept a server out, and new ones let it in"

#!/usr/bin/env bash
# The same update over TLS: 1.3 preferred, 1.2 with ECDHE and AEAD for small devices, nothing
# older or weaker; a server with another certificate gets no token.
. "$(dirname "$0")/support.sh" "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$WORK/tls.key" -out "$WORK/tls.pem" 2>/dev/null
export SLIPWAY_TLS_CERTIFICATE=$WORK/tls.pem SLIPWAY_TLS_KEY=$WORK/tls.key SLIPWAY_CA=$WORK/tls.pem
export CURL_CA_BUNDLE=$WORK/tls.pem
server_start
case $URL in https://*) ;; *) fail "the server says $URL" ;; esac
curl -sS --cacert "$WORK/tls.pem" "$URL/healthz" >/dev/null
curl -sS --cacert "$WORK/tls.pem" --tls-max 1.2 "$URL/healthz" >/dev/null || fail "TLS 1.2 with ECDHE is refused"
! curl -sS --cacert "$WORK/tls.pem" --tls-max 1.1 "$URL/healthz" >/dev/null 2>&1 || fail "TLS 1.1 is accepted"
! curl -sS --cacert "$WORK/tls.pem" --tls-max 1.2 --ciphers AES128-SHA256 "$URL/healthz" >/dev/null 2>&1 || fail "RSA key exchange is accepted"
! curl -sS --cacert "$WORK/tls.pem" --tls-max 1.2 --ciphers ECDHE-ECDSA-AES128-SHA256 "$URL/healthz" >/dev/null 2>&1 || fail "CBC is accepted"
fleet_start
image_make "$WORK/v1.img" 100000 1 0
image_make "$WORK/v2.img" 3000000 2 0
release_publish v1 1 "$WORK/v1.img"
SLOT_BYTES=3100000
PROVISION_OPTIONS="--ca $WORK/tls.pem" device_provision one "$WORK/v1.img"
device_start one
until_true 20 "the device knows what it runs" device_runs one "$(sha "$WORK/v1.img")"
release_publish v2 2 "$WORK/v2.img"
id=$(deploy_create v2 --phases 100%)
until_true 60 "the deployment finishes" deploy_is "$id" finished
slot_holds one b "$(sha "$WORK/v2.img")" 3000000 || fail "slot b does not hold v2"

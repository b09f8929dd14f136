#!/usr/bin/env bash
# A publication is seen whole or not at all. Publications of three roles, always of one version,
# follow each other without pause while the server is killed with -9 six times. A reader that walks
# timestamp, snapshot and roles all the time never finds a file missing, another hash, another
# length, or two roles of different versions; a plain TUF client accepts what is there at the end.
. "$(dirname "$0")/support.sh" "$1"
COUNT=$((200 / SLOW))
KILLS=6
server_start
slipway repo online-keys --out "$WORK/online.json" >/dev/null
mkdir "$WORK/publications"
repo-publications "$WORK/online.json" "$WORK/publications" "$COUNT"
BASE=$URL/t/default/image/metadata

# publish_all: each publication until it is there; an answer that got lost with the server is a
# conflict the next time
publish_all() {
    local n status
    for n in $(seq "$COUNT"); do
        until
            status=$(curl -sS -m 20 -o "$WORK/answer" -w '%{http_code}' -X POST -H "Authorization: Bearer $TOKEN" \
                --data-binary "@$WORK/publications/$n.json" "$URL/api/v1/repo/publications" 2>/dev/null) || true
            [ "$status" = 201 ] || { [ "$status" = 409 ] && grep -q "next one is $((n + 1))" "$WORK/answer"; }
        do
            case $status in 000 | 409 | 503) sleep 0.05 ;; *) cat "$WORK/answer" && return 1 ;; esac
        done
        echo "$n" >"$WORK/published.new" && mv "$WORK/published.new" "$WORK/published"
        sleep 0.05 # so that the reader sees most of them
    done
}
# A body that the kill cut short is no answer: 000.
fetch() { curl -sS -m 20 -o "$2" -w '%{http_code}' "$BASE/$1" 2>/dev/null || printf 000; } # NAME FILE
listed() { jq -r --arg name "$2" '.signed.meta[$name] | "\(.version) \(.length) \(.hashes.sha256)"' "$1"; } # FILE NAME
# look NAME LENGTH SHA256: 0 it is that file, 1 the server is away, 2 it is not
look() {
    local status
    status=$(fetch "$1" "$WORK/seen.file")
    case $status in 200) ;; 404) return 2 ;; *) return 1 ;; esac
    [ "$(stat -c %s "$WORK/seen.file") $(sha "$WORK/seen.file")" = "$2 $3" ] || return 2
}
# walk: 0 all of one state, 1 the server was away or went on meanwhile, 2 never
walk() {
    local version length hash role versions=() wrong=0
    [ "$(fetch timestamp.json "$WORK/seen.timestamp")" = 200 ] || return 1
    read -r version length hash <<<"$(listed "$WORK/seen.timestamp" snapshot.json)"
    look "$version.snapshot.json" "$length" "$hash" || wrong=$?
    if [ "$wrong" = 0 ]; then
        cp "$WORK/seen.file" "$WORK/seen.snapshot"
        for role in targets os-a os-b; do
            read -r version length hash <<<"$(listed "$WORK/seen.snapshot" "$role.json")"
            versions+=("$version")
            look "$version.$role.json" "$length" "$hash" || { wrong=$?; break; }
        done
    fi
    # Whoever is slower than three publications may find his files gone, and begins again.
    # Where nobody answers any more, nothing can be said.
    if [ "$wrong" = 2 ]; then
        [ "$(fetch timestamp.json "$WORK/seen.again")" = 200 ] || return 1
        cmp -s "$WORK/seen.timestamp" "$WORK/seen.again" || return 1
    fi
    [ "$wrong" = 0 ] || return "$wrong"
    if [ "${versions[0]}" = "${versions[1]}" ] && [ "${versions[0]}" = "${versions[2]}" ]; then
        return 0
    fi
    echo "versions ${versions[*]}"
    return 2
}
walk_all() {
    local result
    while [ ! -e "$WORK/end" ]; do
        result=0
        walk || result=$?
        [ "$result" = 2 ] && { cp "$WORK/seen.timestamp" "$WORK/mixed"; return 1; }
        [ "$result" = 0 ] && echo "${versions[*]:-}" >>"$WORK/walks"
    done
}
published() { [ -s "$WORK/published" ] && [ "$(cat "$WORK/published")" -ge "$1" ]; }
walked() { [ -e "$WORK/mixed" ] || [ "$(wc -l <"$WORK/walks")" -ge "$1" ]; }

touch "$WORK/walks"
background publisher publish_all
PUBLISHER=$!
until_true 30 "the first publication" published 1
background reader walk_all
READER=$!
for n in $(seq "$KILLS"); do
    before=$(cat "$WORK/published")
    until_true 60 "publications after kill $((n - 1))" published $((before + COUNT / (KILLS * 3)))
    sleep "0.0$((n * 7 % 10))" # somewhere in the middle of one
    server_kill
    server_start
    [ ! -e "$WORK/mixed" ] || fail "a mixed state was seen: $(cat "$WORK/mixed")"
done
until_true 200 "all publications" published "$COUNT"
wait "$PUBLISHER" || fail "a publication was refused"
until_true 60 "walks of the reader" walked $(($(wc -l <"$WORK/walks") + 3))
touch "$WORK/end"
wait "$READER" || fail "a mixed state was seen: $(cat "$WORK/mixed")"

result=0
walk || result=$?
[ "$result" = 0 ] || fail "the last state is not whole"
[ "$(jq '.signed.meta["os-b.json"].version' "$WORK/seen.snapshot")" = "$COUNT" ] || fail "the last state is not the last publication"
[ "$(sql "SELECT count(*) FROM repo_document WHERE role = 'os-a'")" = "$COUNT" ] || fail "a publication is missing or there twice"
curl -sS --fail "$BASE/1.root.json" >"$WORK/root.json"
slipway-tuf --metadata-dir "$WORK/client" init "$WORK/root.json"
slipway-tuf --metadata-url "$BASE" --metadata-dir "$WORK/client" refresh
say "$COUNT publications, $KILLS kills, $(wc -l <"$WORK/walks") walks, each of one state"

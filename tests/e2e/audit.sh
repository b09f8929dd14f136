#!/usr/bin/env bash
# T70: whoever can write SQL can change the audit, but not without `slipway audit verify` naming the
# first row that is wrong.
. "$(dirname "$0")/support.sh" "$1"
server_start
fleet_start
for n in 1 2 3 4 5; do slipway product create "p$n" --hwid "h$n" >/dev/null; done

# bad SEQ [options]: verify fails, names that row, exit status 1
bad() {
    local want=$1 status=0 got
    shift
    slipway audit verify "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    got=$(sed -n 's/^first bad row: //p' "$WORK/out")
    [ "$status" = 1 ] || fail "exit status $status instead of 1: $(cat "$WORK/out" "$WORK/err")"
    [ "$got" = "$want" ] || fail "the first bad row is '$got' instead of $want: $(cat "$WORK/err")"
    [ "$(slipway audit verify --json "$@" | jq -r .first_bad_seq)" = "$want" ] || fail "--json says something else"
}
good() { slipway audit verify "$@" >"$WORK/out" || fail "the audit is bad: $(cat "$WORK/out")"; }

say "the chain as it is"
good
head=$(tail -n 1 "$WORK/out")
rows=${head%%:*}
[ "$rows" -ge 8 ] || fail "only $rows rows"
good --head "$head"
slipway audit export >"$WORK/audit.jsonl"
[ "$(wc -l <"$WORK/audit.jsonl")" = "$rows" ] || fail "the export has $(wc -l <"$WORK/audit.jsonl") rows"
good --file "$WORK/audit.jsonl"
head -n 1 "$WORK/audit.jsonl" | jq -e '.seq == 1 and .actor == "slipwayd" and .via == "console"' >/dev/null || fail "the first row: $(head -n 1 "$WORK/audit.jsonl")"
# Nobody has to believe our code: the same hash by other tools.
row=$(sed -n 3p "$WORK/audit.jsonl")
hash=$({ printf '\0'; printf %s "$row" | jq -jcS 'del(.hash)'; } | sha256sum | cut -d' ' -f1)
[ "$hash" = "$(printf %s "$row" | jq -r .hash)" ] || fail "the hash is not what the format says"

say "update, delete and truncate are trapped, even for the owner"
for try in "UPDATE audit SET object = 'x' WHERE seq = 2" "DELETE FROM audit WHERE seq = 2" "TRUNCATE audit" \
    "SET session_replication_role = replica; DELETE FROM audit"; do
    sql "$try" >/dev/null 2>&1 && fail "nothing stopped: $try"
done
good --head "$head"

say "T70: with the traps and constraints taken away"
sql "ALTER TABLE audit DISABLE TRIGGER audit_trap, DROP CONSTRAINT audit_pkey, DROP CONSTRAINT audit_seq_check; CREATE TABLE audit_before AS TABLE audit; CREATE TABLE audit_head_before AS TABLE audit_head"
# tampered SEQ WHAT SQL [verify options]: does it, expects that row, undoes it
tampered() {
    local want=$1 what=$2 statement=$3
    shift 3
    sql "$statement"
    bad "$want" "$@"
    say "$what: row $want"
    sql "DELETE FROM audit; INSERT INTO audit TABLE audit_before; UPDATE audit_head h SET seq = b.seq, hash = b.hash FROM audit_head_before b WHERE b.tenant_id = h.tenant_id"
    good
}
COPY="INSERT INTO audit SELECT tenant_id, %s, at, tenant, 'slw_00000000', via, action, object, before_hash, after_hash, request_id, %s, hash FROM audit WHERE seq = %s"
rechain() { printf "DO \$\$ DECLARE r audit; h text; BEGIN FOR r IN SELECT * FROM audit WHERE seq >= %s ORDER BY seq LOOP SELECT hash INTO h FROM audit WHERE seq = r.seq - 1; UPDATE audit SET prev_hash = h WHERE seq = r.seq; UPDATE audit a SET hash = slipway_audit_hash(a) WHERE seq = r.seq; END LOOP; END \$\$" "$1"; }
tampered 4 "a row altered" "UPDATE audit SET object = 'product of somebody else' WHERE seq = 4"
tampered 4 "a row's time altered" "UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 4"
tampered 5 "a row altered and hashed anew" "UPDATE audit SET actor = 'slw_00000000' WHERE seq = 4; UPDATE audit a SET hash = slipway_audit_hash(a) WHERE seq = 4"
tampered 3 "a row deleted" "DELETE FROM audit WHERE seq = 3"
tampered 1 "the first row deleted" "DELETE FROM audit WHERE seq = 1"
tampered "$rows" "the last row deleted" "DELETE FROM audit WHERE seq = $rows"
tampered 3 "a row deleted, the others moved up" "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3"
tampered "$((rows + 1))" "a row inserted behind the last" "$(printf "$COPY" "$((rows + 1))" hash "$rows"); UPDATE audit a SET hash = slipway_audit_hash(a) WHERE seq = $((rows + 1))"
tampered 4 "a row inserted between" "UPDATE audit SET seq = seq + 1 WHERE seq >= 4; $(printf "$COPY" 4 hash 3)"
tampered "$rows" "everything from row 4 on made anew, head and all: a head written down finds it" \
    "UPDATE audit SET object = 'nothing' WHERE seq = 4; $(rechain 4); UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE seq = $rows)" --head "$head"

say "an exported file the same"
jq -c 'if .seq == 5 then .object = "x" else . end' "$WORK/audit.jsonl" >"$WORK/altered.jsonl"
bad 5 --file "$WORK/altered.jsonl"
sed 6d "$WORK/audit.jsonl" >"$WORK/shorter.jsonl"
bad 6 --file "$WORK/shorter.jsonl"
sed '$d' "$WORK/audit.jsonl" >"$WORK/cut.jsonl"
bad "$rows" --file "$WORK/cut.jsonl" --head "$head"

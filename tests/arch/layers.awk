# Checks every #include against layers.txt: first argument is the rules, the rest are sources.
# A rule names a folder ("lib" covers "lib/base") or a single header.

function covers(rule, path) { return path == rule || index(path, rule "/") == 1 }

function layer_of(path,    best, name) {
    best = ""
    for (name in allowed)
        if (covers(name, path) && length(name) > length(best))
            best = name
    return best
}

function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }

function complain(text) { print FILENAME ":" FNR ": " text; bad = 1 }

FNR == 1 { file++ }

file == 1 && /^layer / {
    line = $0; sub(/^layer /, "", line)
    name = line; sub(/:.*/, "", name)
    sub(/^[^:]*:/, "", line)
    allowed[name] = line
    next
}
file == 1 && /^home / {
    line = $0; sub(/^home /, "", line)
    name = line; sub(/:.*/, "", name)
    sub(/^[^:]*:/, "", line)
    home[name] = line
    next
}
file == 1 { next }

/^#include "/ {
    target = $2; gsub(/"/, "", target)
    mine = layer_of(FILENAME)
    if (mine == "") { complain("no layer covers this file"); next }
    if (target !~ /\//) { complain("include paths start at the root: \"" target "\""); next }
    if (covers(mine, target) && layer_of(target) == mine) next
    count = split(allowed[mine], rules, " ")
    for (i = 1; i <= count; i++)
        if (covers(rules[i], target)) next
    complain(mine " may not include \"" target "\"")
}

/^#include </ {
    target = $2; gsub(/[<>]/, "", target)
    for (name in home) {
        if (!covers(name, target)) continue
        if (covers("tests", FILENAME)) continue
        count = split(home[name], rules, " ")
        found = 0
        for (i = 1; i <= count; i++)
            if (covers(rules[i], FILENAME)) found = 1
        if (!found) complain("<" target "> has its home in" home[name])
    }
}

END { exit bad }

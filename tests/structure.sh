# SPDX-License-Identifier: MIT OR Apache-2.0
# What the structural tests (tests/structure-*) share. Each holds the tree to a rule, and then plants faults in a copy to see
# that the rule is noticed when it is broken.
set -u
LC_ALL=C
export LC_ALL
source_dir=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

# check WHAT COMMAND...: the command must succeed; its output is shown if it does not.
check() {
    what=$1
    shift
    if "$@" >"$scratch/output" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        sed 's/^/    /' "$scratch/output"
    fi
}

# notices WHAT REGEX COMMAND...: there is a planted fault, so the command must fail and say something that matches.
notices() {
    what=$1 regex=$2
    shift 2
    if ! "$@" >"$scratch/output" 2>&1 && grep -qE -e "$regex" "$scratch/output"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: the planted fault was not noticed: $what: expected a failure that says \"$regex\", found"
        sed 's/^/    /' "$scratch/output"
    fi
}

# catches_hangup PID: waits until a program has its handler for SIGHUP. False: it has ended without.
catches_hangup() {
    until grep -q '^SigCgt:.*[13579bdf]$' "/proc/$1/status"; do
        grep -q '^State:.Z' "/proc/$1/status" && return 1
        sleep 0.02
    done
}

skip() {
    echo "SKIP: $*"
    exit 77
}

closing_line() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

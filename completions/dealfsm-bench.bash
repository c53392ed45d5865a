# SPDX-License-Identifier: MIT OR Apache-2.0
# Completion of dealfsm-bench for bash.

_dealfsm_bench() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words= files=
    # "--store=x" arrives as three words.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    case $COMP_CWORD:$previous in
        1:*) words='step durable swap reference --help --usage --version' ;;
        *:-m | *:--module | *:--to) files='!*.so' ;;
        *:--source | *:--scratch) COMPREPLY=($(compgen -d -- "$current")) && return ;;
        *:--store) words='sqlite leveldb' ;;
        *:-s | *:--seconds | *:--idle-deals | *:--deals | *:--at-a-time) ;;
        *)
            case ${COMP_WORDS[1]} in
                step) words='--idle-deals' ;;
                durable) words='--store --at-a-time --deals --scratch --source' ;;
                swap) words='--to --deals --scratch' ;;
                reference) words='--source --scratch' ;;
            esac
            words+=' --module --seconds --json --help --usage --version'
            ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ -n $files && $current != -* ]]; then
        COMPREPLY+=($(compgen -f -X "$files" -- "$current") $(compgen -d -- "$current"))
        compopt -o filenames 2>/dev/null
    fi
}
complete -F _dealfsm_bench dealfsm-bench

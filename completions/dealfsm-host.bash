# SPDX-License-Identifier: MIT OR Apache-2.0
# Completion of dealfsm-host and dealfsm-world for bash.

# Words and files for the word that is being written. "--option=x" arrives as three words.
_dealfsm_host_complete() {
    local current=$1 words=$2 files=$3
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ -n $files && $current != -* ]]; then
        COMPREPLY+=($(compgen -f -X "$files" -- "$current") $(compgen -d -- "$current"))
        compopt -o filenames 2>/dev/null
    fi
}

_dealfsm_host_previous() {
    if [[ ${COMP_WORDS[COMP_CWORD]} == = ]]; then
        printf '%s' "${COMP_WORDS[COMP_CWORD - 1]}"
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
        printf '%s' "${COMP_WORDS[COMP_CWORD - 2]}"
    else
        printf '%s' "${COMP_WORDS[COMP_CWORD - 1]}"
    fi
}

_dealfsm_host() {
    local current=${COMP_WORDS[COMP_CWORD]} previous words='' files=''
    previous=$(_dealfsm_host_previous)
    [[ $current == = ]] && current=
    case $COMP_CWORD:$previous in
        1:*) words='run scenario-format --help --usage --version' ;;
        *:-m | *:--module | *:--swap-to) files='!*.so' ;;
        *:--store) words='sqlite: leveldb: library:' ;;
        *:--world) words='unix:' ;;
        *:-n | *:--deals | *:-s | *:--seed | *:-t | *:--threads | *:--at | *:--canary | *:--confirm | *:--revert-at) ;;
        *)
            words='--module --deals --seed --sync --async --threads --store --world --trace --json --lanes --help
                --swap-to --at --canary --confirm --revert-at --keep-refused'
            files='!*.json'
            ;;
    esac
    _dealfsm_host_complete "$current" "$words" "$files"
}
complete -F _dealfsm_host dealfsm-host

_dealfsm_world() {
    local current=${COMP_WORDS[COMP_CWORD]} previous words='' files=''
    previous=$(_dealfsm_host_previous)
    [[ $current == = ]] && current=
    case $COMP_CWORD:${COMP_WORDS[1]}:$previous in
        1:*) words='run report --help --usage --version' ;;
        *:-b | *:--books) files='!*.db' ;;
        *:run:*) words='unix: --books --help' ;;
        *:report:*) words='--json --help' files='!*.db' ;;
    esac
    _dealfsm_host_complete "$current" "$words" "$files"
}
complete -F _dealfsm_world dealfsm-world

# SPDX-License-Identifier: MIT OR Apache-2.0
# Completion of dealfsm-dump for bash.

# The module on the command line, if there is one: states and events are its own words.
_dealfsm_dump_module() {
    local word
    for word in "${COMP_WORDS[@]:2}"; do
        case $word in
            *.so) [[ -f $word ]] && printf '%s\n' "$word" && return ;;
        esac
    done
}

# Short names of what `dealfsm-dump machine --format json` lists under KEY: states or events.
_dealfsm_dump_names() {
    local module key=$1
    module=$(_dealfsm_dump_module)
    [[ -n $module ]] || return
    "${COMP_WORDS[0]}" machine --format json "$module" 2>/dev/null |
        sed -n "/^  \"$key\": \\[/,/^  \\]/s/^      \"name\": \"\\(DealStatus\\|ClientEvent\\)\\([A-Za-z]*\\)\".*/\\2/p"
}

_dealfsm_dump() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words= files=
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        words='module machine compare record migrate deals deal history stats verify --help --version'
    else
        # "--format=x" arrives as three words.
        if [[ $current == = ]]; then
            current=
        elif [[ $previous == = ]]; then
            previous=${COMP_WORDS[COMP_CWORD - 2]}
        fi
        case ${COMP_WORDS[1]}:$previous in
            machine:-f | machine:--format) words='text json mermaid plantuml dot svg' ;;
            machine:-s | machine:--state) words=$(_dealfsm_dump_names states) ;;
            machine:-e | machine:--event) words=$(_dealfsm_dump_names events) ;;
            record:--hex | migrate:--hex | migrate:--to | migrate:--from) return ;;
            deals:-s | deals:--status) words=$(_dealfsm_dump_names states) ;;
            deals:-p | deals:--provider | deals:-v | deals:--machine) return ;;
            compare:--store) files='!*' ;;
            *:--modules) COMPREPLY=($(compgen -d -- "$current")) && return ;;
            record:-m | record:--module | migrate:-m | migrate:--module | deals:-m | deals:--module | deal:-m | \
                deal:--module | history:-m | \
                history:--module | stats:-m | stats:--module | verify:-m | verify:--module) files='!*.so' ;;
            *)
                case ${COMP_WORDS[1]} in
                    module) words='--json' files='!*.so' ;;
                    machine) words='--format --state --event --holes --diff' files='!*.so' ;;
                    compare) words='--store --json' files='!*.so' ;;
                    deals) words='--status --provider --machine --stuck --watch --json --module --modules' files='!*' ;;
                    deal | history | stats | verify) words='--json --module --modules' files='!*' ;;
                    migrate) words='--to --from --hex --json --module --modules' files='!*' ;;
                    record) words='--hex --json --from-json --diff --module --modules' files='!*' ;;
                esac
                words+=' --help --usage --version'
                ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ -n $files && $current != -* ]]; then
        [[ $files == '!*' ]] && files=
        COMPREPLY+=($(compgen -f ${files:+-X "$files"} -- "$current") $(compgen -d -- "$current"))
        compopt -o filenames 2>/dev/null
    fi
}
complete -F _dealfsm_dump dealfsm-dump

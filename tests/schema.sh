# SPDX-License-Identifier: MIT OR Apache-2.0
# What the tests of JSON schemas share, after structure.sh.
schemas=$source_dir/share/schema
python=
for one in python3 /usr/bin/python3; do
    $one -c 'import jsonschema' 2>/dev/null && python=$one && break
done
[ -n "$python" ] || skip "the JSON Schema validator is missing: install the package python3-jsonschema"

cat >"$scratch/follow.py" <<'END'
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
text = sys.stdin.read().strip()
count = 0
while text:
    value, end = json.JSONDecoder().raw_decode(text)
    text = text[end:].lstrip()
    count += 1
    for error in validator.iter_errors(value):
        sys.exit("object %d, %s: %s" % (count, error.json_path, error.message[:300]))
sys.exit(0 if count else "no JSON")
END

# follows SCHEMA FILE: every object of the file follows the schema.
follows() {
    "$python" "$scratch/follow.py" "$schemas/$1.json" <"$2"
}

# altered SCHEMA SED: the schema must refuse the output that sed has changed.
altered() {
    sed "$2" "$scratch/$1" >"$scratch/altered"
    ! cmp -s "$scratch/$1" "$scratch/altered" || { echo "nothing was altered"; return; }
    follows "$1" "$scratch/altered"
}

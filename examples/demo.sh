#!/bin/sh
# The whole story in one run: push files, attach an SBOM, see it, pull everything back, compare.
#
# Usage: examples/demo.sh            into an OCI layout directory, no registry needed
#        OCICTL_REGISTRY=localhost:5000 examples/demo.sh      and into that registry as well
#
# OCICTL names the program (default: ocictl), PYTHON an interpreter (default: python3).
set -eu
cd "$(dirname "$0")/.."
ocictl=${OCICTL:-ocictl}
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n== %s\n' "$*"; }

# story REFERENCE OPTIONS...: the same five steps, whatever the target
story() {
    name=$1
    shift
    out=$work/pulled
    rm -rf "$out"

    say "push README.md and docs/ to $name"
    "$ocictl" push "$@" "$name" README.md:text/markdown docs --artifact-type application/vnd.example.docs

    say "attach an SBOM of them"
    (cd "$work" && "$ocictl" attach "$@" "$name" --artifact-type application/spdx+json \
        sbom.spdx.json:application/spdx+json)

    say "discover what is about it"
    "$ocictl" discover "$@" "$name"

    say "pull it back and compare"
    "$ocictl" pull "$@" "$name" --output "$out"
    cmp README.md "$out/README.md"
    diff -r docs "$out/docs"
    echo "identical: README.md and docs/"
}

say "make an SBOM"
"$python" examples/sbom.py ocictl-docs README.md docs > "$work/sbom.spdx.json"
echo "wrote $(wc -l < "$work/sbom.spdx.json") lines"

story "$work/layout:v1" --oci-layout
if [ -n "${OCICTL_REGISTRY:-}" ]; then
    story "$OCICTL_REGISTRY/ocictl/demo:v1"
fi
say "done"

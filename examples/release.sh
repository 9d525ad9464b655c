#!/bin/sh
# Publish a build with its SBOM and a checksum file, then prove that it can be fetched again.
#
# Usage: release.sh REGISTRY/REPOSITORY:TAG DIRECTORY
#
# Run it twice: the second run uploads nothing and prints the same digests.
set -eu
reference=$1
directory=$2
repository=${reference%:*}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --quiet prints the digest alone, so a script can keep it
digest=$(ocictl push --quiet "$reference" "$directory" --artifact-type application/vnd.example.build)
echo "build   $repository@$digest"

"${PYTHON:-python3}" "$here/sbom.py" build "$directory" > "$work/sbom.spdx.json"
(cd "$directory" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2) > "$work/SHA256SUMS"
cd "$work"
sbom=$(ocictl attach --quiet "$repository@$digest" \
    --artifact-type application/spdx+json sbom.spdx.json:application/spdx+json)
echo "sbom    $repository@$sbom"
sums=$(ocictl attach --quiet "$repository@$sbom" \
    --artifact-type application/vnd.example.checksums SHA256SUMS:text/plain)
echo "sums    $repository@$sums"

# whoever fetches the build can check it against the sums that came with it
ocictl pull --quiet "$repository@$digest" --output fetched > /dev/null
ocictl pull --quiet "$repository@$sums" --output . > /dev/null
(cd "fetched/$directory" && sha256sum --check --quiet "$work/SHA256SUMS")
ocictl discover "$repository@$digest"

#!/bin/sh
# Install the atpub that this file belongs to, and put it on the PATH of the job's next steps.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
folder=${RUNNER_TEMP:?}/atpub-venv
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --constraint "$source/constraints.txt" "$source"
echo "$folder/bin" >> "$GITHUB_PATH"

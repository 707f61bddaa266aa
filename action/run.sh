#!/bin/sh
# Run one command in a pipeline: plan, apply, drift or verify. The exit code is atpub's; a plan with changes is a success.
#
#   COMMAND      plan, apply, drift or verify
#   MANIFEST     manifest files or folders, one a line; none: ./atpub.yaml, else ./manifests/
#   ENVIRONMENT  one of the manifest's environments
#   LOCKED       true: the data is as in atpub.lock
#   DIGEST       apply only the plan with this digest
#   RUNNER_TEMP  the folder for plan.json and plan.md
#
# atpub reads ATPUB_ACCOUNT, ATPUB_PDS and ATPUB_PASSWORD itself.
set -eu
plan=${RUNNER_TEMP:?}/plan.json
markdown=$RUNNER_TEMP/plan.md
report=$RUNNER_TEMP/report.txt

output() {
  echo "$1=$2" >> "${GITHUB_OUTPUT:-/dev/null}"
}

# Show a file in the log, and in the job's summary as a code block, which indentation alone makes: no text ends it.
show() {
  cat "$1"
  { echo; sed 's/^/    /' "$1"; } >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
}

set --
while IFS= read -r path; do
  [ -z "$path" ] || set -- "$@" --manifest "$path"
done <<END
${MANIFEST:-}
END
[ -z "${ENVIRONMENT:-}" ] || set -- "$@" --env "$ENVIRONMENT"

code=0
case ${COMMAND:-plan} in
  plan)
    [ "${LOCKED:-true}" != true ] || set -- "$@" --locked
    atpub plan "$@" --github --markdown --detailed-exitcode --out "$plan" > "$markdown" || code=$?
    case $code in
      0) output pending false ;;
      2 | 7) output pending true ;;
      *) exit "$code" ;;
    esac
    output plan "$plan"
    output markdown "$markdown"
    [ "$code" != 2 ] || code=0
    ;;
  apply)
    [ "${LOCKED:-true}" != true ] || set -- "$@" --locked
    (unset ATPUB_PASSWORD && atpub plan "$@" --github --out "$plan")
    output plan "$plan"
    set -- "$plan" --wait
    [ -z "${DIGEST:-}" ] || set -- "$@" --digest "$DIGEST"
    atpub apply "$@" > "$report" || code=$?
    show "$report"
    ;;
  drift | verify)
    atpub "$COMMAND" "$@" > "$report" || code=$?
    show "$report"
    ;;
  *)
    echo "COMMAND is plan, apply, drift or verify, and not $COMMAND" >&2
    exit 64
    ;;
esac
exit "$code"

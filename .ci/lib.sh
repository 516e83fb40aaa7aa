# Sourced by the scripts beside it: steps with their seconds, their output kept and shown only when they fail.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=$(mktemp -d "${TMPDIR:-/tmp}/csss-ci.XXXXXX")
trap 'rm -rf "$logs"' EXIT
failed=()
count=0

# step NAME COMMAND… runs a command. A failure shows the end of its output and is remembered; the script goes on.
step() {
  local name=$1 log status=0 start=$SECONDS
  shift
  count=$((count + 1))
  log=$logs/$(printf '%03d' "$count").log
  "$@" >"$log" 2>&1 || status=$?
  if [ "$status" = 0 ]; then
    printf 'ok    %4d s  %s\n' $((SECONDS - start)) "$name"
    grep -hE '^ *(--- SKIP|SKIP)' "$log" | sort -u | head -5 | sed 's/^/             /' || true
  else
    printf 'FAIL  %4d s  %s (exit %d); the end of its output:\n' $((SECONDS - start)) "$name" "$status"
    # What failed first, since the end of a long output may be the packages that passed.
    grep -nE -A8 '^ *--- FAIL|^FAIL|^panic|WARNING: DATA RACE' "$log" | head -n 60 | sed 's/^/      | /' || true
    tail -n 20 "$log" | sed 's/^/      | /'
    failed+=("$name")
  fi
}

# skip NAME REASON says that a step cannot run here.
skip() { printf 'SKIP          %s: %s\n' "$1" "$2"; }

# silent COMMAND… succeeds if the command does and prints nothing.
silent() {
  local out status=0
  out=$("$@" 2>&1) || status=$?
  printf '%s\n' "$out"
  [ "$status" = 0 ] && [ -z "$out" ]
}

# fuzz COUNT runs every fuzz target of the module on so many inputs, listing them with the go command. A count, not a
# time: a target that is in the middle of an input when its time is up fails with "context deadline exceeded". Making new
# inputs smaller is cut short likewise, or it takes a minute for each.
fuzz() {
  local inputs=$1 list=$logs/targets package target
  step 'list the fuzz targets' bash -c 'go test -list "^Fuzz" ./... >"$1"' list "$list"
  while read -r package target; do
    step "fuzz $target in ./${package#*/csss/} on $inputs inputs" \
      timeout $((inputs / 100 + 300)) go test -run '^$' -fuzz "^$target\$" -fuzztime "${inputs}x" -fuzzminimizetime 10x "$package"
  done < <(awk '/^Fuzz/ { names[++n] = $1 } /^ok/ { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }' "$list")
}

# finish prints the sums and ends with 1 if a step failed.
finish() {
  printf '%d s in all\n' "$SECONDS"
  printf '%d passed, %d failed\n' $((count - ${#failed[@]})) "${#failed[@]}"
  [ "${#failed[@]}" = 0 ] || { printf 'failed: %s\n' "${failed[@]}"; exit 1; }
}

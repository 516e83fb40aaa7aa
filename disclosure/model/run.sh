#!/usr/bin/env bash
# Runs the model: what must hold, and each mutant, which must fail by the promise that it breaks.
#
#   run.sh [-json] [quick|all|long|NAME ...]     default all; NAME as in the table below
#
# quick and all take a minute and a half on one core and 1.5 GB; long adds four consents of two commands, by bitstate
# hashing. One line each: verdict, name, states, seconds, MB; with -json an object each, and violations counts what
# went otherwise than it must. Exit 1 on a surprise. Needs spin and a C compiler, and says SKIP without.
set -euo pipefail
json=; [ "${1:-}" != -json ] || { json=1; shift; }
for tool in spin gcc; do command -v $tool >/dev/null || { echo "SKIP: no $tool" >&2; exit 0; }; done
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/csss-spin.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$here"/*.pml .
safe='-DSAFETY -DCOLLAPSE'
small='-DNREP=1 -DNACT=2 -DMAXSEQ=1'

# name | set | what must come out | model | C compiler | verifier. What a mutant must break is a part of the assertion.
table="
2x1|quick|holds|-DNACT=2 -DMAXSEQ=1|$safe|
4x1|quick|holds|-DNACT=4 -DMAXSEQ=1|$safe|
2x2|quick|holds|-DNACT=2 -DMAXSEQ=2|$safe|
L1|quick|holds|$small -DLIVE||-a -f
L2|quick|holds|-DNREP=1 -DNACT=4 -DMAXSEQ=1 -DPROGRESS||-a -f
L3|quick|holds|$small -DANSWERED||-a -f
L4|quick|holds|$small -DOUTBOX||-a -f
PEEK|quick|holds|$small -DPEEK||-a -f
NOCAS|quick|phase==|-DNACT=2 -DMAXSEQ=1 -DNOCAS|$safe -DBFS|
NOSEQ|quick|kind[|-DNREP=1 -DNACT=2 -DMAXSEQ=2 -DNOSEQ|$safe -DBFS|
VIEWSNAP|quick|everRevealed&&will|-DNACT=2 -DMAXSEQ=1 -DVIEWSNAP|$safe|
NOHOLD|quick|!(taken)|-DNACT=2 -DMAXSEQ=1 -DNOHOLD|$safe|
NOCLOCK|quick|acceptance cycle|$small -DLIVE -DNOCLOCK||-a -f
NOGRACE|quick|acceptance cycle|$small -DPEEK -DNOGRACE||-a -f
4x2|long|holds|-DNACT=4 -DMAXSEQ=2|-DSAFETY -DBITSTATE|-w33
"

# verdict reads what the verifier said.
verdict() {
  if grep -qE 'max search depth|memory limit|out of memory' pan.log || ! grep -q 'errors:' pan.log; then echo unfinished
  elif grep -q 'invalid end state (' pan.log; then echo stuck
  elif ! grep -q 'errors: 0' pan.log; then grep -m1 -oE 'assertion violated.*|acceptance cycle' pan.log || echo fails
  else echo holds; fi
}

check() {
  local name=$1 want=$3 start=$SECONDS got states mb wrong=0
  { spin $4 -a disclosure.pml && gcc -O2 -w $5 -DMEMLIM=4096 -o pan pan.c; } >build.log 2>&1 || { cat build.log >&2; exit 1; }
  timeout "${LIMIT:-900}" ./pan -m1000000 $6 >pan.log 2>&1 || true
  got=$(verdict)
  states=$(awk '/states, stored/ {printf "%d", $1; exit}' pan.log)
  mb=$(awk '/total actual memory/ {printf "%d", $1; exit}' pan.log)
  [[ "$got" == *"$want"* ]] || { wrong=1; status=1; head -n 12 pan.log >&2; }
  if [ -n "$json" ]; then
    printf '{"check":"spin","name":"%s","states":%d,"violations":%d,"seconds":%d,"mb":%d,"expected":"%s"}\n' \
      "$name" "${states:-0}" $wrong $((SECONDS - start)) "${mb:-0}" "$([ "$want" = holds ] && echo holds || echo fails)"
  else
    printf '%-9s %12s states %4d s %6s MB  %s\n' "$name" "${states:-0}" $((SECONDS - start)) "${mb:-0}" "$got"
  fi
}

status=0 chosen=" ${*:-all} "
while IFS='|' read -r name set want model compiler verifier; do
  [ -n "$name" ] || continue
  case "$chosen" in
  *" $name "* | *' long '*) ;;
  *' quick '* | *' all '*) [ "$set" = quick ] || continue ;;
  *) continue ;;
  esac
  check "$name" "$set" "$want" "$model" "$compiler" "$verifier"
done <<<"$table"
exit $status

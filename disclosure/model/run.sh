#!/usr/bin/env bash
# Runs the model: what must hold, and each mutant, which must fail by the promise that it breaks.
#
#   run.sh [-json] [quick|all|long|NAME ...]     default all; NAME as in the table below
#
# quick and all take a minute and a half on two cores and 1.5 GB; long adds four consents of two commands, as far as bitstate
# hashing gets in LIMIT seconds. One line each, in the order they end: verdict, name, states, seconds, MB; with -json an
# object each, and violations counts what went otherwise than it must. Exit 1 on a surprise. Needs spin and a C compiler,
# and says SKIP without. JOBS run at a time, 2 at most by default, since each may take 4 GB.
set -euo pipefail
json=; [ "${1:-}" != -json ] || { json=1; shift; }
for tool in spin gcc; do command -v $tool >/dev/null || { echo "SKIP: no $tool" >&2; exit 0; }; done
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/csss-spin.XXXXXX")
trap 'rm -rf "$work"' EXIT
jobs=${JOBS:-$(($(nproc) > 1 ? 2 : 1))}
safe='-O2 -DSAFETY -DCOLLAPSE'
mutant='-O1 -DSAFETY -DCOLLAPSE'
fair='-O1 -DNFAIR=3'
small='-DNREP=1 -DNACT=2 -DMAXSEQ=1'

# name | set | what must come out | model | C compiler | verifier. What a mutant must break is a part of the assertion.
# The long ones come first.
table="
4x2|long|no error|-DNACT=4 -DMAXSEQ=2|-O2 -DSAFETY -DBITSTATE|-w34
4x1|quick|holds|-DNACT=4 -DMAXSEQ=1|$safe|
2x2|quick|holds|-DNACT=2 -DMAXSEQ=2|$safe|
2x1|quick|holds|-DNACT=2 -DMAXSEQ=1|$safe|
L1|quick|holds|$small -DLIVE|$fair|-a -f
L2|quick|holds|-DNREP=1 -DNACT=4 -DMAXSEQ=1 -DPROGRESS|$fair|-a -f
L3|quick|holds|$small -DANSWERED|$fair|-a -f
L4|quick|holds|$small -DOUTBOX|$fair|-a -f
PEEK|quick|holds|$small -DPEEK|$fair|-a -f
NOCAS|quick|(phase==2)|-DNACT=2 -DMAXSEQ=1 -DNOCAS|$mutant -DBFS|
NOSEQ|quick|kind[|-DNREP=1 -DNACT=2 -DMAXSEQ=2 -DNOSEQ|$mutant -DBFS|
VIEWSNAP|quick|everRevealed&&will|-DNACT=2 -DMAXSEQ=1 -DVIEWSNAP|$mutant|
NOHOLD|quick|!(taken)|-DNACT=2 -DMAXSEQ=1 -DNOHOLD|$mutant|
NOCLOCK|quick|acceptance cycle|$small -DLIVE -DNOCLOCK|$fair|-a -f
NOGRACE|quick|acceptance cycle|$small -DPEEK -DNOGRACE|$fair|-a -f
NOREPEAT|quick|acceptance cycle|$small -DANSWERED -DNOREPEAT|$fair|-a -f
EARLY|quick|acceptance cycle|$small -DOUTBOX -DEARLY|$fair|-a -f
"

# verdict reads what the verifier said. Bitstate hashing may take two states for one, so it holds nothing. A promise about
# what was never reached is none either, so an exhaustive search for safety must have reached every statement.
verdict() {
  if grep -qE 'max search depth|memory limit|out of memory' pan.log || ! grep -q 'errors:' pan.log; then echo unfinished
  elif grep -q 'invalid end state (' pan.log; then echo stuck
  elif ! grep -q 'errors: 0' pan.log; then grep -m1 -oE 'assertion violated.*|acceptance cycle' pan.log || echo fails
  elif [[ "$1" == *BITSTATE* ]]; then echo no error
  elif grep -q 'Search not completed' pan.log; then echo unfinished
  elif [[ "$1" == *SAFETY* ]] && grep -qE '^[[:space:]]+disclosure\.pml:' pan.log; then echo unreached
  else echo holds; fi
}

check() {
  local name=$1 want=$3 start=$SECONDS got states mb wrong=0
  mkdir "$work/$name" && cd "$work/$name" && cp "$here"/*.pml .
  : >"$work/$name.open"
  if spin $4 -a disclosure.pml >build.log 2>&1 && gcc -w $5 -DMEMLIM=4096 -o pan pan.c >>build.log 2>&1; then
    timeout -s INT -k 60 "${LIMIT:-900}" ./pan -m1000000 $6 >pan.log 2>&1 || true
  else
    mv build.log pan.log
  fi
  got=$(verdict "$5")
  states=$(awk '/states, stored/ {printf "%d", $1; exit}' pan.log)
  mb=$(awk '/total actual memory/ {printf "%d", $1; exit}' pan.log)
  [[ "$got" == *"$want"* ]] || { wrong=1; : >"$work/$name.surprise"; { echo "$name:"; head -n 12 pan.log; grep -A5 '^unreached' pan.log; } >&2 || true; }
  if [ -n "$json" ]; then
    printf '{"check":"spin","name":"%s","states":%d,"violations":%d,"seconds":%d,"mb":%d,"expected":"%s"}\n' \
      "$name" "${states:-0}" $wrong $((SECONDS - start)) "${mb:-0}" "$([[ "$want" =~ ^(holds|no error)$ ]] && echo holds || echo fails)"
  else
    printf '%-9s %12s states %4d s %6s MB  %s\n' "$name" "${states:-0}" $((SECONDS - start)) "${mb:-0}" "$got"
  fi
  rm "$work/$name.open"
}

chosen=" ${*:-all} " ran=
while IFS='|' read -r name set want model compiler verifier; do
  [ -n "$name" ] || continue
  case "$chosen" in
  *" $name "* | *' long '*) ;;
  *' quick '* | *' all '*) [ "$set" = quick ] || continue ;;
  *) continue ;;
  esac
  ran=1
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
  check "$name" "$set" "$want" "$model" "$compiler" "$verifier" &
done <<<"$table"
wait
[ -n "$ran" ] || { echo "run.sh: nothing named$chosen" >&2; exit 2; }
[ -z "$(find "$work" -name '*.open' -o -name '*.surprise')" ]

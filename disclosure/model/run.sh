#!/usr/bin/env bash
# Runs the model: each configuration, and each mutant, which must fail. One line each: verdict, states, seconds, MB.
# With -long also four consents of two commands by bitstate hashing. Needs spin and a C compiler.
set -euo pipefail
for tool in spin gcc; do command -v $tool >/dev/null || { echo "SKIP: no $tool"; exit 0; }; done
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/csss-spin.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$here"/*.pml .
status=0

# check WANT NAME SPINFLAGS GCCFLAGS PANFLAGS: WANT is holds or fails.
check() {
  local want=$1 name=$2 got=holds out start=$SECONDS
  spin $3 -a disclosure.pml >spin.log 2>&1 && gcc -O2 -w $4 -DMEMLIM=4096 -o pan pan.c || { cat spin.log; exit 1; }
  out=$(timeout ${LIMIT:-600} ./pan -m200000 $5 2>&1) || true
  ! grep -qE 'assertion violated|acceptance cycle' <<<"$out" || got=fails
  ! grep -q 'invalid end state (' <<<"$out" || got=stuck
  if grep -qE 'max search depth|memory limit|out of memory' <<<"$out" || ! grep -q 'errors:' <<<"$out"; then got=unfinished; fi
  [ "$got" = "$want" ] || { status=1; echo "$out" | head -n 12; }
  printf '%-5s %-44s %12s states %4d s %6.0f MB\n' "$got" "$name" "$(awk '/states, stored/ {print $1; exit}' <<<"$out")" \
    $((SECONDS - start)) "$(awk '/total actual memory/ {print $1; exit}' <<<"$out" || echo 0)"
}
safe='-DSAFETY -DCOLLAPSE'
one='-DNREP=1 -DNACT=2 -DMAXSEQ=1'
check fails NOCAS "-DNACT=2 -DMAXSEQ=1 -DNOCAS" "$safe -DBFS" ''
check fails NOSEQ "-DNREP=1 -DNACT=2 -DMAXSEQ=2 -DNOSEQ" "$safe -DBFS" ''
check fails VIEWSNAP "-DNACT=2 -DMAXSEQ=1 -DVIEWSNAP" "$safe" ''
check fails NOHOLD "-DNACT=2 -DMAXSEQ=1 -DNOHOLD" "$safe" ''
check fails 'LIVE with NOCLOCK' "$one -DLIVE -DNOCLOCK" '' '-a -f'
check fails 'PEEK with NOGRACE' "$one -DPEEK -DNOGRACE" '' '-a -f'
check holds 'L1: every session ends' "$one -DLIVE" '' '-a -f'
check holds 'L2: four consents reveal' "-DNREP=1 -DNACT=4 -DMAXSEQ=1 -DPROGRESS" '' '-a -f'
check holds 'whoever was read can read' "$one -DPEEK" '' '-a -f'
check holds '4 consents, 1 command, 2 replicas' "-DNACT=4 -DMAXSEQ=1" "$safe" ''
check holds '2 consents, 2 commands, 2 replicas' "-DNACT=2 -DMAXSEQ=2" "$safe" ''
if [ "${1:-}" = -long ]; then check holds '4 consents, 2 commands, 2 replicas, bitstate' "-DNACT=4 -DMAXSEQ=2" '-DSAFETY -DBITSTATE' '-w33'; fi
exit $status

package main

import (
	"context"
	"io"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
)

const churnText = `Measures what is left of the vector index after its rows were replaced, and how
long searches take while somebody writes.

The index begins with -live of the rows. In each round a -share of the rows in it,
drawn at random, is deleted, and as many of the rows that are not in it are linked;
rows come back under their old number later on. After each round all queries are
answered by the worn index and by one that was built afresh from the same rows, in
turns; the best of -passes counts. True neighbours are found by a scan of the rows
that are there.

Then, for each mode and ef, single searches on the worn index are timed on one
goroutine, for -seconds alone and for -seconds beside a goroutine that deletes a
row and links another all the time. The two take turns of a tenth of that.

` + vectorSets + `
The peer hnswlib, see bench ann -h, runs with allow_replace_deleted, on one
thread: rows that come take the places of those that went. It has no fresh index
to compare with but the one of round 0.

Keys of a line, one for each engine, mode, round and ef; round 0 is before any:
  engine, version   csss, or the peer
  set, metric, mode, k, ef
  round
  replaced          rows, up to now
  recall            share of the k true neighbours among the k answers
  qps               queries per second of the best pass
  fresh_recall, fresh_qps   the same of the fresh index; absent where none was built
further ones:
  cpu_us_per_query, fresh_cpu_us_per_query   CPU time of the pass that took least
  recall_ties       counting also answers that are no farther than the k-th true
                    neighbour, as others may be as near
  replace_s         to delete and link the rows of this round; of round 0, to build
  fresh_build_s     to build the fresh index
  bytes_per_vector, fresh_bytes_per_vector   csss: held for rows, codes and links
  live              rows in the index
  rows, dim, M, efc, threads, passes

Keys of a line about searches beside a writer:
  engine, version, set, metric, mode, k, ef
  check             "writer"
  p50_us, p99_us    of a search beside the writer
  alone_p50_us, alone_p99_us   of a search alone
  p99_to_p50        both beside the writer
  searches, alone_searches, writes_per_s

The last line is the summary, engine csss/summary. "modes" has for each mode of
csss and each ef the greatest "recall_loss" against a fresh index, the "round" in
which it was, the least "ratio_to_fresh" of qps, also by CPU time, and the
greatest ratio of bytes_per_vector.
`

// churnBench is one run of the command.
type churnBench struct {
	*vectorBench
	rounds, live, every int
	share, seconds      float64
}

func runChurn(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newFlags("churn")
	b := &churnBench{vectorBench: newVectorBench(f, vectorDefaults{queries: 1000, efs: counts{16, 64}, peers: names{"hnswlib"}})}
	f.IntVar(&b.rounds, "rounds", 10, "of replacing rows")
	f.Float64Var(&b.share, "share", 0.2, "`fraction` of the rows that each round replaces; at most 0.5")
	f.IntVar(&b.live, "live", 0, "`rows` in the index; 0 means half of the set")
	f.IntVar(&b.every, "fresh", 1, "build a fresh index every so many `rounds`, and in the last")
	f.Float64Var(&b.seconds, "seconds", 2, "to time searches beside a writer, and as long alone; 0 leaves it out")
	if err := b.parse(f, args, churnText, stdout, stderr); err != nil {
		return err
	}
	if err := checkBounds(bounded{"rounds", b.rounds, 1, 10_000}, bounded{"live", b.live, 0, vecfile.MaxRows}, bounded{"fresh", b.every, 1, 10_000}); err != nil {
		return err
	}
	switch {
	case !(b.share > 0 && b.share <= 0.5):
		return usagef("-share %v is not above 0 and at most 0.5", b.share)
	case !(b.seconds >= 0 && b.seconds <= 3600):
		return usagef("-seconds %v is not in [0, 3600]", b.seconds)
	}
	return b.measure(ctx)
}

// measure does all that was asked; the summary is the last line.
func (b *churnBench) measure(ctx context.Context) error {
	if err := b.loadSet(ctx); err != nil {
		return err
	}
	rows := b.set.Base.Rows()
	if b.live == 0 {
		b.live = rows / 2
	}
	t := newTide(rows, b.live, b.share)
	switch {
	case b.live < b.k || t.step == 0:
		return usagef("-live %d is below -k %d, or too few to replace some", b.live, b.k)
	case t.step > len(t.out):
		return usagef("-live %d leaves %d of %d rows to replace %d with", b.live, len(t.out), rows, t.step)
	}
	b.tellSet()
	return b.inField(ctx, vectorTask{verb: "churn", rows: t.in}, func(field []*annContestant) error {
		return b.play(ctx, field, t)
	})
}

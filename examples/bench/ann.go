package main

import (
	"context"
	"io"
)

const annText = `Measures how fast the vector index finds how many of the true neighbours.

An engine links all rows of a set, one after the other, and then answers all
queries one after the other, in as many passes for each ef; at each ef the
engines take turns, so that a noisy machine hits all of them alike, and the best
pass of each counts. Times are by the clock, CPU time stands beside them. Where
-ef is not given, an engine is done once its recall is above 0.9985.

` + vectorSets + `True neighbours are read from -gt, .ibin with distances or without, or .ivecs.
Those that are not given, or are of more rows than -limit, are found by a scan
and kept in the folder -cache by a hash of the vectors.

Peers run on one thread, as csss does beside them:
  hnswlib  float32; the newest source release of PyPI, or else Debian's
           libhnswlib-dev, compiled with -O3 -march=native
  faiss    float32 and sq8; the wheel faiss-cpu
  usearch  float32 and i8; the wheel usearch
What they need is put into the folder -cache once and stays there: remove
the folder to have newer ones. It takes g++ or python3 with venv and pip.

Keys of a line, one for each engine, mode and ef:
  engine, version   csss, or the peer
  set, metric
  mode              what is compared on the way: float32, int8, auto; sq8, i8
  k, ef             neighbours asked for; candidates kept on the way
  recall            share of the k true neighbours among the k answers
  qps               queries per second of the best pass
  build_s           to link all rows
  bytes_per_vector  csss: by which the heap grew; peers: by which the memory of
                    their process grew. Vectors and links included, the caller's
                    own copy not
  cpu_us_per_query  CPU time of the pass that took least
further ones:
  recall_ties       counting also answers that are no farther than the k-th true
                    neighbour, as others may be as near
  build_cpu_s, rows, dim, M, efc, threads, passes
  walks             csss: what it chose to compare, see hnsw.Stats

The last line is the summary, engine csss/summary. For each recall of 0.95 and
0.99 "at" has: "qps" of every engine/mode, on its curve, between two points by
their logarithms; "at_least", those whose smallest ef is already above (nothing
is extrapolated), and for the "mode" of csss that is fastest "best_peer",
"ratio_to_best" and "ratio_to_hnswlib", and the same two by CPU time as
"cpu_ratio_to_...". Further: "build_ratio_to_hnswlib" of each mode, and the
same by CPU time.
`

// annEfs are the candidates that are tried if nothing is said.
var annEfs = counts{10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 800, 1200}

const (
	annEnough = 0.9985 // recall above which no larger ef is tried
	annTruth  = 100    // true neighbours that are kept for each query
)

// annBench is one run of the command.
type annBench struct {
	*vectorBench
	plot string
}

func runANN(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newFlags("ann")
	b := &annBench{vectorBench: newVectorBench(f, vectorDefaults{queries: 2000, efs: annEfs, peers: names{"hnswlib", "faiss", "usearch"}})}
	f.StringVar(&b.gt, "gt", "", "`file` of the true neighbours of -query (default: found by a scan)")
	f.StringVar(&b.plot, "plot", "", "`file` for a picture of the curves, SVG")
	if err := b.parse(f, args, annText, stdout, stderr); err != nil {
		return err
	}
	return b.measure(ctx)
}

// measure does all that was asked; the summary is the last line.
func (b *annBench) measure(ctx context.Context) error {
	if err := b.loadSet(ctx); err != nil {
		return err
	}
	if err := b.findTruth(ctx); err != nil {
		return err
	}
	b.tellSet()
	return b.inField(ctx, vectorTask{}, func(field []*annContestant) error {
		if err := b.takeTurns(ctx, field); err != nil {
			return err
		}
		return b.finish(field)
	})
}

package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
	"github.com/deeperpoint/csss/examples/bench/vecset"
)

const annText = `Measures how fast the vector index finds how many of the true neighbours.

An engine links all rows of a set, one after the other, and then answers all
queries one after the other, in as many passes for each ef; at each ef the
engines take turns, so that a noisy machine hits all of them alike, and the best
pass of each counts. Times are by the clock, CPU time stands beside them. Where
-ef is not given, an engine is done once its recall is above 0.9985.

Sets:
  fashion-mnist  60,000 × 784, l2, of Debian's package dataset-fashion-mnist
  s384           200,000 × 384 in clusters, cosine, made from a seed
  w100           words of the descriptions of Debian's packages, 100 components,
                 cosine: what "apt-cache dumpavail" prints, or, where it has
                 nothing, "dpkg-query -s"; another list makes another set
or any set in the files -base, -query and -gt: .fbin, .fvecs, .bvecs or idx for
vectors (idx and others also with .gz), .ibin or .ivecs for the true neighbours;
.ibin with distances or without. True neighbours that are not given, or are of
more rows than -limit, are found by a scan and kept in the folder -cache by a
hash of the vectors.

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
	setName, base, query, gt, metric string
	limit, queries                   int
	k, m, efc, threads, passes       int
	efs                              counts
	efsGiven                         bool
	modes, peerNames                 names
	plot, cache                      string

	*report
	set   *vecset.Set
	truth vecfile.Truth
}

func runANN(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	b := &annBench{efs: annEfs, modes: names{"int8"}}
	f := newFlags("ann")
	asJSON := f.Bool("json", false, "one JSON object a line on standard output, the table on standard error")
	f.StringVar(&b.setName, "set", "", "`name`: fashion-mnist, s384 or w100 (default fashion-mnist, unless -base is given)")
	f.StringVar(&b.base, "base", "", "`file` of the vectors that are searched")
	f.StringVar(&b.query, "query", "", "`file` of the queries")
	f.StringVar(&b.gt, "gt", "", "`file` of their true neighbours (default: found by a scan)")
	f.StringVar(&b.metric, "metric", "", "l2, cosine or dot (default: the set's own, l2 for files)")
	f.IntVar(&b.limit, "limit", 0, "the first `rows` of the set only; 0 means all")
	f.IntVar(&b.queries, "queries", 2000, "at most `many`")
	f.IntVar(&b.k, "k", 10, "neighbours asked for")
	f.IntVar(&b.m, "M", 16, "links of a row")
	f.IntVar(&b.efc, "efc", 200, "candidates kept while a row is linked")
	f.Var(&b.efs, "ef", "candidates kept on the way, several `numbers`")
	f.Var(&b.modes, "mode", "`names` of what csss compares on the way: "+strings.Join(annModeNames(), ", "))
	f.IntVar(&b.threads, "threads", 1, "that csss builds and searches with")
	f.IntVar(&b.passes, "passes", 3, "over all queries at each ef; the best counts")
	f.Var(&b.peerNames, "peers", "`names` of the peers to run beside it: hnswlib, faiss, usearch (default none)")
	f.StringVar(&b.plot, "plot", "", "`file` for a picture of the curves, SVG")
	f.StringVar(&b.cache, "cache", "", "`folder` for true neighbours and peers (default: a folder of the user's cache)")
	if err := parse(f, args, annText, stderr); err != nil {
		return err
	}
	f.Visit(func(f *flag.Flag) { b.efsGiven = b.efsGiven || f.Name == "ef" })
	if err := b.check(); err != nil {
		return err
	}
	b.report = newReport(*asJSON, stdout, stderr)
	return b.measure(ctx)
}

// check refuses what the flags' own parsers let through.
func (b *annBench) check() error {
	for _, n := range []struct {
		flag             string
		value, low, high int
	}{
		{"limit", b.limit, 0, vecfile.MaxRows}, {"queries", b.queries, 1, 1_000_000}, {"k", b.k, 1, 10_000}, {"M", b.m, 2, 64},
		{"efc", b.efc, 1, 4096}, {"threads", b.threads, 1, 1024}, {"passes", b.passes, 1, 1000}, {"ef", slices.Max(b.efs), 1, 1_000_000},
	} {
		if n.value < n.low || n.value > n.high {
			return usagef("-%s %d is not in [%d, %d]", n.flag, n.value, n.low, n.high)
		}
	}
	switch {
	case b.setName != "" && b.base != "":
		return usagef("-set and -base both name a set")
	case (b.base == "") != (b.query == ""):
		return usagef("-base and -query belong together")
	case b.gt != "" && b.base == "":
		return usagef("-gt is for -base and -query")
	case b.metric != "" && !slices.Contains(vecset.Metrics, vecset.Metric(b.metric)):
		return usagef("-metric %q is none of l2, cosine, dot", b.metric)
	case len(b.peerNames) > 0 && b.threads != 1:
		return usagef("-peers run on one thread, not on -threads %d", b.threads)
	case len(b.modes) == 0:
		return usagef("-mode names none")
	}
	for _, mode := range b.modes {
		if _, known := annModes[mode]; !known {
			return usagef("-mode %q is none of %s", mode, strings.Join(annModeNames(), ", "))
		}
	}
	return b.checkEfs()
}

// checkEfs puts the candidates in order. Fewer than k make no sense.
func (b *annBench) checkEfs() error {
	efs := slices.Compact(slices.Sorted(slices.Values(b.efs)))
	least := slices.Min(efs) // DeleteFunc clears what it leaves out
	if b.efs = slices.DeleteFunc(efs, func(ef int) bool { return ef < b.k }); len(b.efs) == 0 {
		b.efs = counts{b.k}
	}
	if b.efsGiven && b.efs[0] > least {
		return usagef("-ef %d is below -k %d", least, b.k)
	}
	return nil
}

// measure does all that was asked; the summary is the last line.
func (b *annBench) measure(ctx context.Context) (err error) {
	if b.cache == "" {
		folder, err := os.UserCacheDir()
		if err != nil {
			return usageError{err}
		}
		b.cache = filepath.Join(folder, "csss-bench")
	}
	if err := b.loadSet(ctx); err != nil {
		return err
	}
	b.note("%s, %s/%s, %d CPUs, %s: %d × %d, %s, %d queries, k %d, M %d, efc %d, load %s",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.set.Name, b.set.Base.Rows(), b.set.Base.Dim, b.set.Metric,
		b.set.Queries.Rows(), b.k, b.m, b.efc, loadAverage())
	dir, err := workFolder("")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	field, err := b.openField(ctx, dir)
	defer func() {
		for _, e := range field {
			err = errors.Join(err, e.close())
		}
	}()
	if err != nil {
		return err
	}
	if err := b.takeTurns(ctx, field); err != nil {
		return err
	}
	return b.finish(field)
}

// loadAverage tells how busy the machine was, where that is to be had.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	load, _, _ := strings.Cut(string(text), " ")
	if err != nil || load == "" {
		return "unknown"
	}
	return load
}

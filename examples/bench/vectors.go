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

// vectorSets is what the commands over vectors say of -set, -base and -query.
const vectorSets = `Sets:
  fashion-mnist  60,000 × 784, l2, of Debian's package dataset-fashion-mnist
  s384           200,000 × 384 in clusters, cosine, made from a seed
  w100           words of the descriptions of Debian's packages, 100 components,
                 cosine: what "apt-cache dumpavail" prints, or, where it has
                 nothing, "dpkg-query -s"; another list makes another set
or any set in the files -base and -query: .fbin, .fvecs, .bvecs or idx, all but
the first also with .gz.
`

// vectorBench is what every command over vectors is told, and the set it loads.
type vectorBench struct {
	setName, base, query, gt, metric string
	limit, queries                   int
	k, m, efc, threads, passes       int
	efs                              counts
	efsGiven                         bool
	modes, peerNames                 names
	cache                            string
	asJSON                           bool

	hasPeers names // that the command has
	*report
	set   *vecset.Set
	truth vecfile.Truth // of all rows
}

// vectorDefaults are the defaults in which the commands differ.
type vectorDefaults struct {
	queries int
	efs     counts
	peers   names // that -peers may name
}

// newVectorBench defines the flags that the commands share.
func newVectorBench(f *flag.FlagSet, d vectorDefaults) *vectorBench {
	b := &vectorBench{efs: d.efs, modes: names{"int8"}, hasPeers: d.peers}
	f.BoolVar(&b.asJSON, "json", false, "one JSON object a line on standard output, the table on standard error")
	f.StringVar(&b.setName, "set", "", "`name`: fashion-mnist, s384 or w100 (default fashion-mnist, unless -base is given)")
	f.StringVar(&b.base, "base", "", "`file` of the vectors that are searched")
	f.StringVar(&b.query, "query", "", "`file` of the queries")
	f.StringVar(&b.metric, "metric", "", "l2, cosine or dot (default: the set's own, l2 for files)")
	f.IntVar(&b.limit, "limit", 0, "the first `rows` of the set only; 0 means all")
	f.IntVar(&b.queries, "queries", d.queries, "at most `many`")
	f.IntVar(&b.k, "k", 10, "neighbours asked for")
	f.IntVar(&b.m, "M", 16, "links of a row")
	f.IntVar(&b.efc, "efc", 200, "candidates kept while a row is linked")
	f.Var(&b.efs, "ef", "candidates kept on the way, several `numbers`")
	f.Var(&b.modes, "mode", "`names` of what csss compares on the way: "+strings.Join(annModeNames(), ", "))
	f.IntVar(&b.threads, "threads", 1, "that csss builds and searches with")
	f.IntVar(&b.passes, "passes", 3, "over all queries at each ef; the best counts")
	f.Var(&b.peerNames, "peers", "`names` of the peers to run beside it: "+strings.Join(d.peers, ", ")+" (default none)")
	f.StringVar(&b.cache, "cache", "", "`folder` for true neighbours and peers (default: a folder of the user's cache)")
	return b
}

// parse reads the arguments and refuses what the flags' own parsers let through.
func (b *vectorBench) parse(f *flag.FlagSet, args []string, text string, stdout, stderr io.Writer) error {
	if err := parse(f, args, text, stderr); err != nil {
		return err
	}
	f.Visit(func(f *flag.Flag) { b.efsGiven = b.efsGiven || f.Name == "ef" })
	b.report = newReport(b.asJSON, stdout, stderr)
	return b.check()
}

// bounded is the value of a flag and its bounds.
type bounded struct {
	flag             string
	value, low, high int
}

// checkBounds refuses the first value that is out of its bounds.
func checkBounds(all ...bounded) error {
	for _, n := range all {
		if n.value < n.low || n.value > n.high {
			return usagef("-%s %d is not in [%d, %d]", n.flag, n.value, n.low, n.high)
		}
	}
	return nil
}

func (b *vectorBench) check() error {
	if err := checkBounds(
		bounded{"limit", b.limit, 0, vecfile.MaxRows}, bounded{"queries", b.queries, 1, 1_000_000}, bounded{"k", b.k, 1, 10_000}, bounded{"M", b.m, 2, 64},
		bounded{"efc", b.efc, 1, 4096}, bounded{"threads", b.threads, 1, 1024}, bounded{"passes", b.passes, 1, 1000}, bounded{"ef", slices.Max(b.efs), 1, 1_000_000},
	); err != nil {
		return err
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
func (b *vectorBench) checkEfs() error {
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

// placeCache finds the folder where true neighbours and peers are kept.
func (b *vectorBench) placeCache() error {
	if b.cache != "" {
		return nil
	}
	folder, err := os.UserCacheDir()
	if err != nil {
		return usageError{err}
	}
	b.cache = filepath.Join(folder, "csss-bench")
	return nil
}

// tellSet says what is measured, and on what machine.
func (b *vectorBench) tellSet() {
	b.note("%s, %s/%s, %d CPUs, %s: %d × %d, %s, %d queries, k %d, M %d, efc %d, load %s",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.set.Name, b.set.Base.Rows(), b.set.Base.Dim, b.set.Metric,
		b.set.Queries.Rows(), b.k, b.m, b.efc, loadAverage())
}

// vectorTask is what a command asks of engines besides passes over an index of
// all rows.
type vectorTask struct {
	verb string   // what peers call it: "filters" or "churn"; empty for none
	rows []uint32 // that are linked at first; nil means all
}

// inField builds all engines, has them measured and closes them.
func (b *vectorBench) inField(ctx context.Context, task vectorTask, measure func([]*annContestant) error) (err error) {
	dir, err := workFolder("")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	field, err := b.openField(ctx, dir, task)
	defer func() {
		for _, e := range field {
			err = errors.Join(err, e.close())
		}
	}()
	if err != nil {
		return err
	}
	return measure(field)
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

package main

import (
	"context"
	"io"
	"slices"
	"strings"
)

const filterText = `Measures the vector index where each query may find only some of the rows.

Each query has a filter of its own, a bitmap of exactly -share of the rows, of
one of four kinds:
  random      rows at random, independent of the query
  correlated  the rows nearest to the query
  centre      the rows nearest to a row that was drawn for the query: a group
              that hangs together, and lies anywhere
  anti        the rows farthest from the query
Engines link all rows first. Then for each -ef, kind and share they take turns:
a pass over all queries without a filter, and one with it; the best of -passes
counts. True neighbours among the rows of a filter are found by a scan.

` + vectorSets + `
The peer hnswlib, see bench ann -h, runs its filtered search on one thread: a
functor that looks at a bit of the same filters, laid out flat.

Keys of a line, one for each engine, mode, ef, kind and share:
  engine, version   csss, or the peer
  set, metric, mode, k, ef
  share             of the rows that a filter lets through
  kind              of the filters
  recall            share of the true neighbours, k or all that a filter lets
                    through, among the answers
  qps               queries per second of the best pass
  path              csss: the way most searches took, see hnsw.Path
  unfiltered_qps    the same without filters, in the same turns
  cpu_us_per_query  CPU time of the pass that took least
further ones:
  ratio_to_unfiltered   of qps; and by CPU time cpu_ratio_to_unfiltered
  unfiltered_recall     share of the rows that a scan of all finds
  recall_ties       counting also answers that are no farther than the last of
                    the true neighbours, as others may be as near
  matches           rows that a filter lets through
  paths             csss: how many searches took each way
  visits            csss: distances computed for a query, on average
  rows, dim, M, efc, threads, passes

The last line is the summary, engine csss/summary. "modes" has for each of csss's
modes and each ef the least recall, the least ratio_to_unfiltered and, if it ran,
the least ratio to the qps of hnswlib, over all cells and over those with a share
of 0.01 or less, each with the cell where it was found.
`

// filterKinds are the kinds of filters.
var filterKinds = names{"random", "correlated", "centre", "anti"}

// filterBench is one run of the command.
type filterBench struct {
	*vectorBench
	shares fractions
	kinds  names
}

func runFilter(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newFlags("filter")
	b := &filterBench{shares: fractions{0.5, 0.1, 0.02, 0.01, 0.001}, kinds: slices.Clone(filterKinds)}
	b.vectorBench = newVectorBench(f, vectorDefaults{queries: 200, efs: counts{64}, peers: names{"hnswlib"}})
	f.Var(&b.shares, "share", "`fractions` of the rows that filters let through")
	f.Var(&b.kinds, "kind", "`names` of the kinds of filters")
	if err := b.parse(f, args, filterText, stdout, stderr); err != nil {
		return err
	}
	if len(b.kinds) == 0 {
		return usagef("-kind names none")
	}
	for _, kind := range b.kinds {
		if !slices.Contains(filterKinds, kind) {
			return usagef("-kind %q is none of %s", kind, strings.Join(filterKinds, ", "))
		}
	}
	return b.measure(ctx)
}

// measure does all that was asked; the summary is the last line.
func (b *filterBench) measure(ctx context.Context) error {
	if err := b.loadSet(ctx); err != nil {
		return err
	}
	b.tellSet()
	b.note("filters, and true neighbours under them …")
	all, cells, err := b.makeCells(ctx)
	if err != nil {
		return err
	}
	return b.inField(ctx, vectorTask{verb: "filters"}, func(field []*annContestant) error {
		return b.takeTurns(ctx, field, all, cells)
	})
}

package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/examples/bench/vecset"
)

// filterCell is one kind of filters that let one share of the rows through.
type filterCell struct {
	kind    string
	share   float64
	matches int
	filters []*roaring.Bitmap // of each query
	truth   [][]int32         // nearest among them
}

const filterSeed = 11 // of what is drawn for a query

// makeCells makes the filters of all cells and finds the true neighbours, also
// among all rows.
func (b *filterBench) makeCells(ctx context.Context) (all [][]int32, cells []*filterCell, err error) {
	queries, rows := b.set.Queries.Rows(), b.set.Base.Rows()
	all = make([][]int32, queries)
	for _, kind := range b.kinds {
		for _, share := range b.shares {
			cells = append(cells, &filterCell{kind, share, max(1, int(math.Round(share*float64(rows)))), make([]*roaring.Bitmap, queries), make([][]int32, queries)})
		}
	}
	around, err := b.aroundCentres(ctx)
	if err != nil {
		return nil, nil, err
	}
	return all, cells, vecset.Rankings(ctx, b.set, func(query int, ranking []int32) {
		all[query] = slices.Clone(ranking[:b.k])
		of := map[string][]int32{"correlated": ranking, "random": shuffled(query, rows), "anti": slices.Clone(ranking)}
		slices.Reverse(of["anti"])
		for _, c := range cells {
			matches := of[c.kind]
			if c.kind == "centre" {
				matches = around[query]
			}
			c.fill(query, matches[:c.matches], ranking, b.k)
		}
	})
}

// fill sets the filter of a query and finds the k nearest among its matches.
func (c *filterCell) fill(query int, matches, ranking []int32, k int) {
	inside := make([]bool, len(ranking))
	for _, row := range matches {
		inside[row] = true
	}
	f := roaring.New()
	for row, in := range inside {
		if in {
			f.Add(uint32(row))
		}
	}
	f.RunOptimize()
	c.filters[query] = f
	for _, row := range ranking {
		if inside[row] {
			if c.truth[query] = append(c.truth[query], row); len(c.truth[query]) == min(k, len(matches)) {
				return
			}
		}
	}
}

// drawn returns the random numbers of a query.
func drawn(query int) *rand.Rand { return rand.New(rand.NewPCG(filterSeed, uint64(query))) }

// shuffled returns all rows in an order drawn for a query.
func shuffled(query, rows int) []int32 {
	order := make([]int32, rows)
	for i := range order {
		order[i] = int32(i)
	}
	drawn(query).Shuffle(rows, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// aroundCentres draws a row for each query and returns the rows nearest to it, as
// many as the largest filter holds; nothing if no filter is of that kind.
func (b *filterBench) aroundCentres(ctx context.Context) ([][]int32, error) {
	if !slices.Contains(b.kinds, "centre") {
		return nil, nil
	}
	centres := make([]uint32, b.set.Queries.Rows())
	for q := range centres {
		centres[q] = uint32(drawn(q).IntN(b.set.Base.Rows()))
	}
	s := &vecset.Set{Metric: b.set.Metric, Base: b.set.Base, Queries: gathered(b.set.Base, centres)}
	most := max(1, int(math.Round(slices.Max(b.shares)*float64(b.set.Base.Rows()))))
	around := make([][]int32, len(centres))
	return around, vecset.Rankings(ctx, s, func(q int, ranking []int32) { around[q] = slices.Clone(ranking[:most]) })
}

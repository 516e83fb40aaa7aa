package hnsw_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// workersTried are numbers of workers that divide the work in different ways.
var workersTried = []int{1, 2, 3, 5, 8}

// A crew makes the same calls on several indexes, each with a number of workers
// of its own, and compares what has come of them.
type crew[K hnsw.Key] struct {
	t       *testing.T
	dim     int
	key     func(int) K
	indexes []*hnsw.Index[K]
}

func newCrew[K hnsw.Key](t *testing.T, dim int, key func(int) K, o *hnsw.Options) *crew[K] {
	c := &crew[K]{t: t, dim: dim, key: key}
	for range workersTried {
		c.indexes = append(c.indexes, fresh[K](t, dim, o))
	}
	return c
}

func (c *crew[K]) keys(from, to int) (keys []K) {
	for i := from; i < to; i++ {
		keys = append(keys, c.key(i))
	}
	return keys
}

// add puts rows under the keys from one number on.
func (c *crew[K]) add(from int, rows []float32) {
	c.t.Helper()
	keys := c.keys(from, from+len(rows)/c.dim)
	for i, x := range c.indexes {
		require.NoError(c.t, x.AddBatch(keys, rows, &hnsw.BatchOptions{Workers: workersTried[i]}))
	}
}

func (c *crew[K]) remove(from, to int) {
	c.t.Helper()
	for _, x := range c.indexes {
		requireDeleted(c.t, to-from, x, c.keys(from, to)...)
	}
}

// requireSame compares the snapshots, and goes on with what is loaded from them
// in place of every other index.
func (c *crew[K]) requireSame(when string) {
	c.t.Helper()
	want := saved(c.t, c.indexes[0])
	for i, x := range c.indexes[1:] {
		require.True(c.t, bytes.Equal(want, saved(c.t, x)), "%s: %d workers", when, workersTried[i+1])
		if i%2 == 0 {
			var err error
			c.indexes[i+1], err = hnsw.Load[K](stored(c.t, want))
			require.NoError(c.t, err)
		}
	}
}

// live puts n rows in and takes some out, with what makes links hard to agree
// on: rows that are equal, rows that replace others, slots that are used again.
func (c *crew[K]) live(n int) {
	c.t.Helper()
	rows := clustered(random(91), 2*n, c.dim, 40, 0.3)
	for i := range n / 5 { // every fifth is a copy
		copy(rows[5*i*c.dim:][:c.dim], rows[(i%7*5+1)*c.dim:][:c.dim])
	}
	part := func(from, to int) []float32 { return rows[from*c.dim : to*c.dim] }
	c.add(0, part(0, n))
	c.remove(n/10, n/4)
	c.requireSame("rows deleted")
	c.add(0, part(n, n+n/2)) // replaces some, brings some back
	c.add(n/2, part(n/2, n)) // equal to what is there
	c.remove(n-20, n)
	c.requireSame("rows replaced")
	c.add(n, part(n+n/2, 2*n))
	for i := range 5 { // groups of one
		c.add(3*i, part(i, i+1))
	}
	c.requireSame("rows added")
	require.NoError(c.t, c.indexes[len(c.indexes)-1].Check())
}

// TestAnyNumberOfWorkers gives the same index, to the byte, in every mode and
// under every metric, be it saved and loaded in between or not. In short tests
// each mode meets one of the metrics.
func TestAnyNumberOfWorkers(t *testing.T) {
	modes := []hnsw.Mode{hnsw.Int8, hnsw.Float32, hnsw.Compact}
	metrics := []hnsw.Metric{hnsw.L2, hnsw.Cosine, hnsw.Dot}
	n := 700
	if testing.Short() {
		n = 400
	}
	for i, mode := range modes {
		for j, metric := range metrics {
			if testing.Short() && i != j {
				continue
			}
			o := &hnsw.Options{M: 4, EfConstruction: 24, Mode: mode, Metric: metric, ExactBelow: -1}
			t.Run(fmt.Sprint(mode, " ", metric), func(t *testing.T) {
				newCrew(t, 10, func(i int) string { return fmt.Sprint("key ", i) }, o).live(n)
			})
			numbers := *o
			numbers.RowNumbers, numbers.ExactBelow = true, 300 // and rows that wait to be linked
			t.Run(fmt.Sprint(mode, " ", metric, ", row numbers"), func(t *testing.T) {
				newCrew(t, 10, func(i int) uint32 { return uint32(i) }, &numbers).live(n)
			})
		}
	}
}

// TestAnyNumberOfWorkersAmongMany is of as many rows as it takes for codes along
// axes, and for rows to be forgotten.
func TestAnyNumberOfWorkersAmongMany(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n, dim = 4_300, 130
	r := random(92)
	rows := make([]float32, n*dim) // in a space of six directions
	for row := range slices.Chunk(rows, dim) {
		copy(row, gaussian(r, 1, 6))
	}
	for _, mode := range []hnsw.Mode{hnsw.Int8, hnsw.Compact} {
		t.Run(mode.String(), func(t *testing.T) {
			c := newCrew(t, dim, func(i int) uint32 { return uint32(i) },
				&hnsw.Options{M: 3, EfConstruction: 6, Mode: mode, Metric: hnsw.L2, ExactBelow: -1, RowNumbers: true})
			c.add(0, rows)
			c.remove(0, 30)
			c.requireSame("rows deleted")
			c.add(0, rows[100*dim:][:60*dim])
			c.requireSame("rows replaced")
			s := c.indexes[0].Stats()
			if mode == hnsw.Compact {
				require.Zero(t, s.VectorBytes)
			} else {
				require.Less(t, s.CodeBytes, n*dim, "codes along axes")
			}
		})
	}
}

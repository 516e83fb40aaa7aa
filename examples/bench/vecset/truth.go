package vecset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
	"github.com/deeperpoint/csss/internal/simd"
)

// Sizes of the scan. A block of rows stays in the second-level cache while all
// queries of a part pass over it.
const (
	queriesAtOnce = 16
	blockBytes    = 1 << 18
	spare         = 32 // candidates beyond k that float64 puts in order
)

// Exact returns the k rows nearest to each query, or all if there are fewer,
// and their distances: nearest first, and of equally near ones the earlier.
// Candidates are found in float32 and put in order in float64. All processors
// take part; done is called by them as parts are finished, with how many queries
// are.
//
// Under Cosine the vectors must be of unit length already, see [Set.Unit].
//
// Errors: that of the context.
func Exact(ctx context.Context, s *Set, k int, done func(queries int)) (vecfile.Truth, error) {
	k = min(k, s.Base.Rows())
	n := s.Queries.Rows()
	t := vecfile.Truth{
		IDs:       vecfile.Table[int32]{Dim: k, Values: make([]int32, n*k)},
		Distances: blank(n, k),
	}
	var finished atomic.Int64
	err := inParallel(ctx, (n+queriesAtOnce-1)/queriesAtOnce, func(part int) {
		first, last := part*queriesAtOnce, min((part+1)*queriesAtOnce, n)
		all := nearest(ctx, s, first, last, k+spare)
		if ctx.Err() != nil {
			return // some rows were not looked at
		}
		for i, found := range all {
			order(s, first+i, found)
			for j, f := range found[:k] {
				t.IDs.Row(first + i)[j], t.Distances.Row(first + i)[j] = f.id, float32(f.exact)
			}
		}
		done(int(finished.Add(int64(last - first))))
	})
	return t, err
}

// candidate is a row that may be near.
type candidate struct {
	id    int32
	rough float32
	exact float64
}

// nearest returns the candidates of some queries by their rough distance.
func nearest(ctx context.Context, s *Set, first, last, keep int) [][]candidate {
	kernel := simd.SquaredL2
	if s.Metric != L2 {
		kernel = func(x, y []float32) float32 { return -simd.Dot(x, y) }
	}
	best := make([][]candidate, last-first)
	step := max(1, blockBytes/(4*s.Base.Dim))
	for row := 0; row < s.Base.Rows() && ctx.Err() == nil; row += step {
		for q := first; q < last; q++ {
			query := s.Queries.Row(q)
			for id := row; id < min(row+step, s.Base.Rows()); id++ {
				best[q-first] = keepNearest(best[q-first], candidate{id: int32(id), rough: kernel(query, s.Base.Row(id))}, keep)
			}
		}
	}
	return best
}

// keepNearest puts a candidate into a sorted list of at most so many.
func keepNearest(list []candidate, c candidate, keep int) []candidate {
	if len(list) == keep && list[keep-1].rough <= c.rough {
		return list
	}
	at, _ := slices.BinarySearchFunc(list, c.rough, func(l candidate, rough float32) int {
		if l.rough <= rough { // after those that are equally near
			return -1
		}
		return 1
	})
	if len(list) == keep {
		list = list[:keep-1]
	}
	return slices.Insert(list, at, c)
}

// order sorts the candidates of a query by their exact distances.
func order(s *Set, query int, found []candidate) {
	for i := range found {
		found[i].exact = s.Distance(query, int(found[i].id))
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.exact, b.exact), cmp.Compare(a.id, b.id)) })
}

// Distance returns how far row is from query, in float64.
func (s *Set) Distance(query, row int) float64 {
	x, y := s.Queries.Row(query), s.Base.Row(row)
	var sum float64
	if s.Metric == L2 {
		for i := range x {
			d := float64(x[i]) - float64(y[i])
			sum += float64(d * d)
		}
		return sum
	}
	for i := range x {
		sum += float64(x[i]) * float64(y[i])
	}
	if s.Metric == Cosine {
		return 1 - sum
	}
	return -sum
}

// CachedTruth returns what [Exact] does. It looks for it in a folder first, by
// a hash over all vectors and the metric, and leaves it there.
//
// Errors: that of the context, and those of writing the file.
func CachedTruth(ctx context.Context, folder string, s *Set, k int, done func(queries int)) (vecfile.Truth, error) {
	k = min(k, s.Base.Rows())
	path := filepath.Join(folder, "truth-"+s.hash(k)[:32]+".ibin")
	t, err := vecfile.OpenTruth(path)
	if err == nil && CheckTruth(s, t, k) == nil && t.Distances.Rows() == t.IDs.Rows() {
		return t, nil
	}
	if t, err = Exact(ctx, s, k, done); err != nil {
		return t, err
	}
	return t, vecfile.Replace(path, func(w io.Writer) error { return vecfile.WriteTruth(w, t) })
}

// CheckTruth verifies that t has at least k neighbours of each query, and that
// they are rows of the base.
//
// Errors: ErrSet.
func CheckTruth(s *Set, t vecfile.Truth, k int) error {
	switch rows := s.Base.Rows(); {
	case t.IDs.Rows() < s.Queries.Rows():
		return badf("true neighbours of %d queries, not of %d", t.IDs.Rows(), s.Queries.Rows())
	case t.IDs.Dim < k:
		return badf("%d true neighbours of a query, not %d", t.IDs.Dim, k)
	case slices.ContainsFunc(t.IDs.Head(s.Queries.Rows()).Values, func(id int32) bool { return int(id) >= rows }):
		return badf("a true neighbour is not among the %d rows of the base", rows)
	}
	return nil
}

// hash names the neighbours of a set.
func (s *Set) hash(k int) string {
	h := sha256.New()
	fmt.Fprintf(h, "truth 1 %s %d %d %d %d\n", s.Metric, k, s.Base.Dim, s.Base.Rows(), s.Queries.Rows())
	hashValues(h, s.Base.Values)
	hashValues(h, s.Queries.Values)
	return hex.EncodeToString(h.Sum(nil))
}

func hashValues(h hash.Hash, values []float32) {
	buffer := make([]byte, 0, 1<<16)
	for part := range slices.Chunk(values, cap(buffer)/4) {
		for _, x := range part {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
		}
		h.Write(buffer)
		buffer = buffer[:0]
	}
}

package vecset

import (
	"context"
	"math"
	"math/rand/v2"
)

// What the clustered set is made of.
const (
	ClusterRows = 200_000 // of the whole set
	clusterDim  = 384
	latentDim   = 32
	perCluster  = 200 // rows, on average
	clusterSeed = 7
	wide        = 0.6  // of a cluster, in the latent space
	noise       = 0.05 // of each component
)

// Clusters makes the first rows of the clustered set, and queries of the same
// distribution. Each of 1,000 clusters has a centre c of 32 normal components;
// a row is W·tanh(c + 0.6·N) + 0.05·N scaled to unit length, where W is a
// normal 384×32 matrix over √32 and N is normal.
//
// Errors: that of the context.
func Clusters(ctx context.Context, rows, queries int) (*Set, error) {
	shared := rand.New(rand.NewPCG(clusterSeed, 0))
	centres := normals(shared, ClusterRows/perCluster*latentDim, 1)
	w := normals(shared, clusterDim*latentDim, 1/math.Sqrt(latentDim))
	s := &Set{Name: "s384", Metric: Cosine, Base: blank(rows, clusterDim), Queries: blank(queries, clusterDim)}
	const block = 1000
	blocks := (rows + block - 1) / block
	err := inParallel(ctx, blocks+1, func(part int) {
		t, first := s.Base, part*block
		stream := uint64(1)
		if part == blocks {
			t, first, stream = s.Queries, 0, 2
		}
		last := min(first+block, t.Rows())
		if part == blocks {
			last = t.Rows()
		}
		for i := first; i < last; i++ {
			r := rand.New(rand.NewPCG(clusterSeed, stream<<32|uint64(i)))
			at := r.IntN(ClusterRows/perCluster) * latentDim
			clusterRow(r, centres[at:at+latentDim], w, t.Row(i))
		}
	})
	return s, err
}

func clusterRow(r *rand.Rand, centre, w []float64, row []float32) {
	var z [latentDim]float64
	for i, c := range centre {
		z[i] = math.Tanh(c + wide*r.NormFloat64())
	}
	for i := range row {
		var sum float64
		for j, weight := range w[i*latentDim : (i+1)*latentDim] {
			sum += float64(weight * z[j])
		}
		row[i] = float32(sum + noise*r.NormFloat64())
	}
	scaleToUnit(row)
}

func normals(r *rand.Rand, n int, deviation float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = deviation * r.NormFloat64()
	}
	return v
}

func blank(rows, dim int) Table { return Table{Dim: dim, Values: make([]float32, rows*dim)} }

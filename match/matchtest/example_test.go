package matchtest_test

import (
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/matchtest"
)

// forgetful is an index that finds at most three rows.
type forgetful struct{ *match.Exact }

func (f forgetful) Search(q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
	return f.Exact.Search(q, min(k, 3), allow, dst)
}

// ExampleTestVectorIndex shows the test that an implementation has, and how it
// states what it fails; a suite has no output to check.
func ExampleTestVectorIndex() {
	_ = func(t *testing.T) {
		matchtest.TestVectorIndex(t, func(testing.TB) match.VectorIndex { return match.NewExact() },
			&matchtest.Options{Recall: 1})
	}
	// Output:
}

func TestWhatIsKnownIsStated(t *testing.T) {
	const three = "it finds at most three rows"
	known := map[string]string{}
	for _, name := range []string{"bad-vectors", "all-or-none", "bad-first-batch", "twice-in-a-batch", "bad-queries", "odd-k",
		"replace", "delete", "delete-unknown", "delete-all", "filter", "far-filter", "order", "ties", "scores", "lengths", "append",
		"slices-not-kept", "concurrent-use", "recall-gaussian", "recall-clustered", "recall-duplicates", "churn"} {
		known[name] = three
	}
	matchtest.TestVectorIndex(t, func(testing.TB) match.VectorIndex { return forgetful{match.NewExact()} },
		&matchtest.Options{Rows: 200, Dim: 8, Known: known})
}

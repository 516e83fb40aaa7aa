// Package matchtest is the contract of the match.VectorIndex seam as a test
// suite, with a floor for the recall.
//
// [TestVectorIndex] asks an index what its interface's comment promises, each
// promise in a sub-test with a name that stays. What an index is known to fail
// is stated by that name and a reason ([Options.Known]): such a sub-test is run
// all the same, is reported with its reason and with what it found, and fails
// when the index passes it, so that no statement outlives its cause.
//
// A panic of the index in any sub-test is a failure of that sub-test. Run the
// suite under the race detector as well.
package matchtest

import (
	"cmp"
	"testing"

	"github.com/deeperpoint/csss/match"
)

// Options of [TestVectorIndex]. Nil means all defaults.
type Options struct {
	Dim    int     // components of the vectors; at least 2; 0 means 32
	Rows   int     // in the sub-tests on recall; at least 200; 0 means 2000
	Recall float64 // recall@10 that the mean over 100 queries must reach; 0 means 0.95
	Seed   uint64  // of all rows and queries; default 0
	// Known names the sub-tests that the index is known to fail, each with the
	// reason. A name that is no sub-test's fails the suite. Default: none.
	Known map[string]string
}

// tests is the suite, in the order in which it runs. The names are part of the
// API: they are keys of [Options.Known].
var tests = []struct {
	name string
	run  func(*fixture)
}{
	{"bad-vectors", testBadVectors},
	{"all-or-none", testAllOrNone},
	{"bad-first-batch", testBadFirstBatch},
	{"twice-in-a-batch", testTwiceInABatch},
	{"bad-queries", testBadQueries},
	{"odd-k", testOddK},
	{"empty", testEmpty},
	{"replace", testReplace},
	{"delete", testDelete},
	{"delete-unknown", testDeleteUnknown},
	{"delete-all", testDeleteAll},
	{"filter", testFilter},
	{"far-filter", testFarFilter},
	{"order", testOrder},
	{"ties", testTies},
	{"scores", testScores},
	{"lengths", testLengths},
	{"append", testAppend},
	{"slices-not-kept", testSlicesNotKept},
	{"concurrent-use", testConcurrentUse},
	{"recall-gaussian", testRecallGaussian},
	{"recall-clustered", testRecallClustered},
	{"recall-duplicates", testRecallDuplicates},
	{"churn", testChurn},
}

// TestVectorIndex runs the suite as sub-tests of t. open makes an empty index;
// it is called at least once per sub-test, and its argument ends with the
// sub-test. With the defaults the suite holds at most 2,000 rows at a time and
// makes some thousand searches.
func TestVectorIndex(t *testing.T, open func(t testing.TB) match.VectorIndex, o *Options) {
	t.Helper()
	var opt Options
	if o != nil {
		opt = *o
	}
	opt.Dim = max(cmp.Or(opt.Dim, 32), 2)
	opt.Rows = max(cmp.Or(opt.Rows, 2000), 200)
	opt.Recall = cmp.Or(opt.Recall, 0.95)
	for name := range opt.Known {
		if !named(name) {
			t.Errorf("known: no sub-test is called %q", name)
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Helper()
			judge(t, opt.Known[test.name], func(tb testing.TB) { test.run(newFixture(tb, open, opt)) })
		})
	}
}

func named(name string) bool {
	for _, test := range tests {
		if test.name == name {
			return true
		}
	}
	return false
}

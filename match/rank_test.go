package match_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"testing"

	"github.com/deeperpoint/csss/internal/beir"
	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var beirData = flag.String("beir.data", "", "folder that holds the retrieval sets naics and esco")

// catalogue puts a retrieval set's documents into a matcher.
func catalogue(t *testing.T, set *beir.Set) *match.Matcher {
	t.Helper()
	offers := make([]match.Offer, len(set.Documents))
	for i, d := range set.Documents {
		offers[i] = match.Offer{ID: d.ID, Firm: "f", Kind: match.Expertise, Category: "document", Zone: "UTC",
			Text: d.Content(), Quantity: match.Quantity{Unit: match.Hours, Value: 1}}
	}
	return newMatcher(t, trigrams{}, offers...)
}

// ndcg ranks the queries of one of n parts and returns nDCG@10 over all of
// them and over the hard ones; part < 0 means all parts.
func ndcg(t *testing.T, m *match.Matcher, set *beir.Set, mode match.RankMode, n uint32, part int) (all, hard float64) {
	var count, hards float64
	for _, q := range set.Queries {
		h := fnv.New32a()
		_, _ = h.Write([]byte(q.ID))
		if part >= 0 && h.Sum32()%n != uint32(part) {
			continue
		}
		ranked, err := m.Rank(t.Context(), q.Text, 10, mode)
		require.NoError(t, err)
		list := make([]string, len(ranked))
		for i, r := range ranked {
			list[i] = r.Offer
		}
		v := beir.NDCG(list, set.Qrels[q.ID], 10)
		all, count = all+v, count+1
		if q.Hard {
			hard, hards = hard+v, hards+1
		}
	}
	return all / count, hard / hards
}

// TestRankingOnPublicSets: BM25 as published elsewhere, and a fusion that is no
// worse than its better part.
func TestRankingOnPublicSets(t *testing.T) {
	if *beirData == "" {
		t.Skip("needs -beir.data DIR with the sets naics and esco")
	}
	for name, want := range map[string]struct{ all, hard float64 }{"naics": {0.594, 0.321}, "esco": {0.573, 0.114}} {
		t.Run(name, func(t *testing.T) {
			set, err := beir.Read(filepath.Join(*beirData, name))
			require.NoError(t, err)
			m := catalogue(t, set)
			all, hard := ndcg(t, m, set, match.BM25, 1, -1)
			t.Logf("%s: BM25 nDCG@10 %.4f, hard %.4f, all %d documents ranked", name, all, hard, m.Len())
			assert.InDelta(t, want.all, all, 0.002)
			assert.InDelta(t, want.hard, hard, 0.002)
			const parts, part = 20, 1
			words, _ := ndcg(t, m, set, match.BM25, parts, part)
			dense, _ := ndcg(t, m, set, match.Dense, parts, part)
			fused, _ := ndcg(t, m, set, match.Fused, parts, part)
			t.Logf("%s, one query in %d: BM25 %.4f, trigrams %.4f, fused %.4f", name, parts, words, dense, fused)
			assert.GreaterOrEqual(t, fused, max(words, dense)-0.003)
		})
	}
}

func TestLongAndForeignTextsAreRanked(t *testing.T) {
	m := newMatcher(t, trigrams{}, experts()...)
	for _, text := range []string{"", "\xff", "軸受", string(make([]byte, 1<<20)), fmt.Sprint(make([]int, 1<<16))} {
		ranked, err := m.Rank(t.Context(), text, 10, match.Fused)
		require.NoError(t, err)
		assert.Len(t, ranked, 3)
		for _, r := range ranked {
			assert.False(t, r.Score != r.Score, "NaN")
		}
	}
}

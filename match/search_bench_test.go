package match_test

import (
	"fmt"
	"testing"

	"github.com/deeperpoint/csss/match"
)

// BenchmarkSearch answers one need among offers of its kind and category, half
// of which pass every gate.
func BenchmarkSearch(b *testing.B) {
	for _, size := range []int{100, 3000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m, err := match.New(trigrams{}, nil)
			if err != nil {
				b.Fatal(err)
			}
			offers := make([]match.Offer, size)
			for i := range offers {
				offers[i] = steelcrest()
				offers[i].ID, offers[i].Firm = fmt.Sprint(i), fmt.Sprint("f", i)
				if i%2 == 0 {
					offers[i].Site = towns["Windsor"]
				}
			}
			if err := m.Upsert(b.Context(), offers...); err != nil {
				b.Fatal(err)
			}
			n := gridline()
			q := &match.Query{Need: &n, Now: autumn, Median: median(12000)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Search(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

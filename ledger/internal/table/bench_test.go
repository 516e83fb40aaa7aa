package table_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/deeperpoint/csss/ledger/internal/table"
)

const million = 1_000_000

func some(n int) []table.Key {
	next := keys(99)
	out := make([]table.Key, n)
	for i := range out {
		out[i] = next()
	}
	return out
}

// BenchmarkPut puts a million keys into an empty table, growth included, and then into
// an empty table over a base of a million others.
func BenchmarkPut(b *testing.B) {
	all := some(2 * million)
	for _, mode := range []string{"memory", "grown", "base", "map"} {
		b.Run(mode, func(b *testing.B) {
			var base bytes.Buffer
			if mode == "base" {
				var old table.Table
				for i, k := range all[million:] {
					old.Put(k, uint64(i))
				}
				_ = old.Save(&base)
			}
			for b.Loop() {
				tab := new(table.Table)
				if mode == "base" {
					tab, _ = table.Load(base.Bytes())
				}
				if mode == "grown" {
					tab.Grow(million)
				}
				if mode == "map" {
					twin := map[table.Key]uint64{}
					for i, k := range all[:million] {
						twin[k] = uint64(i)
					}
					continue
				}
				for i, k := range all[:million] {
					tab.Put(k, uint64(i))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*million), "ns/put")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkPutMore puts keys into tables that have a million already and room for more,
// and reports the quickest round.
func BenchmarkPutMore(b *testing.B) {
	const more = 200_000
	all := some(million + more)
	spent := time.Hour
	for b.Loop() {
		tab := new(table.Table)
		for i, k := range all[:million] {
			tab.Put(k, uint64(i))
		}
		start := time.Now()
		for i, k := range all[million:] {
			tab.Put(k, uint64(i))
		}
		spent = min(spent, time.Since(start))
	}
	b.ReportMetric(float64(spent.Nanoseconds())/more, "ns/put")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkGet(b *testing.B) {
	all := some(2 * million)
	var tab table.Table
	for i, k := range all[:million] {
		tab.Put(k, uint64(i))
	}
	var buf bytes.Buffer
	_ = tab.Save(&buf)
	base, _ := table.Load(buf.Bytes())
	for name, t := range map[string]*table.Table{"memory": &tab, "base": base} {
		for i, what := range []string{"hit", "miss"} {
			b.Run(fmt.Sprintf("%s/%s", name, what), func(b *testing.B) {
				ask := all[i*million:][:million]
				for j := 0; b.Loop(); j++ {
					t.Get(ask[j%million])
				}
			})
		}
	}
}

func BenchmarkSaveAndLoad(b *testing.B) {
	var tab table.Table
	for i, k := range some(million) {
		tab.Put(k, uint64(i))
	}
	var buf bytes.Buffer
	_ = tab.Save(&buf)
	base, _ := table.Load(buf.Bytes())
	for i, k := range some(million)[:million/10] {
		base.Put(k, uint64(i))
	}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			_ = tab.Save(io.Discard)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*million), "ns/key")
	})
	b.Run("merge", func(b *testing.B) {
		for b.Loop() {
			_ = base.Save(io.Discard)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*million), "ns/key")
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			_, _ = table.Load(buf.Bytes())
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*million), "ns/key")
	})
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			tab.View()
		}
	})
}

func BenchmarkColumnAppend(b *testing.B) {
	var col table.Column
	for i := uint32(0); b.Loop(); i++ {
		col.Append(i)
	}
}

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/deeperpoint/csss/internal/simd"
)

const kernelsText = `Measures what compares a query with rows of the vector index, one after the
other on one goroutine, in batches of 64 rows.

A table has as many rows as -rows says, which are met in random order: 64 of them
stay in the nearest caches, 200,000 in none. Engines take turns, and the best of
-slices counts.
  stream       reads every byte of the same table from its beginning to its end
               and compares it with one value (bytes.IndexByte, 32 at a time on
               amd64): a kernel that is as fast loses nothing to arithmetic, and
               over rows in no cache nothing to their order
  vek32        github.com/viterin/vek, a call for each row; where it has the like
  csss/go      the twin in plain Go, the reference
  csss/NAME    the implementations of this processor, the best one last
All must agree with the twin: csss to the bit, vek32 within its rounding.

Keys of a line, one for each engine, kernel, dim and number of rows:
  engine
  kernel            dot_i8, unsigned bytes by signed ones; dot_f32; squared_f32
  dim, rows
  ns_per_row
  gb_per_s          of the components of rows, without what fills a row up to a
                    multiple of 64 bytes; stream counts that, too
  ratio_to_go       speed
  ratio_to_stream   of the time for the same row
further ones:
  bytes_per_row     that are read
`

// kernelsBench is one run of the command.
type kernelsBench struct {
	*report
	dims, rows counts
	slices     int
	seconds    float64
}

func runKernels(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	b := &kernelsBench{dims: counts{100, 384, 784}, rows: counts{simd.Batch}}
	f := newFlags("kernels")
	asJSON := f.Bool("json", false, "one JSON object a line on standard output, the table on standard error")
	f.Var(&b.dims, "dim", "components of a row, several `numbers`")
	f.Var(&b.rows, "rows", "`numbers` of rows of the table")
	f.IntVar(&b.slices, "slices", 5, "of time for each; the best counts")
	f.Float64Var(&b.seconds, "seconds", 0.05, "length of a slice")
	if err := parse(f, args, kernelsText, stderr); err != nil {
		return err
	}
	if err := checkBounds(bounded{"slices", b.slices, 1, 1000}); err != nil {
		return err
	}
	if !(b.seconds > 0 && b.seconds <= 60) {
		return usagef("-seconds %v is not above 0 and at most 60", b.seconds)
	}
	for _, dim := range b.dims {
		for _, rows := range b.rows {
			if err := checkBounds(bounded{"dim", dim, 1, 65_536}, bounded{"rows", rows, simd.Batch, 1 << 33 / 4 / dim}); err != nil {
				return err
			}
		}
	}
	b.report = newReport(*asJSON, stdout, stderr)
	return b.measure(ctx)
}

// measure measures all kernels over all tables; a line of csss is the last.
func (b *kernelsBench) measure(ctx context.Context) error {
	b.row("%-17s %-12s %5s %8s %9s %8s %8s %10s", "engine", "kernel", "dim", "rows", "ns/row", "GB/s", "× go", "× stream's")
	for _, dim := range b.dims {
		for _, rows := range b.rows {
			for _, t := range kernelTables(dim, rows) {
				if err := b.race(ctx, t); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// kernelPoint is a line of the output.
type kernelPoint struct {
	Engine   string `json:"engine"`
	Kernel   string `json:"kernel"`
	Dim      int    `json:"dim"`
	Rows     int    `json:"rows"`
	PerRow   figure `json:"ns_per_row"`
	GBPerS   figure `json:"gb_per_s"`
	ToGo     figure `json:"ratio_to_go,omitempty"`
	ToStream figure `json:"ratio_to_stream,omitempty"`
	Bytes    int    `json:"bytes_per_row"`
}

// race measures all kernels of a table in turns.
func (b *kernelsBench) race(ctx context.Context, t *kernelTable) error {
	if err := t.agree(); err != nil {
		return err
	}
	best := make([]float64, len(t.kernels))
	for range b.slices {
		for i, k := range t.kernels {
			if err := ctx.Err(); err != nil {
				return err
			}
			if ns := b.slice(t, k); best[i] == 0 || ns < best[i] {
				best[i] = ns
			}
		}
	}
	at := map[string]float64{}
	for i, k := range t.kernels {
		at[k.engine] = best[i]
	}
	for i, k := range t.kernels {
		p := kernelPoint{Engine: k.engine, Kernel: t.name, Dim: t.dim, Rows: t.rows, PerRow: figure(best[i]), GBPerS: figure(float64(k.counted) / best[i]), Bytes: k.read}
		if k.engine != "stream" {
			p.ToGo, p.ToStream = figure(at["csss/go"]/best[i]), figure(best[i]/at["stream"])
		}
		b.row("%-17s %-12s %5d %8d %9v %8v %8v %10v", p.Engine, p.Kernel, p.Dim, p.Rows, p.PerRow, p.GBPerS, p.ToGo, p.ToStream)
		if err := b.line(p); err != nil {
			return err
		}
	}
	return nil
}

// slice runs a kernel for a slice of time and returns the nanoseconds per row.
func (b *kernelsBench) slice(t *kernelTable, k kernel) float64 {
	t.once(k) // caches and branches
	rows, start, end := 0, time.Now(), time.Duration(b.seconds*float64(time.Second))
	for {
		rows += t.once(k)
		if took := time.Since(start); took >= end {
			return float64(took.Nanoseconds()) / float64(rows)
		}
	}
}

// disagreement says that a kernel is wrong.
func disagreement(t *kernelTable, k kernel, got, want float64) error {
	return fmt.Errorf("%s of %s, dim %d: %v, not %v", t.name, k.engine, t.dim, got, want)
}

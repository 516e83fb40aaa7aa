package main

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// writerPoint is a line about searches beside a writer.
type writerPoint struct {
	Engine        string `json:"engine"`
	Version       string `json:"version"`
	Set           string `json:"set"`
	Metric        string `json:"metric"`
	Mode          string `json:"mode"`
	K             int    `json:"k"`
	Ef            int    `json:"ef"`
	Check         string `json:"check"` // "writer"
	P50           figure `json:"p50_us"`
	P99           figure `json:"p99_us"`
	AloneP50      figure `json:"alone_p50_us"`
	AloneP99      figure `json:"alone_p99_us"`
	P99ToP50      figure `json:"p99_to_p50"`
	Searches      int    `json:"searches"`
	AloneSearches int    `json:"alone_searches"`
	WritesPerS    figure `json:"writes_per_s"`
}

const writerTurns = 10 // alone, and as many beside the writer

// besideWriter times searches on an index of csss, alone and beside a writer.
func (b *churnBench) besideWriter(ctx context.Context, c *annContestant, t *tide) error {
	e, ours := c.annEngine.(*annOurs)
	if !ours || b.seconds == 0 {
		return nil
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, b.threads))) // a processor for each of the two
	turn := time.Duration(b.seconds / writerTurns * float64(time.Second))
	w := &writer{index: e.index, tide: t.singly()}
	for _, ef := range b.efs {
		var alone, beside []float64
		var err error
		before, elapsed := w.writes, time.Duration(0)
		for range writerTurns {
			if alone, err = b.timed(ctx, e.index, ef, turn, alone); err != nil {
				return err
			}
			start := time.Now()
			stop := w.start()
			beside, err = b.timed(ctx, e.index, ef, turn, beside)
			if failed := stop(); err == nil {
				err = failed
			}
			if err != nil {
				return err
			}
			elapsed += time.Since(start)
		}
		slices.Sort(alone)
		slices.Sort(beside)
		p := writerPoint{
			Engine: c.name, Version: c.built.version, Set: b.set.Name, Metric: string(b.set.Metric), Mode: c.mode, K: b.k, Ef: ef, Check: "writer",
			P50: percentile(beside, 50), P99: percentile(beside, 99), AloneP50: percentile(alone, 50), AloneP99: percentile(alone, 99),
			Searches: len(beside), AloneSearches: len(alone), WritesPerS: figure(float64(w.writes-before) / elapsed.Seconds()),
		}
		p.P99ToP50 = p.P99 / p.P50
		b.row("%-16s ef %d, searches beside a writer: p50 %v µs, p99 %v µs; alone p50 %v µs, p99 %v µs; %v writes/s",
			c.curve.Name, ef, p.P50, p.P99, p.AloneP50, p.AloneP99, p.WritesPerS)
		if err := b.line(p); err != nil {
			return err
		}
	}
	return nil
}

// timed answers queries one after the other for a while, at least one, and
// appends what each took, in microseconds.
func (b *churnBench) timed(ctx context.Context, x annIndex, ef int, turn time.Duration, took []float64) ([]float64, error) {
	search, ids := x.searcher(), make([]int32, b.k)
	end := time.Now().Add(turn)
	for q := len(took); ctx.Err() == nil; q++ {
		start := time.Now()
		if _, err := search(b.set.Queries.Row(q%b.set.Queries.Rows()), ef, nil, ids); err != nil {
			return took, err
		}
		now := time.Now()
		took = append(took, float64(now.Sub(start).Nanoseconds())/1e3)
		if now.After(end) {
			break
		}
	}
	return took, ctx.Err()
}

// percentile returns the value below which that many of a hundred sorted ones
// are.
func percentile(sorted []float64, p int) figure { return figure(sorted[(len(sorted)-1)*p/100]) }

// writer deletes a row and links another until it is stopped.
type writer struct {
	index  annIndex
	tide   *tide
	writes int // not to be read while it runs
}

// singly returns a tide that goes on from t, row by row.
func (t *tide) singly() *tide {
	return &tide{slices.Clone(t.in), slices.Clone(t.out), 1, t.r}
}

// start lets the writer run; stop waits for its end.
func (w *writer) start() (stop func() error) {
	var stopped atomic.Bool
	var failed error
	var done sync.WaitGroup
	done.Go(func() {
		for !stopped.Load() && failed == nil {
			gone, fresh := w.tide.turn()
			if failed = w.index.remove(gone); failed == nil {
				failed = w.index.add(fresh)
			}
			w.writes++
		}
	})
	return func() error {
		stopped.Store(true)
		done.Wait()
		return failed
	}
}

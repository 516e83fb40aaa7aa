package crashfs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

// Search says how to look for a crash that an engine does not survive.
type Search struct {
	From     int    // first boundary
	PerPoint int    // outcomes per boundary, as [Point.Choices] takes it. Default: 1024
	Total    int    // outcomes altogether. Default: no bound
	Workers  int    // goroutines. Default: GOMAXPROCS
	Seed     uint64 // of what is sampled
}

// Explore asks check about the disks that crashes leave, boundary after boundary, from several goroutines. It stops at the first
// error and tells the outcome with it. It returns how many outcomes were looked at.
func (f *FS) Explore(ctx context.Context, s Search, check func(*Point, Choice) error) (int, error) {
	if s.PerPoint <= 0 {
		s.PerPoint = 1024
	}
	if s.Workers <= 0 {
		s.Workers = runtime.GOMAXPROCS(0)
	}
	type job struct {
		p       *Point
		choices []Choice
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	jobs := make(chan job, s.Workers)
	var done atomic.Int64
	var wg sync.WaitGroup
	for range s.Workers {
		wg.Go(func() {
			for j := range jobs {
				for _, c := range j.choices {
					if ctx.Err() != nil || s.Total > 0 && done.Add(1) > int64(s.Total) {
						break
					}
					if s.Total <= 0 {
						done.Add(1)
					}
					if err := check(j.p, c); err != nil {
						stop(fmt.Errorf("%w\n%s\nthe operations before:\n%s", err, j.p.Describe(c), f.History(j.p.Op-30, j.p.Op)))
					}
				}
			}
		})
	}
	const chunk = 64
	for p := range f.Points(s.From) {
		if ctx.Err() != nil || s.Total > 0 && done.Load() >= int64(s.Total) {
			break
		}
		var choices []Choice
		for c := range p.Choices(s.PerPoint, rand.New(rand.NewPCG(s.Seed, uint64(p.Op)))) {
			if choices = append(choices, c); len(choices) == chunk {
				jobs <- job{p, choices}
				choices = nil
			}
		}
		jobs <- job{p, choices}
	}
	close(jobs)
	wg.Wait()
	n := int(done.Load())
	if s.Total > 0 {
		n = min(n, s.Total)
	}
	return n, context.Cause(ctx)
}

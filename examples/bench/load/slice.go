package load

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Sample is what one or several slices of time have shown.
type Sample struct {
	Entries   int             `json:"entries"`
	Seconds   float64         `json:"seconds"`   // wall clock
	CPU       float64         `json:"cpu"`       // seconds, user and system, of the whole process
	Latencies []time.Duration `json:"latencies"` // of each call, in no order
}

// Add joins another sample.
func (s *Sample) Add(o Sample) {
	s.Entries += o.Entries
	s.Seconds += o.Seconds
	s.CPU += o.CPU
	s.Latencies = append(s.Latencies, o.Latencies...)
}

// Rate returns entries per second of wall clock.
func (s Sample) Rate() float64 { return float64(s.Entries) / max(s.Seconds, 1e-9) }

// CPUPerEntry returns microseconds of CPU per entry.
func (s Sample) CPUPerEntry() float64 { return s.CPU * 1e6 / max(float64(s.Entries), 1) }

// Quantile returns the latency that a share q of the calls does not exceed, in
// milliseconds; 0 without calls.
func (s Sample) Quantile(q float64) float64 {
	if len(s.Latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.Latencies))
	at := min(int(q*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[at]) / float64(time.Millisecond)
}

// Measure takes the wall clock and the CPU of a call that appends and says how
// many entries it appended.
func Measure(do func() (entries int, latencies []time.Duration, err error)) (Sample, error) {
	cpu, start := CPUSeconds(), time.Now()
	entries, latencies, err := do()
	return Sample{
		Entries: entries, Seconds: time.Since(start).Seconds(), CPU: CPUSeconds() - cpu, Latencies: latencies,
	}, err
}

// Run has all writers append batch after batch for a slice of time. A call that
// runs when the time is up is finished and counted, and so is its time. The
// first error ends the slice. Making the entries is part of the time and of the
// CPU.
//
// call appends a batch for writer number w and returns once it is durable.
func Run(ctx context.Context, writers []*Writer, batch int, d time.Duration, call func(ctx context.Context, w int, batch []Entry) error) (Sample, error) {
	return Measure(func() (int, []time.Duration, error) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		each := make([][]time.Duration, len(writers))
		errs := make([]error, len(writers))
		until := time.Now().Add(d)
		var wg sync.WaitGroup
		for i, w := range writers {
			wg.Go(func() {
				for errs[i] == nil && (len(each[i]) == 0 || time.Now().Before(until)) {
					entries := w.Next(batch)
					begin := time.Now()
					if errs[i] = call(ctx, i, entries); errs[i] != nil {
						stop()
						return
					}
					each[i] = append(each[i], time.Since(begin))
				}
			})
		}
		wg.Wait()
		all := slices.Concat(each...)
		return len(all) * batch, all, first(errs)
	})
}

// first returns the error that came first: those that follow it say that the
// context was cancelled.
func first(errs []error) error {
	var cancelled error
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		cancelled = cmp.Or(cancelled, err)
	}
	return cancelled
}

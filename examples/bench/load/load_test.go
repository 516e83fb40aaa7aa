package load_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/load"
)

func TestSourcesOfOneSeedMakeTheSameEntries(t *testing.T) {
	a, b := load.NewSource(7, 300, false).Writers(2), load.NewSource(7, 300, false).Writers(2)
	for range 3 {
		for i := range a {
			assert.Equal(t, a[i].Next(50), b[i].Next(50))
		}
	}
	other := load.NewSource(8, 300, false).Writers(1)[0]
	assert.NotEqual(t, load.NewSource(7, 300, false).Writers(1)[0].Next(1), other.Next(1))
}

func TestKeysAreUniqueAndStreamsCountUp(t *testing.T) {
	for _, follow := range []bool{false, true} {
		keys := map[string]bool{}
		versions := map[string]uint64{}
		for _, w := range load.NewSource(1, 10, follow).Writers(3) {
			for range 40 {
				for _, e := range w.Next(25) {
					assert.False(t, keys[e.Key], "key %s twice", e.Key)
					keys[e.Key] = true
					assert.Equal(t, versions[e.Stream], e.Version)
					versions[e.Stream]++
					assert.Len(t, e.Payload, 10)
					assert.Equal(t, load.NameBytes, len(e.Stream)+len(e.Type)+len(e.Key))
					assert.Equal(t, follow, strings.HasPrefix(e.Key, e.Stream[len("session/"):]))
				}
			}
		}
		assert.Len(t, keys, 3000)
	}
}

func TestRunCountsEachCallOnce(t *testing.T) {
	var calls, entries [4]int
	writers := load.NewSource(1, 1, false).Writers(4)
	s, err := load.Run(t.Context(), writers, 3, 20*time.Millisecond, func(_ context.Context, w int, batch []load.Entry) error {
		calls[w]++
		entries[w] += len(batch)
		time.Sleep(time.Millisecond)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, entries[0]+entries[1]+entries[2]+entries[3], s.Entries)
	assert.Len(t, s.Latencies, s.Entries/3)
	assert.GreaterOrEqual(t, s.Seconds, 0.02)
	assert.GreaterOrEqual(t, s.Quantile(0.5), 1.0)
	assert.GreaterOrEqual(t, s.Quantile(0.99), s.Quantile(0.5))
	for w := range calls {
		assert.Positive(t, calls[w])
	}
}

func TestRunMakesOneCallEvenInNoTime(t *testing.T) {
	s, err := load.Run(t.Context(), load.NewSource(1, 1, false).Writers(2), 5, 0, func(context.Context, int, []load.Entry) error { return nil })
	require.NoError(t, err)
	assert.Equal(t, 10, s.Entries)
}

func TestRunEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	_, err := load.Run(t.Context(), load.NewSource(1, 1, false).Writers(3), 1, time.Minute, func(ctx context.Context, w int, _ []load.Entry) error {
		if w == 1 {
			return broken
		}
		<-ctx.Done()
		return ctx.Err()
	})
	assert.ErrorIs(t, err, broken)
}

func BenchmarkNext(b *testing.B) {
	w := load.NewSource(1, 300, false).Writers(1)[0]
	n := 0
	for b.Loop() {
		n += len(w.Next(1000))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/entry")
}

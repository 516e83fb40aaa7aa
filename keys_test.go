package csss_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
)

// commons is a memory that several logs write.
type commons struct{ ledger.Store }

func (c commons) Head(ctx context.Context) (ledger.Head, error) { return c.Recover(ctx) }

func (c commons) Wait(ctx context.Context, size uint64) error {
	for {
		head, err := c.Head(ctx)
		if err != nil || head.Size > size {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// Close leaves the memory to the other logs.
func (commons) Close() error { return nil }

// TestKeysOfTwoProcesses: the host has kept the keys so far. Of two processes that
// open a session without it at the same time, one makes the keys, and the other
// takes them.
func TestKeysOfTwoProcesses(t *testing.T) {
	store := commons{ledger.NewMemoryStore()}
	d := newDeal(t, csss.Config{Store: store, Keys: newVault()})
	assert.Nil(t, d.x.CommitmentKey(), "there is no firm yet")
	d.must(d.loading()...)
	meeting := d.meeting()
	selecting := meeting[len(meeting)-1]
	d.must(meeting[:len(meeting)-1]...)
	key := d.x.CommitmentKey()
	require.NotEmpty(t, key)
	require.NoError(t, d.x.Close())

	first := &deal{T: t, s: world.K3Story2(), at: d.at, demand: d.demand, supply: d.supply}
	second := &deal{T: t, s: world.K3Story2(), at: d.at, demand: d.demand, supply: d.supply}
	for _, d := range []*deal{first, second} {
		d.open(csss.Config{Store: store})
		t.Cleanup(func() { _ = d.x.Close() })
	}
	first.must(selecting)
	second.must(selecting)
	assert.Equal(t, first.digest(), second.digest())
	assert.Equal(t, key, second.x.CommitmentKey())
	second.must(d.consents()...)
	demand, supply := second.revealed()
	assert.True(t, demand && supply)
	second.sound()
}

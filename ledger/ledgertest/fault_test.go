package ledgertest_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/ledgertest"
)

type pipeliner struct{}

func (pipeliner) Begin(context.Context, ledger.Batch) (func() error, error) {
	return func() error { return nil }, nil
}

type cacher struct{}

func (cacher) LoadCache(string) ([]byte, func() error, bool, error) { return nil, nil, false, nil }
func (cacher) SaveCache(string, func(io.Writer) error) error        { return nil }

type follower struct{}

func (follower) Head(context.Context) (ledger.Head, error) { return ledger.Head{}, nil }
func (follower) Wait(context.Context, uint64) error        { return nil }

func TestFaultStoreHasTheInterfacesOfTheInnerStore(t *testing.T) {
	type (
		plain struct{ ledger.Store }
		p     struct {
			ledger.Store
			pipeliner
		}
		c struct {
			ledger.Store
			cacher
		}
		pc struct {
			ledger.Store
			pipeliner
			cacher
		}
		f struct {
			ledger.Store
			follower
		}
		cf struct {
			ledger.Store
			cacher
			follower
		}
	)
	memory := ledger.NewMemoryStore()
	for _, inner := range []ledger.Store{plain{memory}, p{Store: memory}, c{Store: memory}, pc{Store: memory}, f{Store: memory}, cf{Store: memory}} {
		fault := errors.New("fault")
		var asked []string
		s := ledgertest.FaultStore(inner, func(op string, _ int) error {
			asked = append(asked, op)
			return fault
		})
		var want []string
		_, pipes := inner.(ledger.Pipeliner)
		pipeliner, ok := s.(ledger.Pipeliner)
		require.Equal(t, pipes, ok)
		if pipes {
			_, err := pipeliner.Begin(t.Context(), ledger.Batch{})
			assert.ErrorIs(t, err, fault)
			want = append(want, ledgertest.OpCommit)
		}
		_, caches := inner.(ledger.Cacher)
		cacher, ok := s.(ledger.Cacher)
		require.Equal(t, caches, ok)
		if caches {
			_, _, _, err := cacher.LoadCache("x")
			assert.ErrorIs(t, err, fault)
			assert.ErrorIs(t, cacher.SaveCache("x", nil), fault)
			want = append(want, ledgertest.OpLoadCache, ledgertest.OpSaveCache)
		}
		_, follows := inner.(ledger.Follower)
		follower, ok := s.(ledger.Follower)
		require.Equal(t, follows, ok)
		if follows {
			_, err := follower.Head(t.Context())
			assert.ErrorIs(t, err, fault)
			assert.ErrorIs(t, follower.Wait(t.Context(), 0), fault)
			want = append(want, ledgertest.OpHead, ledgertest.OpWait)
		}
		assert.Equal(t, want, asked)
	}
}

// A begun batch whose wait succeeded in the inner store is durable, and yet nobody is told.
func TestFaultAfterTheWait(t *testing.T) {
	fault := errors.New("fault")
	s := ledgertest.FaultStore(struct {
		ledger.Store
		pipeliner
	}{Store: ledger.NewMemoryStore()}, ledgertest.FailCommit(2, true, fault)).(ledger.Pipeliner)
	for _, want := range []error{nil, fault, nil} {
		wait, err := s.Begin(t.Context(), ledger.Batch{})
		require.NoError(t, err)
		assert.ErrorIs(t, wait(), want)
	}
}

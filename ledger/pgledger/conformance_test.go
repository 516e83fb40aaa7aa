package pgledger_test

import (
	"testing"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/ledgertest"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

// alone is the store as a single writer has it: a log on a Follower settles by
// itself what the suite wants to see fail.
type alone struct {
	ledger.Store
	ledger.Cacher
}

func conform(t *testing.T, dsn string, o pgledger.Options) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Reopener {
		o := o
		o.Schema, o.CacheDir = newSchema(), t.TempDir()
		return func() (ledger.Store, error) {
			s, err := pgledger.Open(t.Context(), dsn, &o)
			if err != nil {
				return nil, err
			}
			return alone{s, s}, nil
		}
	})
}

func TestStoreConforms(t *testing.T) {
	conform(t, needServer(t), pgledger.Options{})
}

// A pooler in transaction mode knows no prepared statements.
func TestStoreConformsWithoutPreparedStatements(t *testing.T) {
	conform(t, needServer(t)+" default_query_exec_mode=exec synchronous_commit=off", pgledger.Options{AllowUnsafe: true})
}

func TestStoreConformsOnOneConnection(t *testing.T) {
	conform(t, needServer(t)+" pool_max_conns=1 synchronous_commit=off", pgledger.Options{AllowUnsafe: true})
}

package pgledger_test

import (
	"context"
	"iter"

	"github.com/deeperpoint/csss/ledger"
)

// everything reads a log from its first entry.
func everything(ctx context.Context, l *ledger.Log) iter.Seq2[ledger.Entry, error] {
	return l.Read(ctx, ledger.Query{})
}

func shred(ctx context.Context, l *ledger.Log, subject string) error {
	_, err := l.Shred(ctx, subject, nil)
	return err
}

package pgledger_test

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

// One of several processes opens the log and appends to it. The hosts are a primary
// and its synchronous standby, in any order; the keys come from elsewhere than the
// database.
func Example() {
	run := func(ctx context.Context, tenantKey []byte, signer note.Signer, vkey string) error {
		store, err := pgledger.Open(ctx, "host=db1,db2 dbname=market user=ledger sslmode=verify-full", &pgledger.Options{
			CacheDir: "cache", // snapshots, so that opening again is quick
		})
		if err != nil {
			return err
		}
		log, err := ledger.Open(ctx, store, &ledger.Options{TenantKey: tenantKey, Signers: []ledger.Signer{{Signer: signer, VerifierKey: vkey}}})
		if err != nil {
			return err
		}
		defer log.Close()
		receipts, err := log.Append(ctx, ledger.Append{
			Stream: "offer/17", Type: "offer.published", Key: "publish-17", Payload: []byte("…"),
			Expect: ledger.NoStream, // whichever process was first
		})
		if conflict, ok := errors.AsType[*ledger.ConflictError](err); ok {
			return fmt.Errorf("somebody was first: the offer has version %d", conflict.Have)
		}
		if err != nil {
			return err
		}
		fmt.Println("entry", receipts[0].Index)
		return nil
	}
	_ = run
}

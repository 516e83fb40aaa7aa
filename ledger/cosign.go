package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// Witness cosigns checkpoints after it has convinced itself that the log only
// grows (c2sp.org/tlog-witness). The client in package witness is one.
type Witness interface {
	// Name says who it is, for errors.
	Name() string

	// Cosign returns the signature line of the witness under a checkpoint, which
	// it has verified. prove makes the consistency proof from an earlier size of
	// the log to the checkpoint's.
	Cosign(ctx context.Context, signed []byte, prove func(ctx context.Context, from uint64) ([]Hash, error)) (line string, err error)
}

// WitnessError is the failure of one witness. It unwraps to its reason.
type WitnessError struct {
	Name string
	Err  error
}

func (e *WitnessError) Error() string { return fmt.Sprintf("ledger: witness %s: %v", e.Name, e.Err) }

// Unwrap returns the reason.
func (e *WitnessError) Unwrap() error { return e.Err }

// Cosign asks witnesses, all at once, to cosign the newest checkpoint, and keeps
// what they sign with it: [Log.Checkpoint] returns it until the log grows, and
// [Log.ExportReceipt] puts it into the receipts of all entries it covers, until a
// later one is cosigned. Cosignatures of an earlier call for the same size stay.
//
// It returns the checkpoint with all cosignatures there are, also beside an error,
// which joins a [WitnessError] for each witness that failed; whether enough signed
// is for a [Policy] to say. Other errors: those of [Log.Checkpoint], and [ErrInvalid]
// for a nil witness, before any is asked, and for what a witness returned as a
// signature. Nothing is sent but by the witnesses.
func (l *Log) Cosign(ctx context.Context, witnesses ...Witness) ([]byte, error) {
	for i, w := range witnesses {
		if w == nil {
			return nil, &InvalidError{Entry: -1, Field: fmt.Sprintf("witness %d of the call", i), Why: "nil"}
		}
	}
	signed, err := l.checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	prove := func(ctx context.Context, from uint64) ([]Hash, error) {
		p, err := l.ProveConsistency(ctx, from, signed.size)
		return p.Hashes, err
	}
	lines, errs := make([]string, len(witnesses)), make([]error, len(witnesses))
	var group sync.WaitGroup
	for i, w := range witnesses {
		group.Go(func() {
			var err error
			if lines[i], err = w.Cosign(ctx, bytes.Clone(signed.note), prove); err != nil {
				lines[i], errs[i] = "", &WitnessError{Name: w.Name(), Err: err}
			}
		})
	}
	group.Wait()
	out, err := l.keepCosigned(ctx, signed, lines)
	if err != nil {
		return nil, errors.Join(append(errs, err)...)
	}
	return bytes.Clone(out), errors.Join(errs...)
}

// keepCosigned adds signature lines to a checkpoint and stores it, unless a later
// one is cosigned already.
func (l *Log) keepCosigned(ctx context.Context, signed signedHead, lines []string) ([]byte, error) {
	if strings.Join(lines, "") == "" {
		return signed.note, nil
	}
	if err := l.quiet(ctx); err != nil {
		return nil, err
	}
	defer l.unlock()
	l.mu.RLock()
	have := l.cosigned
	l.mu.RUnlock()
	merged := signed.note
	if have.note != nil && have.size == signed.size {
		merged = have.note
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "— "+l.name+" ") {
			return nil, &InvalidError{Entry: -1, Field: "cosignature", Why: "in the name of the log"}
		}
		var err error
		if merged, err = checkpoint.Merge(merged, line); err != nil {
			return nil, &InvalidError{Entry: -1, Field: "cosignature", Why: "not a signature line"}
		}
	}
	if have.note != nil && have.size > signed.size {
		return merged, nil
	}
	if err := l.store.PutSecrets(ctx, map[string][]byte{secretCosigned: merged}); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cosigned = signedHead{size: signed.size, note: merged}
	if l.signed.size == signed.size {
		l.signed = l.cosigned
	}
	return merged, nil
}

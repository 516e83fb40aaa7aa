package ledger

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// signedHead is a checkpoint that was handed out.
type signedHead struct {
	size uint64
	note []byte
}

// Checkpoint returns the signed head of the log: a note of c2sp.org/signed-note
// with the origin, the size and the root (c2sp.org/tlog-checkpoint), signed by all
// present keys, and cosigned as far as [Log.Cosign] got. It is kept by the store
// before it is handed out, and a log that does not extend it will not open again.
// While the log does not grow, the same bytes come back.
//
// A new checkpoint costs a signature per key and one synced write. Errors:
// [ErrClosed], the context's, the signers' and the store's.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	signed, err := l.checkpoint(ctx)
	return bytes.Clone(signed.note), err
}

func (l *Log) checkpoint(ctx context.Context) (signedHead, error) {
	for {
		l.mu.RLock()
		signed, size, closed := l.signed, l.state.size(), l.closed
		l.mu.RUnlock()
		switch {
		case closed:
			return signedHead{}, ErrClosed
		case signed.note != nil && signed.size == size:
			return signed, nil
		}
		signed, again, err := l.signOnce(ctx)
		if !again {
			return signed, err
		}
	}
}

// signOnce signs the head unless the keys have changed meanwhile.
func (l *Log) signOnce(ctx context.Context) (signed signedHead, again bool, err error) {
	ring, err := l.keyring(ctx)
	if err != nil {
		return signedHead{}, false, err
	}
	// The token, without asking whether the log is poisoned: what is
	// acknowledged may still be signed.
	if err := l.quiet(ctx); err != nil {
		return signedHead{}, false, err
	}
	defer l.unlock()
	if l.StreamVersion(StreamKeys) != ring.read {
		return signedHead{}, true, nil
	}
	signed, err = l.sign(ctx, ring)
	return signed, false, err
}

func (l *Log) sign(ctx context.Context, ring *keyring) (signedHead, error) {
	head := checkpoint.Checkpoint{Origin: l.name}
	err := l.withView(func(v merkle.View) error {
		head.Size, head.Root = v.Size(), v.Root()
		return nil
	})
	if err != nil {
		return signedHead{}, err
	}
	signers := ring.active()
	msg, err := note.Sign(&note.Note{Text: head.Text()}, signers...)
	if err != nil {
		return signedHead{}, fmt.Errorf("ledger: sign checkpoint: %w", err)
	}
	_, n, err := checkpoint.OpenFrom(msg, l.name, ring.known(l.name, head.Size)...)
	if err != nil || len(n.Sigs) != len(signers) {
		return signedHead{}, fmt.Errorf("ledger: signer's checkpoint: %w", errOr(err, "a key of another tree"))
	}
	if err := l.store.PutSecrets(ctx, map[string][]byte{secretCheckpoint: msg}); err != nil {
		return signedHead{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.signed = signedHead{size: head.Size, note: msg}
	return l.signed, nil
}

func errOr(err error, what string) error {
	if err == nil {
		err = fmt.Errorf("%s", what)
	}
	return err
}

// openOwn verifies a checkpoint of this log with the keys it has had.
func (l *Log) openOwn(msg []byte) (size uint64, root Hash, err error) {
	head, err := checkpoint.Peek(msg)
	if err != nil {
		return 0, Hash{}, err
	}
	l.mu.RLock()
	known := l.ring.known(l.name, head.Size)
	l.mu.RUnlock()
	if head, _, err = checkpoint.OpenFrom(msg, l.name, known...); err != nil {
		return 0, Hash{}, err
	}
	return head.Size, head.Root, nil
}

// remember refuses a log that does not extend a checkpoint it has given out, or
// one that the host trusts.
func (l *Log) remember(ctx context.Context, trusted []byte) error {
	signed, _, err := l.store.Secret(ctx, secretCheckpoint)
	if err != nil {
		return err
	}
	cosigned, _, err := l.store.Secret(ctx, secretCosigned)
	if err != nil {
		return err
	}
	if l.signed, err = l.extended(signed, "the newest checkpoint it signed"); err != nil {
		return err
	}
	if l.cosigned, err = l.extended(cosigned, "the newest checkpoint that was cosigned"); err != nil {
		return err
	}
	if l.cosigned.note != nil && l.cosigned.size >= l.signed.size {
		l.signed = l.cosigned
	}
	_, err = l.extended(trusted, "the trusted checkpoint")
	return err
}

// extended refuses a log that does not contain the tree of a checkpoint.
func (l *Log) extended(signed []byte, which string) (signedHead, error) {
	if signed == nil {
		return signedHead{}, nil
	}
	size, root, err := l.openOwn(signed)
	if err != nil {
		return signedHead{}, corrupt(which + " does not verify: " + err.Error())
	}
	if have := l.Size(); size > have {
		return signedHead{}, corrupt(fmt.Sprintf("%d entries are left of the %d in %s", have, size, which))
	}
	err = l.withView(func(v merkle.View) error {
		have, err := v.RootAt(size)
		if err == nil && have != root {
			err = corrupt("log does not extend " + which)
		}
		return err
	})
	return signedHead{size: size, note: signed}, err
}

package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	tlogformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// Checkpoint returns the signed head of the log: a note of c2sp.org/signed-note
// with the origin, the size and the root (c2sp.org/tlog-checkpoint). It is kept
// by the store before it is handed out, and a log that does not extend it will
// not open again. While the log does not grow, the same bytes come back.
//
// A new checkpoint costs a signature and one synced write. Errors: [ErrClosed],
// the context's, the signer's and the store's.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	signed, err := l.checkpoint(ctx)
	return bytes.Clone(signed.note), err
}

func (l *Log) checkpoint(ctx context.Context) (signedHead, error) {
	l.mu.RLock()
	signed, size, closed := l.signed, l.state.size(), l.closed
	l.mu.RUnlock()
	switch {
	case closed:
		return signedHead{}, ErrClosed
	case signed.note != nil && signed.size == size:
		return signed, nil
	}
	// The token, without asking whether the log is poisoned: what is
	// acknowledged may still be signed.
	if err := l.quiet(ctx); err != nil {
		return signedHead{}, err
	}
	defer l.unlock()
	return l.sign(ctx)
}

func (l *Log) sign(ctx context.Context) (signedHead, error) {
	var size uint64
	var root Hash
	err := l.withView(func(v merkle.View) error {
		size, root = v.Size(), v.Root()
		return nil
	})
	if err != nil {
		return signedHead{}, err
	}
	text := tlogformat.Checkpoint{Origin: l.name, Size: size, Hash: root[:]}.Marshal()
	msg, err := note.Sign(&note.Note{Text: string(text)}, l.signer)
	if err != nil {
		return signedHead{}, fmt.Errorf("ledger: sign checkpoint: %w", err)
	}
	if _, _, err := parseCheckpoint(msg, l.check); err != nil {
		return signedHead{}, fmt.Errorf("ledger: signer's checkpoint: %w", err)
	}
	if err := l.store.PutSecrets(ctx, map[string][]byte{secretCheckpoint: msg}); err != nil {
		return signedHead{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.signed = signedHead{size: size, note: msg}
	return l.signed, nil
}

// Why a checkpoint is refused.
var (
	errNoteForm   = errors.New("checkpoint is not canonical")
	errNoteOrigin = errors.New("checkpoint is of another log")
)

// parseCheckpoint verifies a checkpoint of the verifier's log. It accepts one
// form only: three lines, and each signature once, in canonical base64.
func parseCheckpoint(msg []byte, v note.Verifier) (size uint64, root Hash, err error) {
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return 0, Hash{}, err
	}
	if !canonicalSignatures(msg, n) {
		return 0, Hash{}, errNoteForm
	}
	var c tlogformat.Checkpoint
	if _, err := c.Unmarshal([]byte(n.Text)); err != nil {
		return 0, Hash{}, err
	}
	if string(c.Marshal()) != n.Text || len(c.Hash) != len(root) {
		return 0, Hash{}, errNoteForm
	}
	if c.Origin != v.Name() {
		return 0, Hash{}, errNoteOrigin
	}
	return c.Size, Hash(c.Hash), nil
}

// canonicalSignatures reports whether each signature stands in the note once and
// in strict base64; package note is lenient in both.
func canonicalSignatures(msg []byte, n *note.Note) bool {
	sigs := slices.Concat(n.Sigs, n.UnverifiedSigs)
	for _, s := range sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return false
		}
	}
	lines := bytes.Count(msg, []byte("\n"))
	return lines == strings.Count(n.Text, "\n")+1+len(sigs)
}

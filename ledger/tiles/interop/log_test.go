package interop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// treeLog is a log in memory of which any earlier size can be published. The
// largest log here would take long with sealed entries.
type treeLog struct {
	name, vkey string
	signer     note.Signer
	leaves     [][]byte
	nodes      []tlog.Hash
	published  int
}

func newTreeLog(t *testing.T, size int) *treeLog {
	skey, vkey, err := note.GenerateKey(nil, "example.org/log")
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	l := &treeLog{name: "example.org/log", vkey: vkey, signer: signer, published: size}
	for i := range size {
		leaf := fmt.Appendf(nil, "entry number %d", i)
		more, err := tlog.StoredHashes(int64(i), leaf, l)
		require.NoError(t, err)
		l.leaves, l.nodes = append(l.leaves, leaf), append(l.nodes, more...)
	}
	return l
}

func (l *treeLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(l.nodes)) {
			return nil, errors.New("beyond the log")
		}
		out[i] = l.nodes[x]
	}
	return out, nil
}

func (l *treeLog) Leaves(_ context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, leaf := range l.leaves[from:to] {
			if !yield(leaf, nil) {
				return
			}
		}
	}
}

func (l *treeLog) root(size int) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(int64(size), l)
}

func (l *treeLog) Checkpoint(context.Context) ([]byte, error) {
	root, err := l.root(l.published)
	if err != nil {
		return nil, err
	}
	text := log.Checkpoint{Origin: l.name, Size: uint64(l.published), Hash: root[:]}.Marshal()
	return note.Sign(&note.Note{Text: string(text)}, l.signer)
}

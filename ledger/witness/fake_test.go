package witness_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	tlogformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/witness"
)

// tree is a log that is nothing but a tree and a key.
type tree struct {
	name, vkey string
	signer     note.Signer
	nodes      []tlog.Hash
	size       int
}

func newTree(t testing.TB, name string, size int) *tree {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, name)
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	x := &tree{name: name, vkey: vkey, signer: signer}
	x.grow(t, size, "entry")
	return x
}

func (x *tree) grow(t testing.TB, size int, with string) {
	for ; x.size < size; x.size++ {
		more, err := tlog.StoredHashes(int64(x.size), []byte{with[0], byte(x.size), byte(x.size >> 8)}, x)
		require.NoError(t, err)
		x.nodes = append(x.nodes, more...)
	}
}

// fork shares the first entries and the key, and goes on otherwise.
func (x *tree) fork(t testing.TB, at, size int) *tree {
	o := &tree{name: x.name, vkey: x.vkey, signer: x.signer}
	o.grow(t, at, "entry")
	o.grow(t, size, "forked")
	return o
}

func (x *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		if i >= int64(len(x.nodes)) {
			return nil, errors.New("beyond the log")
		}
		out = append(out, x.nodes[i])
	}
	return out, nil
}

func (x *tree) text(t testing.TB, size int) string {
	root := tlog.Hash(sha256.Sum256(nil))
	if size > 0 {
		var err error
		root, err = tlog.TreeHash(int64(size), x)
		require.NoError(t, err)
	}
	return string(tlogformat.Checkpoint{Origin: x.name, Size: uint64(size), Hash: root[:]}.Marshal())
}

func (x *tree) sign(t testing.TB, text string, more ...note.Signer) []byte {
	msg, err := note.Sign(&note.Note{Text: text}, append([]note.Signer{x.signer}, more...)...)
	require.NoError(t, err)
	return msg
}

func (x *tree) at(t testing.TB, size int) []byte { return x.sign(t, x.text(t, size)) }

// prove makes proofs to a size.
func (x *tree) prove(size int) witness.Prover {
	return func(_ context.Context, from uint64) ([]tlog.Hash, error) {
		return tlog.ProveTree(int64(size), int64(from), x)
	}
}

// party is a witness behind a server, and its client.
type party struct {
	server   *witness.Server
	web      *httptest.Server
	client   *witness.Client
	requests *atomic.Int64
}

func newParty(t testing.TB, name string, store witness.Store, logs ...string) party {
	t.Helper()
	skey, vkey, err := witness.GenerateKey(name)
	require.NoError(t, err)
	s, err := witness.NewServer(skey, store, logs...)
	require.NoError(t, err)
	require.Equal(t, vkey, s.VerifierKey())
	n := &atomic.Int64{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	c, err := witness.NewClient(web.Client(), web.URL+"/some/prefix", vkey)
	require.NoError(t, err)
	return party{s, web, c, n}
}

// join adds signature lines to a checkpoint.
func join(signed []byte, lines ...string) []byte {
	out := append([]byte(nil), signed...)
	for _, l := range lines {
		out = append(out, l...)
	}
	return out
}

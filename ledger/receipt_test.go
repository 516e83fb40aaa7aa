package ledger_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tlogformat "github.com/transparency-dev/formats/log"
	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger"
)

// receipt returns a receipt file of a log of seven entries, and the log.
func receipt(t testing.TB) ([]byte, *ledger.Log) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "example.org/log"})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	for i := range 7 {
		_, err := l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i), Payload: []byte("yes")})
		require.NoError(t, err)
	}
	file, err := l.ExportReceipt(t.Context(), 4)
	require.NoError(t, err)
	return file, l
}

func TestReceiptChangedAnywhereIsRefused(t *testing.T) {
	file, l := receipt(t)
	_, err := ledger.VerifyReceipt(file, l.VerifierKey())
	require.NoError(t, err)
	flips := []byte{1, 2, 4, 8, 16, 32, 64, 128}
	if testing.Short() {
		flips = []byte{1, 32}
	}
	for i := range file {
		for _, flip := range flips {
			bad := bytes.Clone(file)
			bad[i] ^= flip
			_, err := ledger.VerifyReceipt(bad, l.VerifierKey())
			require.ErrorIs(t, err, ledger.ErrReceipt, "byte %d, flip %x", i, flip)
		}
		_, err := ledger.VerifyReceipt(file[:i], l.VerifierKey())
		require.ErrorIs(t, err, ledger.ErrReceipt, "cut at byte %d", i)
		_, err = ledger.VerifyReceipt(append(append(bytes.Clone(file[:i]), '\n'), file[i:]...), l.VerifierKey())
		require.ErrorIs(t, err, ledger.ErrReceipt, "newline at byte %d", i)
		_, err = ledger.VerifyReceipt(append(bytes.Clone(file[:i]), file[i+1:]...), l.VerifierKey())
		require.ErrorIs(t, err, ledger.ErrReceipt, "without byte %d", i)
	}
	lines := strings.SplitAfter(string(file), "\n")
	last := lines[len(lines)-2]
	_, err = ledger.VerifyReceipt([]byte(string(file)+last), l.VerifierKey())
	require.ErrorIs(t, err, ledger.ErrReceipt, "signature twice")
}

// Other people's code reads the receipt: it checks it here without ours.
func TestReceiptVerifiesWithStandardTools(t *testing.T) {
	file, l := receipt(t)
	var p tlogproof.TLogProof
	require.NoError(t, p.Unmarshal(file))
	v, err := note.NewVerifier(l.VerifierKey())
	require.NoError(t, err)
	c, _, _, err := tlogformat.ParseCheckpoint(p.Checkpoint, "example.org/log", v)
	require.NoError(t, err)
	var proof tlog.RecordProof
	for _, h := range p.Hashes {
		proof = append(proof, h)
	}
	require.NoError(t, tlog.CheckRecord(proof, int64(c.Size), tlog.Hash(c.Hash), int64(p.Index), tlog.RecordHash(p.ExtraData)))
	assert.Equal(t, uint64(4), p.Index)
	assert.Equal(t, uint64(7), c.Size)
}

// A key may sign other notes too: they are no checkpoints of this log.
func TestCheckpointOfAnotherOriginIsRefused(t *testing.T) {
	skey, vkey, err := note.GenerateKey(nil, "example.org/log")
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	l, err := ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{{Signer: signer, VerifierKey: vkey}}})
	require.NoError(t, err)
	defer l.Close()
	_, err = l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "k"})
	require.NoError(t, err)
	file, err := l.ExportReceipt(t.Context(), 0)
	require.NoError(t, err)
	var p tlogproof.TLogProof
	require.NoError(t, p.Unmarshal(file))
	n, err := note.Open(p.Checkpoint, note.VerifierList(must(note.NewVerifier(vkey))))
	require.NoError(t, err)
	for _, text := range []string{
		strings.Replace(n.Text, "example.org", "example.com", 1),
		n.Text + "an extension line\n",
		strings.Replace(n.Text, "\n1\n", "\n01\n", 1),
		"example.org/log\n",
	} {
		p.Checkpoint, err = note.Sign(&note.Note{Text: text}, signer)
		require.NoError(t, err)
		_, err = ledger.VerifyReceipt(p.Marshal(), vkey)
		assert.ErrorIs(t, err, ledger.ErrReceipt, text)
	}
	p.Checkpoint, err = note.Sign(&note.Note{Text: n.Text}, signer)
	require.NoError(t, err)
	_, err = ledger.VerifyReceipt(p.Marshal(), vkey)
	assert.NoError(t, err)
}

// The goal for a proof in a tree of a million entries: 20 hashes, one signature.
func TestReceiptAtAMillionEntriesIsSmall(t *testing.T) {
	key := newSigner(t, "market.example/log")
	l, err := ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{key}})
	require.NoError(t, err)
	defer l.Close()
	last := appendSome(t, l, 3)
	bare, err := l.ExportProof(t.Context(), last)
	require.NoError(t, err)
	million := func(file []byte) int {
		var p tlogproof.TLogProof
		require.NoError(t, p.Unmarshal(file))
		p.Index, p.Hashes = 654_321, make([][32]byte, 20)
		text := tlogformat.Checkpoint{Origin: l.Name(), Size: 1_000_000, Hash: make([]byte, 32)}.Marshal()
		p.Checkpoint, err = note.Sign(&note.Note{Text: string(text)}, key.Signer)
		require.NoError(t, err)
		return len(p.Marshal())
	}
	assert.LessOrEqual(t, million(bare), 1200, "without the leaf record")
	assert.LessOrEqual(t, million(mustReceipt(t, l, last)), 1350, "with it")
}

func TestProofWithoutTheLeaf(t *testing.T) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	defer l.Close()
	var receipts []ledger.Receipt
	for i := range 5 {
		r, err := l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i)})
		require.NoError(t, err)
		receipts = append(receipts, r...)
	}
	file, err := l.ExportProof(t.Context(), 3)
	require.NoError(t, err)
	v := trusting(t, l.VerifierKey())
	info, err := v.Proof(file, receipts[3].Leaf)
	require.NoError(t, err)
	assert.Equal(t, uint64(3), info.Index)
	_, err = v.Proof(file, receipts[2].Leaf)
	assert.ErrorIs(t, err, ledger.ErrReceipt)
	_, err = v.Receipt(file)
	assert.ErrorIs(t, err, ledger.ErrReceipt, "no leaf in it")
	_, err = v.Proof(mustReceipt(t, l, 3), receipts[3].Leaf)
	assert.ErrorIs(t, err, ledger.ErrReceipt, "one form of each")
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		_, err := v.Proof(bad, receipts[3].Leaf)
		require.ErrorIs(t, err, ledger.ErrReceipt, "byte %d", i)
	}
	_, err = l.ExportProof(t.Context(), 5)
	assert.ErrorIs(t, err, ledger.ErrRange)
	_, err = v.Receipt(make([]byte, ledger.MaxReceipt+1))
	assert.ErrorIs(t, err, ledger.ErrTooLarge)
	_, err = ledger.NewVerifier([]ledger.Key{{VerifierKey: "x"}}, nil)
	assert.ErrorIs(t, err, ledger.ErrInvalid)
}

// Only leaf records are receipts: another record in a signed tree is none.
func TestReceiptOfAnotherRecordIsRefused(t *testing.T) {
	key := newSigner(t, "x/log")
	good := ledger.EncodeLeafTime(1)
	_, err := ledger.VerifyReceipt(ledger.ForgeRecord(t, "x/log", 2, good, key), key.VerifierKey)
	require.NoError(t, err)
	for what, record := range map[string][]byte{"empty": {}, "text": []byte("hello"), "longer": append(good, 0), "shorter": good[:len(good)-1]} {
		_, err := ledger.VerifyReceipt(ledger.ForgeRecord(t, "x/log", 2, record, key), key.VerifierKey)
		assert.ErrorIs(t, err, ledger.ErrReceipt, what)
	}
}

// Public attributes are shown by a receipt.
func TestReceiptShowsPublicAttributes(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	_, err = l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "k", Public: map[string]string{"kind": "close", "week": "31"}})
	require.NoError(t, err)
	info, err := ledger.VerifyReceipt(mustReceipt(t, l, 0), newSigner(t, "x").VerifierKey, l.VerifierKey())
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"kind": "close", "week": "31"}, info.Public)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A leaf must not let outsiders find the other leaves of a stream, or try a
// guessed payload.
func TestLeavesShareNothing(t *testing.T) {
	store := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), store, nil)
	require.NoError(t, err)
	defer l.Close()
	for i := range 4 {
		_, err := l.Append(t.Context(), ledger.Append{Stream: "secret/stream", Type: "sealed.type", Key: fmt.Sprint("secret-key-", i), Subjects: []string{"secret-subject"}, Payload: []byte("yes")})
		require.NoError(t, err)
	}
	seen := map[string]uint64{}
	const clear = 2 + len("csss/ledger/leaf/v1") + 8 // domain and time
	for f, err := range store.Read(t.Context(), 0, 4) {
		require.NoError(t, err)
		assert.Len(t, f.Leaf, clear+4*32+2)
		for field := clear; field < clear+4*32; field += 32 {
			value := string(f.Leaf[field : field+32])
			other, twice := seen[value]
			assert.False(t, twice, "leaves %d and %d share a value", other, f.Index)
			seen[value] = f.Index
		}
		for _, b := range [][]byte{f.Leaf, f.Header, f.Payload} {
			assert.NotContains(t, string(b), "secret")
			assert.NotContains(t, string(b), "sealed")
		}
	}
}

func TestSignerOfTheHost(t *testing.T) {
	skey, vkey, err := note.GenerateKey(nil, "kms.example/log")
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	key := bytes.Repeat([]byte{7}, 32)
	store := ledger.NewMemoryStore()
	signers := []ledger.Signer{{Signer: signer, VerifierKey: vkey}}
	o := &ledger.Options{Signers: signers, TenantKey: key}
	l, err := ledger.Open(t.Context(), store, o)
	require.NoError(t, err)
	_, err = l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "k"})
	require.NoError(t, err)
	file, err := l.ExportReceipt(t.Context(), 0)
	require.NoError(t, err)
	info, err := ledger.VerifyReceipt(file, vkey)
	require.NoError(t, err)
	assert.Equal(t, "kms.example/log", info.Origin)
	k := strings.Split(vkey, "+")
	for _, name := range []string{"tenant", "signer-" + k[1]} {
		_, kept, err := store.Secret(t.Context(), name)
		require.NoError(t, err)
		assert.False(t, kept, name)
	}
	require.NoError(t, l.Close())

	for name, bad := range map[string]*ledger.Options{
		"no signer":           {TenantKey: key},
		"other tenant key":    {Signers: signers, TenantKey: bytes.Repeat([]byte{8}, 32)},
		"no tenant key":       {Signers: signers},
		"short tenant key":    {Signers: signers, TenantKey: key[:31]},
		"no verifier key":     {Signers: []ledger.Signer{{Signer: signer}}, TenantKey: key},
		"verifier key alone":  {Signers: []ledger.Signer{{VerifierKey: vkey}}, TenantKey: key},
		"name of another key": {Signers: signers, TenantKey: key, Name: "other"},
	} {
		_, err := ledger.Open(t.Context(), store, bad)
		assert.Error(t, err, name)
	}
	l, err = ledger.Open(t.Context(), store, o)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	_, err = ledger.OpenMemory(&ledger.Options{Name: "not a+name"})
	assert.ErrorIs(t, err, ledger.ErrInvalid)
}

func TestErrorsNameNobody(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	who := ledger.Append{Stream: "secret", Type: "secret", Key: "secret", Subjects: []string{"secret"}, Payload: []byte("secret")}
	_, err = l.Append(t.Context(), who)
	require.NoError(t, err)
	conflict, reused, large, shredded := who, who, who, who
	conflict.Key, conflict.Expect = "secret2", ledger.NoStream
	reused.Payload = []byte("secret2")
	large.Key, large.Stream = "secret3", strings.Repeat("secret", 100)
	shredded.Key = "secret5"
	_, err = l.Shred(t.Context(), "secret", &ledger.ShredOptions{Key: "secret4", Reason: "secret"})
	require.NoError(t, err)
	for want, a := range map[error]ledger.Append{
		ledger.ErrConflict: conflict, ledger.ErrTooLarge: large, ledger.ErrShredded: shredded,
	} {
		_, err := l.Append(t.Context(), a)
		require.ErrorIs(t, err, want)
		assert.NotContains(t, err.Error(), "secret")
	}
	reused.Stream = "secret2"
	_, err = l.Append(t.Context(), reused)
	require.ErrorIs(t, err, ledger.ErrKeyReused)
	assert.NotContains(t, err.Error(), "secret")
}

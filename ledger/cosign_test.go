package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/witness"
)

// employer is a witness that one of the two employers runs.
type employer struct {
	*witness.Client
	server *httptest.Server
}

func newEmployer(t testing.TB, name string, logs ...string) employer {
	t.Helper()
	skey, vkey, err := witness.GenerateKey(name)
	require.NoError(t, err)
	s, err := witness.NewServer(skey, witness.NewMemoryStore(), logs...)
	require.NoError(t, err)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	c, err := witness.NewClient(web.Client(), web.URL, vkey)
	require.NoError(t, err)
	return employer{c, web}
}

func verifier(t testing.TB, p ledger.Policy, vkeys ...string) *ledger.Verifier {
	t.Helper()
	var keys []ledger.Key
	for _, vkey := range vkeys {
		keys = append(keys, ledger.Key{VerifierKey: vkey})
	}
	v, err := ledger.NewVerifier(keys, &ledger.VerifierOptions{Policy: p})
	require.NoError(t, err)
	return v
}

func TestCosignedReceiptsSatisfyAPolicy(t *testing.T) {
	dir := t.TempDir()
	l, err := ledger.OpenDir(t.Context(), dir, &ledger.Options{Name: "market.example/log"})
	require.NoError(t, err)
	a, b := newEmployer(t, "buyer.example/witness", l.VerifierKey()), newEmployer(t, "seller.example/witness", l.VerifierKey())
	both, err := witness.AtLeast(2, a.VerifierKey(), b.VerifierKey())
	require.NoError(t, err)
	v := verifier(t, both, l.VerifierKey())
	plain := verifier(t, nil, l.VerifierKey())
	appendSome(t, l, 5)

	_, err = v.Receipt(mustReceipt(t, l, 2))
	require.ErrorIs(t, err, ledger.ErrReceipt)
	require.ErrorIs(t, err, witness.ErrQuorum)
	_, err = plain.Receipt(mustReceipt(t, l, 2))
	require.NoError(t, err)

	signed, err := l.Cosign(t.Context(), a)
	require.NoError(t, err)
	_, err = v.Checkpoint(signed)
	require.ErrorIs(t, err, ledger.ErrCheckpoint, "one of two")
	signed, err = l.Cosign(t.Context(), b)
	require.NoError(t, err)
	_, err = v.Checkpoint(signed)
	require.NoError(t, err, "the first stays")
	newest, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, string(signed), string(newest))

	// The log grows: what was cosigned stays so, what is new is not yet.
	appendSome(t, l, 3)
	for range 2 {
		for index := range uint64(8) {
			info, err := v.Receipt(mustReceipt(t, l, index))
			if index < 5 {
				require.NoError(t, err, "entry %d", index)
				require.Equal(t, uint64(5), info.Size)
			} else {
				require.ErrorIs(t, err, witness.ErrQuorum, "entry %d", index)
			}
			_, err = plain.Receipt(mustReceipt(t, l, index))
			require.NoError(t, err)
		}
		require.NoError(t, l.Close())
		l, err = ledger.OpenDir(t.Context(), dir, nil)
		require.NoError(t, err, "and over a restart")
	}
	defer l.Close()
	_, err = l.Cosign(t.Context(), a, b)
	require.NoError(t, err)
	_, err = v.Receipt(mustReceipt(t, l, 7))
	require.NoError(t, err)
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)

	// The witnesses follow a rotation when they are told the new key.
	_, err = l.Rotate(t.Context(), nil)
	require.NoError(t, err)
	_, err = l.Cosign(t.Context(), a, b)
	require.NoError(t, err)
	rotations, err := l.Rotations(t.Context())
	require.NoError(t, err)
	next, err := v.Follow(rotations...)
	require.NoError(t, err, "the policy holds for rotations too")
	_, err = next.Receipt(mustReceipt(t, l, 8))
	require.NoError(t, err)
}

// Each byte of a cosigned receipt counts, the cosignatures of the policy included.
func TestCosignedReceiptChangedAnywhereIsRefused(t *testing.T) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	defer l.Close()
	w := newEmployer(t, "w", l.VerifierKey())
	p, err := witness.AtLeast(1, w.VerifierKey())
	require.NoError(t, err)
	appendSome(t, l, 5)
	_, err = l.Cosign(t.Context(), w)
	require.NoError(t, err)
	file := mustReceipt(t, l, 3)
	v := verifier(t, p, l.VerifierKey())
	_, err = v.Receipt(file)
	require.NoError(t, err)
	for i := range file {
		bad := append([]byte(nil), file...)
		bad[i] ^= 1
		_, err := v.Receipt(bad)
		require.ErrorIs(t, err, ledger.ErrReceipt, "byte %d", i)
	}
}

// Of two trusted keys one good signature carries a receipt: a changed line of the
// other is refused where it still names its key, and not missed where it does not.
func TestOneOfTwoSignaturesCarriesAReceipt(t *testing.T) {
	signers := []ledger.Signer{newSigner(t, "x/log"), newSigner(t, "x/log")}
	l, err := ledger.OpenMemory(&ledger.Options{Signers: signers})
	require.NoError(t, err)
	defer l.Close()
	appendSome(t, l, 5)
	file := mustReceipt(t, l, 3)
	both := verifier(t, nil, signers[0].VerifierKey, signers[1].VerifierKey)
	_, err = both.Receipt(file)
	require.NoError(t, err)
	const start = "— x/log "
	lines := []int{bytes.Index(file, []byte(start)), bytes.LastIndex(file, []byte(start))}
	inName := func(line, i int) bool { // 6 digits of base64 hold the key hash
		return i >= line+len("— ") && i < line+len(start)+6
	}
	carried := 0
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		_, err := both.Receipt(bad)
		if err == nil {
			carried++
			require.True(t, inName(lines[0], i) || inName(lines[1], i), "byte %d", i)
			_, err = verifier(t, nil, signers[0].VerifierKey).Receipt(bad)
			_, err2 := verifier(t, nil, signers[1].VerifierKey).Receipt(bad)
			require.True(t, (err == nil) != (err2 == nil), "byte %d: the other alone carries it", i)
		}
	}
	require.Greater(t, carried, 5)
	_, err = both.Receipt(file[:lines[1]])
	require.NoError(t, err)
}

// A log that shows the two employers two histories gets no second signature, and
// one that lost entries hears of it.
func TestSplitViewAndRollbackAreSeen(t *testing.T) {
	key := newSigner(t, "market.example/log")
	o := &ledger.Options{Signers: []ledger.Signer{key}}
	a, b := newEmployer(t, "buyer.example", key.VerifierKey), newEmployer(t, "seller.example", key.VerifierKey)
	both, err := witness.AtLeast(2, a.VerifierKey(), b.VerifierKey())
	require.NoError(t, err)
	v := verifier(t, both, key.VerifierKey)
	histories := make([]*ledger.Log, 2)
	for i := range histories {
		l, err := ledger.OpenMemory(o)
		require.NoError(t, err)
		defer l.Close()
		appendSome(t, l, 6) // other times, salts and tags: another tree
		histories[i] = l
	}
	_, err = histories[0].Cosign(t.Context(), a)
	require.NoError(t, err)
	_, err = histories[1].Cosign(t.Context(), b)
	require.NoError(t, err)
	for i, l := range histories {
		signed, err := l.Cosign(t.Context(), a, b)
		var failed *ledger.WitnessError
		require.ErrorAs(t, err, &failed)
		require.ErrorIs(t, err, witness.ErrInconsistent)
		assert.Equal(t, []string{"seller.example", "buyer.example"}[i], failed.Name)
		_, err = v.Checkpoint(signed)
		require.ErrorIs(t, err, witness.ErrQuorum)
		_, err = v.Receipt(mustReceipt(t, l, 2))
		require.ErrorIs(t, err, ledger.ErrReceipt, "no view convinces a reader who asks for both")
	}

	shorter, err := ledger.OpenMemory(o)
	require.NoError(t, err)
	defer shorter.Close()
	appendSome(t, shorter, 2)
	_, err = shorter.Cosign(t.Context(), a)
	var ahead *witness.AheadError
	require.ErrorAs(t, err, &ahead)
	assert.Equal(t, uint64(6), ahead.Have)
}

// witnessFunc is a witness that answers anything.
type witnessFunc func() (string, error)

func (witnessFunc) Name() string { return "odd" }

func (f witnessFunc) Cosign(context.Context, []byte, func(context.Context, uint64) ([]ledger.Hash, error)) (string, error) {
	return f()
}

func TestCosignKeepsOnlySignatureLines(t *testing.T) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	defer l.Close()
	appendSome(t, l, 2)
	before, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	own := string(before[strings.LastIndex(string(before), "— "):])
	for what, line := range map[string]string{
		"text": "thanks\n", "no newline": "— w AAAAAAAA", "in the log's name": own, "empty line": "\n", "two of a key": "— w AAAAAAAA\n— w AAAAAAAA\n",
	} {
		_, err := l.Cosign(t.Context(), witnessFunc(func() (string, error) { return line, nil }))
		assert.ErrorIs(t, err, ledger.ErrInvalid, what)
	}
	broken := errors.New("no route")
	signed, err := l.Cosign(t.Context(), witnessFunc(func() (string, error) { return "", broken }))
	require.ErrorIs(t, err, broken)
	require.Equal(t, before, signed)
	signed, err = l.Cosign(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, signed)
	after, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestCosignRefusesNoWitness(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	asked := false
	_, err = l.Cosign(t.Context(), witnessFunc(func() (string, error) { asked = true; return "", nil }), nil)
	require.ErrorIs(t, err, ledger.ErrInvalid)
	require.ErrorContains(t, err, "witness 1")
	require.False(t, asked)
}

// A witness that is slow does not undo what a quicker call has gathered.
func TestCosignaturesOfTwoCallsMeet(t *testing.T) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	defer l.Close()
	a, b := newEmployer(t, "a", l.VerifierKey()), newEmployer(t, "b", l.VerifierKey())
	both, err := witness.AtLeast(2, a.VerifierKey(), b.VerifierKey())
	require.NoError(t, err)
	appendSome(t, l, 2)
	newest, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	signed, err := l.Cosign(t.Context(), witnessFunc(func() (string, error) {
		_, err := l.Cosign(t.Context(), a)
		require.NoError(t, err)
		return b.Cosign(t.Context(), newest, nil)
	}))
	require.NoError(t, err)
	require.NoError(t, both.Check(signed))

	// An old size that is cosigned late does not replace a later one.
	signed, err = l.Cosign(t.Context(), witnessFunc(func() (string, error) {
		appendSome(t, l, 3)
		_, err := l.Cosign(t.Context(), a)
		require.NoError(t, err)
		return "— late AAAAAAAA\n", nil
	}))
	require.NoError(t, err)
	require.Contains(t, string(signed), "— late ")
	info, err := verifier(t, nil, l.VerifierKey()).Receipt(mustReceipt(t, l, 0))
	require.NoError(t, err)
	require.Equal(t, uint64(5), info.Size)
	require.NotContains(t, string(mustReceipt(t, l, 0)), "— late ")
}

// A checkpoint that was cosigned binds the log like one it signed.
func TestLogExtendsWhatWasCosigned(t *testing.T) {
	key, tenant := newSigner(t, "x/log"), make([]byte, 32)
	o := &ledger.Options{Signers: []ledger.Signer{key}, TenantKey: tenant}
	w := newEmployer(t, "w", key.VerifierKey)
	store := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), store, o)
	require.NoError(t, err)
	appendSome(t, l, 4)
	signed, err := l.Cosign(t.Context(), w)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	other := ledger.NewMemoryStore()
	l, err = ledger.Open(t.Context(), other, o)
	require.NoError(t, err)
	appendSome(t, l, 4)
	require.NoError(t, l.Close())
	_, err = other.Recover(t.Context())
	require.NoError(t, err)
	require.NoError(t, other.PutSecrets(t.Context(), map[string][]byte{"cosigned": signed}))
	_, err = ledger.Open(t.Context(), other, o)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	require.ErrorContains(t, err, "cosigned")
}

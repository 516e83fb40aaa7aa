package ledger_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger"
)

// newSigner is a key of a host.
func newSigner(t testing.TB, name string) ledger.Signer {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, name)
	require.NoError(t, err)
	s, err := note.NewSigner(skey)
	require.NoError(t, err)
	return ledger.Signer{Signer: s, VerifierKey: vkey}
}

func trusting(t testing.TB, vkeys ...string) *ledger.Verifier {
	t.Helper()
	var keys []ledger.Key
	for _, vkey := range vkeys {
		keys = append(keys, ledger.Key{VerifierKey: vkey})
	}
	v, err := ledger.NewVerifier(keys, nil)
	require.NoError(t, err)
	return v
}

func appendSome(t testing.TB, l *ledger.Log, n int) (last uint64) {
	t.Helper()
	for range n {
		r, err := l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint("k", l.Size())})
		require.NoError(t, err)
		last = r[0].Index
	}
	return last
}

func mustReceipt(t testing.TB, l *ledger.Log, index uint64) []byte {
	t.Helper()
	file, err := l.ExportReceipt(t.Context(), index)
	require.NoError(t, err)
	return file
}

// signedBy names the keys whose signatures a checkpoint carries.
func signedBy(t testing.TB, signed []byte, vkeys ...string) (out []int) {
	t.Helper()
	for i, vkey := range vkeys {
		if _, err := trusting(t, vkey).Checkpoint(signed); err == nil {
			out = append(out, i)
		}
	}
	return out
}

// Each check of the verifier, and the tests that fail without it:
//
//	canonical file, size, leaf record, inclusion  TestReceiptChangedAnywhereIsRefused, TestProofWithoutTheLeaf
//	signature, canonical checkpoint, origin       TestReceiptChangedAnywhereIsRefused, TestCheckpointOfAnotherOriginIsRefused
//	policy                                        TestCosignedReceiptsSatisfyAPolicy, TestSplitViewAndRollbackAreSeen
//	a key signs only the trees it may             TestRetiredKeyIsNotBelievedAboutLaterTrees
//	form, order and signatures of changes         TestFollowRefuses
//	receipts of changes verify with the new keys  TestFollowRefuses, TestVerifierWalksFromTheFirstKeyToTheNewest
//	a checkpoint is signed by the keys of its tree TestRotationsBesideCheckpoints
//	a log extends what it signed and had cosigned TestRolledBackFolderIsRefusedAtEverySize, TestLogExtendsWhatWasCosigned
//	signer's two halves, name, number             TestEveryCheckpointCarriesAllSignatures
//	signer's change of keys verifies              TestRotationToABrokenSignerWritesNothing

// The life of three keys: every verifier that was told of the first one, whenever
// that was, gets to the newest.
func TestVerifierWalksFromTheFirstKeyToTheNewest(t *testing.T) {
	dir := t.TempDir()
	l, err := ledger.OpenDir(t.Context(), dir, &ledger.Options{Name: "market.example/log"})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	reopen := func() {
		require.NoError(t, l.Close())
		l, err = ledger.OpenDir(t.Context(), dir, nil)
		require.NoError(t, err)
	}
	first := l.VerifierKey()
	appendSome(t, l, 3)
	oldest := mustReceipt(t, l, 0)

	added, err := l.Rotate(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, uint64(3), added.Index)
	second := l.VerifierKey()
	require.NotEqual(t, first, second)
	both := mustReceipt(t, l, 1)
	for _, key := range []string{first, second} {
		_, err := ledger.VerifyReceipt(both, key)
		require.NoError(t, err, "either key")
	}
	reopen()
	require.Equal(t, second, l.VerifierKey())

	retired, err := l.Retire(t.Context(), first, nil)
	require.NoError(t, err)
	require.Equal(t, uint64(4), retired.Index)
	assert.False(t, secretLeft(t, dir, first), "the old secret is destroyed")
	assert.True(t, secretLeft(t, dir, second))
	appendSome(t, l, 2)
	_, err = l.Rotate(t.Context(), nil)
	require.NoError(t, err)
	third := l.VerifierKey()
	_, err = l.Retire(t.Context(), second, nil)
	require.NoError(t, err)
	reopen()
	appendSome(t, l, 1)
	signed, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int{2}, signedBy(t, signed, first, second, third))
	assert.Equal(t, []ledger.Key{
		{VerifierKey: first, Retired: true, Until: 4},
		{VerifierKey: second, From: 4, Retired: true, Until: 8},
		{VerifierKey: third, From: 8},
	}, l.VerifierKeys())

	rotations, err := l.Rotations(t.Context())
	require.NoError(t, err)
	require.Len(t, rotations, 4)
	today := mustReceipt(t, l, 9)
	v := trusting(t, first)
	_, err = v.Receipt(today)
	require.ErrorIs(t, err, ledger.ErrReceipt, "the first key does not know of the third")
	v, err = v.Follow(rotations...)
	require.NoError(t, err)
	for _, file := range [][]byte{oldest, both, today} {
		_, err = v.Receipt(file)
		require.NoError(t, err)
	}
	assert.Equal(t, l.VerifierKeys(), v.Keys())

	// Step by step, and again, comes to the same.
	again := trusting(t, first)
	for i := range rotations {
		again, err = again.Follow(rotations[:i+1]...)
		if i < 2 { // the newest key, which signed the receipts, is not known yet
			require.ErrorIs(t, err, ledger.ErrReceipt)
			again = trusting(t, first)
			continue
		}
		require.NoError(t, err, "rotation %d", i)
	}
	assert.Equal(t, v.Keys(), again.Keys())

	// What a verifier has learnt survives as JSON.
	text, err := json.Marshal(v.Keys())
	require.NoError(t, err)
	var keys []ledger.Key
	require.NoError(t, json.Unmarshal(text, &keys))
	stored, err := ledger.NewVerifier(keys, nil)
	require.NoError(t, err)
	_, err = stored.Receipt(today)
	require.NoError(t, err)
	_, err = stored.Follow(rotations...)
	require.NoError(t, err, "known changes are passed over")
}

// secretLeft reports whether the store of a directory keeps the secret of a key.
func secretLeft(t testing.TB, dir, vkey string) bool {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "secrets", "signer-"+strings.Split(vkey, "+")[1]+"*"))
	require.NoError(t, err)
	return len(found) > 0
}

// Each check of the walk, and that it alone keeps a forgery out.
func TestFollowRefuses(t *testing.T) {
	a, b, c, stranger := newSigner(t, "x/log"), newSigner(t, "x/log"), newSigner(t, "x/log"), newSigner(t, "x/log")
	l, err := ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{a}})
	require.NoError(t, err)
	defer l.Close()
	appendSome(t, l, 1)
	for _, s := range []ledger.Signer{b, c} {
		_, err := l.Rotate(t.Context(), &ledger.RotateOptions{Next: s})
		require.NoError(t, err)
	}
	_, err = l.Retire(t.Context(), a.VerifierKey, nil)
	require.NoError(t, err)
	files, err := l.Rotations(t.Context())
	require.NoError(t, err)
	v := trusting(t, a.VerifierKey)
	_, err = v.Follow(files...)
	require.NoError(t, err)

	for what, list := range map[string][][]byte{
		"one is left out":      {files[0], files[2]},
		"not in order":         {files[1], files[0], files[2]},
		"a receipt of another": {files[0], files[1], files[2], mustReceipt(t, l, 0)},
		"damaged":              {files[0][:len(files[0])-1]},
	} {
		_, err := v.Follow(list...)
		assert.ErrorIs(t, err, ledger.ErrReceipt, what)
	}
	_, err = trusting(t, stranger.VerifierKey).Follow(files...)
	assert.ErrorContains(t, err, "not signed by a trusted key")

	// Forgeries: the public attributes of a change, in a log whose checkpoints the
	// right key signs.
	statement := func(n, change, vkey string) string {
		return "csss/ledger/keys/v1\nx/log\n" + n + "\n" + change + "\n" + vkey + "\n"
	}
	public := func(n, change, vkey, text string, by ...ledger.Signer) map[string]string {
		p := map[string]string{"ledger.key": vkey, "ledger.change": change, "ledger.n": n}
		for _, s := range by {
			sig, err := s.Signer.Sign([]byte(text))
			require.NoError(t, err)
			p[fmt.Sprintf("ledger.sig.%08x", s.Signer.KeyHash())] = base64.StdEncoding.EncodeToString(sig)
		}
		return p
	}
	S := stranger.VerifierKey
	good := public("1", "add", S, statement("1", "add", S), a, stranger)
	with := func(key, value string) map[string]string {
		p := public("1", "add", S, statement("1", "add", S), a, stranger)
		p[key] = value
		return p
	}
	sigOf := func(s ledger.Signer) string { return fmt.Sprintf("ledger.sig.%08x", s.Signer.KeyHash()) }
	for what, c := range map[string]struct {
		public map[string]string
		want   string
	}{
		"good":                        {good, ""},
		"nobody signed":               {public("1", "add", S, ""), "not signed by a trusted key"},
		"only the new key":            {public("1", "add", S, statement("1", "add", S), stranger), "not signed by a trusted key"},
		"only the old key":            {public("1", "add", S, statement("1", "add", S), a), "added key has not signed"},
		"another number":              {public("1", "add", S, statement("2", "add", S), a, stranger), "does not verify"},
		"another change":              {public("1", "add", S, statement("1", "retire", S), a, stranger), "does not verify"},
		"another key":                 {public("1", "add", S, statement("1", "add", b.VerifierKey), a, stranger), "does not verify"},
		"new key signed another":      {with(sigOf(stranger), public("1", "add", S, statement("7", "add", S), stranger)[sigOf(stranger)]), "added key has not signed"},
		"number 0":                    {public("0", "add", S, statement("0", "add", S), a, stranger), "no change of keys"},
		"number 01":                   {public("01", "add", S, statement("01", "add", S), a, stranger), "no change of keys"},
		"unknown change":              {public("1", "trust", S, statement("1", "trust", S), a, stranger), "no change of keys"},
		"no vkey":                     {with("ledger.key", "stranger"), "no change of keys"},
		"loose base64":                {with(sigOf(a), good[sigOf(a)]+"\n"), "does not verify"},
		"key that is there":           {public("1", "add", a.VerifierKey, statement("1", "add", a.VerifierKey), a), "there already"},
		"retires the last":            {public("1", "retire", a.VerifierKey, statement("1", "retire", a.VerifierKey), a), "last key"},
		"retires one that never was":  {public("1", "retire", S, statement("1", "retire", S), a), "not one that signs"},
		"a key of another log":        {public("1", "add", "y"+S[1:], statement("1", "add", "y"+S[1:]), a, stranger), "no change of keys"},
		"attributes of something":     {map[string]string{"colour": "red"}, "no change of keys"},
		"no attributes":               {nil, "no change of keys"},
		"further attribute is no sig": {with("colour", "red"), ""},
	} {
		file := ledger.ForgeReceipt(t, "x/log", 0, c.public, a, stranger)
		next, err := v.Follow(file)
		if c.want == "" {
			require.NoError(t, err, what)
			require.Len(t, next.Keys(), 2, what)
			continue
		}
		require.ErrorIs(t, err, ledger.ErrReceipt, what)
		assert.ErrorContains(t, err, c.want, what)
	}

	// All is right but that no trusted key signed the tree: neither the statement
	// nor the checkpoint is enough alone.
	_, err = v.Follow(ledger.ForgeReceipt(t, "x/log", 0, good, b))
	assert.ErrorIs(t, err, ledger.ErrReceipt)
	_, err = v.Follow(ledger.ForgeReceipt(t, "x/log", 0, good, stranger))
	assert.NoError(t, err, "the new key may sign the tree that holds its addition")

	// Several changes, of which the last is wrong.
	A := a.VerifierKey
	retire := public("2", "retire", A, statement("2", "retire", A), a, stranger)
	one := ledger.ForgeReceipt(t, "x/log", 3, good, stranger)
	two := ledger.ForgeReceipt(t, "x/log", 5, retire, stranger)
	_, err = v.Follow(one, two)
	require.NoError(t, err)
	for what, last := range map[string]struct {
		index  uint64
		public map[string]string
		want   string
	}{
		"two at one entry": {3, retire, "not in order"},
		"backwards":        {2, retire, "not in order"},
	} {
		_, err = v.Follow(one, ledger.ForgeReceipt(t, "x/log", last.index, last.public, stranger))
		require.ErrorIs(t, err, ledger.ErrReceipt, what)
		assert.ErrorContains(t, err, last.want, what)
	}
	for what, last := range map[string]struct {
		public map[string]string
		want   string
	}{
		"retired twice":                {public("3", "retire", A, statement("3", "retire", A), stranger), "not one that signs"},
		"retired key adds":             {public("3", "add", b.VerifierKey, statement("3", "add", b.VerifierKey), a, b), "not signed by a trusted key"},
		"added again after it retired": {public("3", "add", A, statement("3", "add", A), a, stranger), "there already"},
	} {
		_, err = v.Follow(one, two, ledger.ForgeReceipt(t, "x/log", 8, last.public, stranger, b))
		require.ErrorIs(t, err, ledger.ErrReceipt, what)
		assert.ErrorContains(t, err, last.want, what)
	}
}

// A key that was retired because it was stolen signs no later tree.
func TestRetiredKeyIsNotBelievedAboutLaterTrees(t *testing.T) {
	a, b := newSigner(t, "x/log"), newSigner(t, "x/log")
	l, err := ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{a, b}})
	require.NoError(t, err)
	defer l.Close()
	appendSome(t, l, 2)
	before := mustReceipt(t, l, 1)
	_, err = l.Retire(t.Context(), a.VerifierKey, nil)
	require.NoError(t, err)
	rotations, err := l.Rotations(t.Context())
	require.NoError(t, err)
	v, err := trusting(t, a.VerifierKey, b.VerifierKey).Follow(rotations...)
	require.NoError(t, err)
	_, err = v.Receipt(before)
	require.NoError(t, err)

	thief, err := ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{a}})
	require.NoError(t, err)
	defer thief.Close()
	for size := 1; size <= 4; size++ {
		file := mustReceipt(t, thief, appendSome(t, thief, 1))
		_, err := v.Receipt(file)
		if size <= 2 { // witnesses are against that
			assert.NoError(t, err, "size %d", size)
		} else {
			assert.ErrorIs(t, err, ledger.ErrReceipt, "size %d", size)
		}
		_, err = trusting(t, a.VerifierKey).Receipt(file)
		assert.NoError(t, err)
	}

	// Nor does a key speak about trees before its time.
	early, err := ledger.NewVerifier([]ledger.Key{{VerifierKey: a.VerifierKey, From: 2}}, nil)
	require.NoError(t, err)
	one, err := ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{a}})
	require.NoError(t, err)
	defer one.Close()
	_, err = early.Receipt(mustReceipt(t, one, appendSome(t, one, 1)))
	assert.ErrorIs(t, err, ledger.ErrReceipt)
	_, err = early.Receipt(mustReceipt(t, one, appendSome(t, one, 1)))
	assert.NoError(t, err)
}

func TestEveryCheckpointCarriesAllSignatures(t *testing.T) {
	var signers []ledger.Signer
	var keys []string
	for range ledger.MaxSigners {
		signers = append(signers, newSigner(t, "x/log"))
		keys = append(keys, signers[len(signers)-1].VerifierKey)
	}
	store := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), store, &ledger.Options{Signers: signers[:2]})
	require.NoError(t, err)
	check := func(want ...int) {
		t.Helper()
		appendSome(t, l, 1)
		signed, err := l.Checkpoint(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, signedBy(t, signed, keys...))
	}
	check(0, 1)
	for i := 2; i < len(signers); i++ {
		r, err := l.Rotate(t.Context(), &ledger.RotateOptions{Next: signers[i]})
		require.NoError(t, err)
		again, err := l.Rotate(t.Context(), &ledger.RotateOptions{Next: signers[i]})
		require.NoError(t, err)
		assert.True(t, again.Duplicate)
		assert.Equal(t, r.Index, again.Index)
	}
	check(0, 1, 2, 3)
	_, err = l.Rotate(t.Context(), nil)
	assert.ErrorIs(t, err, ledger.ErrTooLarge)
	r, err := l.Retire(t.Context(), keys[1], nil)
	require.NoError(t, err)
	again, err := l.Retire(t.Context(), keys[1], nil)
	require.NoError(t, err)
	assert.True(t, again.Duplicate)
	assert.Equal(t, r.Index, again.Index)
	check(0, 2, 3)
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	stranger := newSigner(t, "x/log")
	for what, o := range map[string]ledger.Options{
		"one is missing": {Signers: signers[:2]},
		"a stranger":     {Signers: append([]ledger.Signer{stranger}, signers...)},
		"another name":   {Signers: []ledger.Signer{newSigner(t, "y/log")}},
		"several names":  {Signers: append([]ledger.Signer{newSigner(t, "y/log")}, signers...)},
		"halves differ":  {Signers: []ledger.Signer{{Signer: signers[0].Signer, VerifierKey: keys[1]}}},
		"all lost":       {Lost: keys},
	} {
		_, err := ledger.Open(t.Context(), store, &o)
		assert.Error(t, err, what)
		assert.True(t, errors.Is(err, ledger.ErrInvalid) || errors.Is(err, ledger.ErrCorrupt), "%s: %v", what, err)
	}
	l, err = ledger.Open(t.Context(), store, &ledger.Options{Signers: signers})
	require.NoError(t, err, "a retired one is passed over")
	check(0, 2, 3)
	require.NoError(t, l.Close())

	// A lost signer is retired by the others.
	l, err = ledger.Open(t.Context(), store, &ledger.Options{Signers: signers[2:], Lost: keys[:1]})
	require.NoError(t, err)
	check(2, 3)
	_, err = l.Retire(t.Context(), keys[0], nil)
	require.NoError(t, err)
	_, err = l.Retire(t.Context(), keys[2], nil)
	require.NoError(t, err)
	_, err = l.Retire(t.Context(), keys[3], nil)
	assert.ErrorIs(t, err, ledger.ErrInvalid, "the last")
	for _, vkey := range []string{stranger.VerifierKey, "", "x"} {
		_, err = l.Retire(t.Context(), vkey, nil)
		assert.ErrorIs(t, err, ledger.ErrInvalid)
	}
	check(3)
	require.NoError(t, l.Close())
	l, err = ledger.Open(t.Context(), store, &ledger.Options{Signers: signers[3:]})
	require.NoError(t, err)
	check(3)
	require.NoError(t, l.Close())

	_, err = ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{{Signer: signers[0].Signer, VerifierKey: keys[1]}}})
	assert.ErrorIs(t, err, ledger.ErrInvalid)
	_, err = ledger.OpenMemory(&ledger.Options{Signers: append(signers, stranger)})
	assert.ErrorIs(t, err, ledger.ErrTooLarge)
	_, err = ledger.OpenMemory(&ledger.Options{Signers: []ledger.Signer{stranger, stranger}})
	assert.ErrorIs(t, err, ledger.ErrInvalid)
}

// lying is a signer whose signatures do not verify.
type lying struct{ note.Signer }

func (lying) Sign([]byte) ([]byte, error) { return make([]byte, 64), nil }

type failing struct{ note.Signer }

var errDevice = errors.New("device is off")

func (failing) Sign([]byte) ([]byte, error) { return nil, errDevice }

// A signer that does not work leaves no entry behind that would keep the log shut.
func TestRotationToABrokenSignerWritesNothing(t *testing.T) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	defer l.Close()
	s := newSigner(t, "x/log")
	_, err = l.Rotate(t.Context(), &ledger.RotateOptions{Next: ledger.Signer{Signer: lying{s.Signer}, VerifierKey: s.VerifierKey}})
	require.Error(t, err)
	_, err = l.Rotate(t.Context(), &ledger.RotateOptions{Next: ledger.Signer{Signer: failing{s.Signer}, VerifierKey: s.VerifierKey}})
	require.ErrorIs(t, err, errDevice)
	_, err = l.Rotate(t.Context(), &ledger.RotateOptions{Next: newSigner(t, "y/log")})
	require.ErrorIs(t, err, ledger.ErrInvalid)
	require.Zero(t, l.Size())
	require.Len(t, l.VerifierKeys(), 1)
}

func TestOwnEntriesAreReserved(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	for _, a := range []ledger.Append{
		{Stream: ledger.StreamKeys, Type: "t", Key: "k"},
		{Stream: "s", Type: ledger.TypeKeyAdded, Key: "k"},
		{Stream: "s", Type: ledger.TypeKeyRetired, Key: "k"},
		{Stream: "s", Type: "t", Key: "k", Public: map[string]string{"ledger.key": "x"}},
	} {
		_, err := l.Append(t.Context(), a)
		assert.ErrorIs(t, err, ledger.ErrInvalid)
	}
}

// Many rotate and sign at once; every checkpoint holds the keys of its own tree.
func TestRotationsBesideCheckpoints(t *testing.T) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	defer l.Close()
	first := l.VerifierKey()
	done := make(chan error, 2)
	go func() {
		for range 3 {
			if _, err := l.Rotate(t.Context(), nil); err != nil {
				done <- err
				return
			}
		}
		_, err := l.Retire(t.Context(), first, nil)
		done <- err
	}()
	signed := [][]byte{}
	for range 200 {
		appendSome(t, l, 1)
		c, err := l.Checkpoint(t.Context())
		require.NoError(t, err)
		signed = append(signed, c)
	}
	require.NoError(t, <-done)
	appendSome(t, l, 1)
	c, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	keys := l.VerifierKeys()
	require.Len(t, keys, 4)
	for _, c := range append(signed, c) {
		for _, k := range keys {
			v, err := ledger.NewVerifier([]ledger.Key{k}, nil)
			require.NoError(t, err)
			info, err := v.Checkpoint(c)
			all, errAll := trusting(t, k.VerifierKey).Checkpoint(c)
			require.Equal(t, errAll == nil, err == nil, "a key signs exactly the trees it may")
			require.Equal(t, all, info)
		}
	}
}

// askedStore calls the test when the secret half of a signing key is asked for.
type askedStore struct {
	ledger.Store
	asked func()
}

func (s *askedStore) Secret(ctx context.Context, name string) ([]byte, bool, error) {
	if asked := s.asked; asked != nil && strings.HasPrefix(name, "signer-") {
		s.asked = nil
		asked()
	}
	return s.Store.Secret(ctx, name)
}

// Whoever has read that a key signs, and finds its secret half destroyed, reads on.
func TestAKeyRetiredWhileItIsLookedFor(t *testing.T) {
	s := &askedStore{Store: ledger.NewMemoryStore()}
	l, err := ledger.Open(t.Context(), s, &ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	defer l.Close()
	first := l.VerifierKey()
	s.asked = func() {
		_, err := l.Retire(t.Context(), first, nil)
		require.NoError(t, err)
	}
	_, err = l.Rotate(t.Context(), nil)
	require.NoError(t, err)
	c, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	_, err = trusting(t, l.VerifierKey()).Checkpoint(c)
	require.NoError(t, err)
	require.NotEqual(t, first, l.VerifierKey())
}

func FuzzFollow(f *testing.F) {
	l, err := ledger.OpenMemory(&ledger.Options{Name: "x/log"})
	require.NoError(f, err)
	defer l.Close()
	v := trusting(f, l.VerifierKey())
	_, err = l.Rotate(f.Context(), nil)
	require.NoError(f, err)
	files, err := l.Rotations(f.Context())
	require.NoError(f, err)
	f.Add(files[0])
	f.Add(files[0][:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		if next, err := v.Follow(b); err == nil {
			require.Equal(t, string(files[0]), string(b))
			require.Len(t, next.Keys(), 2)
		}
	})
}

package policy_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/policy"
)

// signer is a key made from one byte.
func signer(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(seed byte) ed25519.PublicKey { return signer(seed).Public().(ed25519.PublicKey) }

// shopText is a small document of the employer "shop".
func shopText(version int, more string) []byte {
	return fmt.Appendf(nil, "# the shop's rules\napiVersion: csss.policy/v1\nemployer: shop\nversion: %d\nrules:\n"+
		"  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto%s}\n\n\n# end\n", version, more)
}

var (
	monday = time.Date(2026, 9, 14, 0, 0, 0, 0, time.UTC)
	sunday = time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC)
)

func sign(t testing.TB, key byte, text []byte) *policy.Bundle {
	t.Helper()
	b, err := policy.SignBundle(nil, policy.Source{Name: "shop.yaml", Text: text}, monday, sunday, signer(key))
	require.NoError(t, err)
	return b
}

func ring(t testing.TB, keys ...policy.Key) *policy.Keyring {
	t.Helper()
	k, err := policy.NewKeyring(keys...)
	require.NoError(t, err)
	return k
}

func shopKey(seed byte) policy.Key { return policy.Key{Employer: "shop", Public: public(seed)} }

// reason is why the first bundle was refused.
func reason(t testing.TB, err error) *policy.BundleError {
	t.Helper()
	refused, ok := errors.AsType[*policy.BundleError](err)
	require.True(t, ok, "%v", err)
	return refused
}

func TestBundleTextIsOneForm(t *testing.T) {
	b := sign(t, 1, shopText(3, ""))
	text, err := b.MarshalText()
	require.NoError(t, err)
	again, err := policy.ParseBundle(text)
	require.NoError(t, err)
	assert.Equal(t, b, again)
	assert.Equal(t, shopText(3, ""), again.Document, "empty lines of the document are its own")

	asJSON, err := json.Marshal(b)
	require.NoError(t, err)
	var back policy.Bundle
	require.NoError(t, json.Unmarshal(asJSON, &back))
	assert.Equal(t, *b, back)
}

func TestBundleHeadIsASignedNote(t *testing.T) {
	b := sign(t, 1, shopText(3, ""))
	text, err := b.MarshalText()
	require.NoError(t, err)
	head := text[:len(text)-len(b.Document)-1]

	vkey, err := note.NewEd25519VerifierKey("shop", public(1))
	require.NoError(t, err)
	verifier, err := note.NewVerifier(vkey)
	require.NoError(t, err)
	n, err := note.Open(head, note.VerifierList(verifier))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(n.Text, "csss.policy/bundle/v1\nemployer shop\nversion 3\ndigest "))
	key := shopKey(1)
	assert.Equal(t, verifier.KeyHash(), key.Hash())
}

func TestBundleIsRefused(t *testing.T) {
	good := func() *policy.Bundle { return sign(t, 1, shopText(7, "")) }
	const other = ", when: price.rate > 1"
	forged := func(change func(*policy.Bundle)) *policy.Bundle {
		b := good()
		change(b)
		resign(b, 1)
		return b
	}
	cases := []struct {
		name   string
		bundle *policy.Bundle
		now    time.Time
		want   error
		text   string
	}{
		{"nil", nil, noon, policy.ErrBundleForm, "is nil"},
		{"older version", sign(t, 1, shopText(4, "")), noon, policy.ErrBundleOlder, "version 4: version 5 is in force"},
		{"same version, other rules", sign(t, 1, shopText(5, other)), noon, policy.ErrBundleFork, "version 5"},
		{"older version with the rules in force", forged(func(b *policy.Bundle) { *b = *sign(t, 1, shopText(5, "")); b.Version = 4 }), noon,
			policy.ErrBundleOlder, "version 4"},
		{"key of nobody", sign(t, 9, shopText(7, "")), noon, policy.ErrBundleKey, "is not pinned for the employer"},
		{"key of another employer", sign(t, 2, shopText(7, "")), noon, policy.ErrBundleKey, "is not pinned"},
		{"key before its time", sign(t, 3, shopText(7, "")), noon, policy.ErrBundleKey, "the key is not valid at 2026-09-15T12:00:00Z"},
		{"key after its time", sign(t, 4, shopText(7, "")), noon, policy.ErrBundleKey, "the key is not valid at 2026-09-15T12:00:00Z"},
		{"hint of a good key", func() *policy.Bundle { b := sign(t, 9, shopText(7, "")); k := shopKey(1); b.Key = k.Hash(); return b }(), noon,
			policy.ErrBundleSignature, ""},
		{"statement changed", func() *policy.Bundle { b := good(); b.Version = 8; return b }(), noon, policy.ErrBundleSignature, ""},
		{"employer changed", func() *policy.Bundle { b := good(); b.Employer = "mill"; return b }(), noon, policy.ErrBundleKey, ""},
		{"before its time", good(), monday.Add(-1), policy.ErrBundleEarly, "valid from 2026-09-14T00:00:00Z"},
		{"at its end", good(), sunday, policy.ErrBundleExpired, "2026-09-20T00:00:00Z: valid until 2026-09-20T00:00:00Z"},
		{"document changed", func() *policy.Bundle { b := good(); b.Document = append(b.Document, '#'); return b }(), noon, policy.ErrBundleDigest, ""},
		{"oversized", func() *policy.Bundle { b := good(); b.Document = make([]byte, 1<<20+1); return b }(), noon, policy.ErrBundleSize, "1048577 bytes"},
		{"signed for another digest", forged(func(b *policy.Bundle) { b.Digest[0] ^= 1 }), noon, policy.ErrBundleDigest, ""},
		{"signed for another version", forged(func(b *policy.Bundle) { b.Version = 8 }), noon, policy.ErrBundleDigest, "a document of version 7: signed is version 8"},
		{"signed for a document of another employer", forgedFor("mill", good(), 2), noon, policy.ErrBundleEmployer, "its document is for another"},
		{"signed rubbish", forged(func(b *policy.Bundle) { b.Document = []byte("a: [") }), noon, policy.ErrBundleDocument, "bundle:1:"},
		{"statement of two lines", func() *policy.Bundle { b := good(); b.Employer = "a\nb"; return b }(), noon, policy.ErrBundleForm, ""},
		{"validity empty", func() *policy.Bundle { b := good(); b.Until = b.From; return b }(), noon, policy.ErrBundleForm, ""},
		{"version zero", func() *policy.Bundle { b := good(); b.Version = 0; return b }(), noon, policy.ErrBundleForm, ""},
	}
	keys := ring(t, shopKey(1), policy.Key{Employer: "mill", Public: public(2)},
		policy.Key{Employer: "shop", Public: public(3), From: noon.Add(1)}, policy.Key{Employer: "shop", Public: public(4), Until: noon})
	active, err := policy.Compile(nil, policy.Source{Text: shopText(5, "")})
	require.NoError(t, err)
	for _, c := range cases {
		set, changes, err := keys.Apply(active, c.now, c.bundle)
		require.Error(t, err, c.name)
		assert.ErrorIs(t, err, c.want, c.name)
		assert.Equal(t, c.want, reason(t, err).Reason, c.name)
		assert.ErrorContains(t, err, c.text, c.name)
		assert.Nil(t, set, c.name)
		assert.Nil(t, changes, c.name)
		assert.NotContains(t, err.Error(), "shop", c.name)
		assert.NotContains(t, err.Error(), "mill", c.name)
	}
	_, _, err = (*policy.Keyring)(nil).Apply(nil, noon, good())
	assert.ErrorIs(t, err, policy.ErrBundleKey, "without keys nothing is believed")
}

// resign signs a statement as it stands; only the holder of the key can.
func resign(b *policy.Bundle, seed byte) {
	b.Text = sha256.Sum256(b.Document)
	key := policy.Key{Employer: b.Employer, Public: public(seed)}
	b.Key = key.Hash()
	text, _ := b.MarshalText()
	statement, _, _ := bytes.Cut(text, []byte("\n\n"))
	copy(b.Signature[:], ed25519.Sign(signer(seed), append(statement, '\n')))
}

func forgedFor(employer string, b *policy.Bundle, seed byte) *policy.Bundle {
	b.Employer = employer
	resign(b, seed)
	return b
}

func TestApplyReplacesAllOrNothing(t *testing.T) {
	mill := policy.Source{Text: []byte("apiVersion: csss.policy/v1\nemployer: mill\nversion: 2\nrules: []\n")}
	active, err := policy.Compile(nil, mill, policy.Source{Text: shopText(5, "")})
	require.NoError(t, err)
	millNext, err := policy.SignBundle(nil, policy.Source{Text: bytes.Replace(mill.Text, []byte("version: 2"), []byte("version: 3"), 1)}, monday, sunday, signer(2))
	require.NoError(t, err)
	keys := ring(t, shopKey(1), policy.Key{Employer: "mill", Public: public(2)})

	set, _, err := keys.Apply(active, noon, millNext, sign(t, 1, shopText(4, "")), nil)
	assert.Nil(t, set)
	assert.ErrorIs(t, err, policy.ErrBundleOlder)
	assert.ErrorIs(t, err, policy.ErrBundleForm, "every refused bundle is in the error")
	assert.Equal(t, 1, reason(t, err).Index)

	_, _, err = keys.Apply(active, noon, millNext, millNext)
	assert.ErrorIs(t, err, policy.ErrBundleTwice)

	next := sign(t, 1, shopText(6, ", when: price.rate > 1"))
	set, changes, err := keys.Apply(active, noon, millNext, next)
	require.NoError(t, err)
	assert.Equal(t, []string{"mill", "shop"}, set.Employers())
	assert.Equal(t, []int{3, 6}, []int{set.Version("mill"), set.Version("shop")})
	assert.Equal(t, []int{2, 5}, []int{active.Version("mill"), active.Version("shop")}, "what is in force is not changed")
	assert.Equal(t, policy.Change{Employer: "shop", OldVersion: 5, OldDigest: active.Digest("shop"), Version: 6, Digest: next.Digest, Until: sunday}, changes[1])
	ask := &policy.Request{Employer: "shop", Action: policy.Match, Category: "machine.mill", Now: noon, Attrs: policy.Attrs{"price.rate": policy.Int(1)}}
	assert.Equal(t, policy.Permit, active.Explain(ask).Outcome)
	assert.Equal(t, policy.Deny, set.Explain(ask).Outcome)

	again, changes, err := keys.Apply(set, noon, next)
	require.NoError(t, err)
	assert.Same(t, set, again, "the version in force changes nothing")
	assert.Empty(t, changes)

	first, changes, err := keys.Apply(nil, noon, next)
	require.NoError(t, err)
	assert.Equal(t, []string{"shop"}, first.Employers())
	assert.Equal(t, 0, changes[0].OldVersion)
	assert.Zero(t, changes[0].OldDigest)
	assert.Equal(t, policy.Deny, first.Explain(ask).Outcome)
}

func TestKeysRotateByValidity(t *testing.T) {
	keys := ring(t, policy.Key{Employer: "shop", Public: public(1), Until: noon.Add(time.Hour)},
		policy.Key{Employer: "shop", Public: public(2), From: noon})
	for _, c := range []struct {
		key  byte
		now  time.Time
		good bool
	}{
		{1, noon.Add(-1), true}, {2, noon.Add(-1), false},
		{1, noon, true}, {2, noon, true},
		{1, noon.Add(time.Hour), false}, {2, noon.Add(time.Hour), true},
	} {
		err := keys.Verify(sign(t, c.key, shopText(7, "")), c.now)
		if c.good {
			assert.NoError(t, err, "key %d at %v", c.key, c.now)
		} else {
			assert.ErrorIs(t, err, policy.ErrBundleKey, "key %d at %v", c.key, c.now)
		}
	}
}

func TestEveryByteOfABundleIsSigned(t *testing.T) {
	keys := ring(t, shopKey(1))
	text, err := sign(t, 1, shopText(7, "")).MarshalText()
	require.NoError(t, err)
	for i := range text {
		for _, flip := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(text)
			bad[i] ^= flip
			b, err := policy.ParseBundle(bad)
			if err == nil {
				_, _, err = keys.Apply(nil, noon, b)
			}
			reason(t, err)
		}
	}
	for i := range text {
		if b, err := policy.ParseBundle(text[:i]); err == nil {
			assert.Error(t, keys.Verify(b, noon), "cut at %d", i)
		}
	}
}

func TestParseBundleRefusesOtherForms(t *testing.T) {
	good, err := sign(t, 1, shopText(7, "")).MarshalText()
	require.NoError(t, err)
	swap := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"empty":            {nil, policy.ErrBundleForm},
		"oversized":        {make([]byte, 1<<20+1025), policy.ErrBundleSize},
		"other domain":     {swap("bundle/v1", "bundle/v2"), policy.ErrBundleForm},
		"offset":           {swap("from 2026-09-14T00:00:00Z", "from 2026-09-14T00:00:00+00:00"), policy.ErrBundleForm},
		"fraction":         {swap("from 2026-09-14T00:00:00Z", "from 2026-09-14T00:00:00.5Z"), policy.ErrBundleForm},
		"upper-case hex":   {swap("digest ", "digest A"), policy.ErrBundleForm},
		"plus sign":        {swap("version 7", "version +7"), policy.ErrBundleForm},
		"leading zero":     {swap("version 7", "version 07"), policy.ErrBundleForm},
		"huge version":     {swap("version 7", "version 2147483648"), policy.ErrBundleForm},
		"another line":     {swap("until ", "note x\nuntil "), policy.ErrBundleForm},
		"order":            {swap("employer shop\nversion 7", "version 7\nemployer shop"), policy.ErrBundleForm},
		"other signer":     {swap("— shop ", "— mill "), policy.ErrBundleEmployer},
		"two signatures":   {swap("— shop ", "— shop AAAA\n— shop "), policy.ErrBundleForm},
		"without the dash": {swap("— shop ", "shop "), policy.ErrBundleForm},
		"carriage return":  {bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")), policy.ErrBundleForm},
	} {
		_, err := policy.ParseBundle(c.text)
		assert.Equal(t, c.want, reason(t, err).Reason, name)
		require.Error(t, new(policy.Bundle).UnmarshalText(c.text), name)
	}
}

func TestSignBundleRefuses(t *testing.T) {
	doc := policy.Source{Name: "shop.yaml", Text: shopText(7, "")}
	_, err := policy.SignBundle(nil, policy.Source{Text: []byte("rules: 1")}, monday, sunday, signer(1))
	_, ok := errors.AsType[*policy.Errors](err)
	assert.True(t, ok)
	_, err = policy.SignBundle(nil, doc, sunday, sunday, signer(1))
	assert.ErrorIs(t, err, policy.ErrBundleForm)
	_, err = policy.SignBundle(nil, doc, monday, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), signer(1))
	assert.ErrorIs(t, err, policy.ErrBundleForm)
	b, err := policy.SignBundle(nil, doc, monday.Add(999), sunday.In(time.FixedZone("x", 3600)), signer(1))
	require.NoError(t, err)
	assert.Equal(t, monday, b.From)
	assert.Equal(t, sunday, b.Until)

	for _, bad := range []policy.Key{{Employer: "a b", Public: public(1)}, {Employer: "shop", Public: public(1)[1:]}, {Employer: "shop", Public: public(1), From: noon, Until: noon}} {
		_, err := policy.NewKeyring(shopKey(1), bad)
		assert.ErrorContains(t, err, "policy: key 1: ")
	}
}

func FuzzParseBundle(f *testing.F) {
	text, err := sign(f, 1, shopText(7, "")).MarshalText()
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte("csss.policy/bundle/v1\n\n\n\n"))
	keys := ring(f, shopKey(1))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := policy.ParseBundle(data)
		if err != nil {
			reason(t, err)
			return
		}
		again, err := b.MarshalText()
		require.NoError(t, err)
		require.Equal(t, data, again, "one form")
		if !bytes.Equal(data, text) && keys.Verify(b, noon) == nil {
			t.Fatal("a bundle was believed that nobody signed")
		}
	})
}

func TestEngineAppliesAtOnce(t *testing.T) {
	names := []string{"shop", "mill", "yard", "dock"}
	text := func(name string, version int) []byte {
		return fmt.Appendf(nil, "apiVersion: csss.policy/v1\nemployer: %s\nversion: %d\nrules: []\n", name, version)
	}
	var keys []policy.Key
	for _, name := range names {
		keys = append(keys, policy.Key{Employer: name, Public: public(1)})
	}
	pinned := ring(t, keys...)
	e := policy.NewEngine(nil)
	const versions = 20
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			for v := 1; v <= versions; v++ {
				changes, err := e.Apply(pinned, noon, sign(t, 1, text(name, v)))
				if assert.NoError(t, err) {
					assert.Equal(t, v-1, changes[0].OldVersion, "no update of another employer is lost")
				}
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		assert.Equal(t, versions, e.Set().Version(name))
	}

	was := e.Set()
	_, err := e.Apply(pinned, noon, sign(t, 1, text("shop", versions+1)), sign(t, 1, text("mill", 1)))
	assert.ErrorIs(t, err, policy.ErrBundleOlder)
	assert.Same(t, was, e.Set(), "all or nothing")

	rest, err := policy.Compile(was.Schema(), policy.Source{Text: text("mill", versions)})
	require.NoError(t, err)
	require.NoError(t, e.Swap(rest))
	_, err = e.Apply(pinned, noon, sign(t, 1, text("shop", 3)))
	refused, ok := errors.AsType[*policy.VersionError](err)
	require.True(t, ok, "an employer that left does not come back with an older version")
	assert.Equal(t, policy.VersionError{Have: versions, Got: 3}, *refused)
}

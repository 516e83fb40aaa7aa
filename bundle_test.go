package csss_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/policy"
)

// signing is a firm whose rules come under a key.
type signing struct {
	*testing.T
	cfg csss.Config
	x   *csss.Exchange
	now time.Time
	key ed25519.PrivateKey
}

func newSigning(t *testing.T) *signing {
	t.Helper()
	s := &signing{T: t, cfg: csss.Config{Dir: t.TempDir()}, now: world.Opening(), key: ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))}
	s.open()
	in := seller("seller")
	in.Firms = append(in.Firms, seller("other").Firms...)
	_, err := s.x.Import(t.Context(), csss.By{At: s.now}, in)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.x.Close() })
	return s
}

func (s *signing) open() {
	s.Helper()
	x, err := csss.Open(s.Context(), s.cfg)
	require.NoError(s, err)
	s.x = x
}

func (s *signing) operator() csss.By { return csss.By{At: s.now} }
func (s *signing) owner() csss.By {
	return csss.By{Firm: "seller", Person: "usr-seller", At: s.now}
}

// document is a version of the firm's rules.
func (s *signing) document(firm string, version int) []byte {
	return fmt.Appendf(nil, "apiVersion: csss.policy/v1\nemployer: %s\nversion: %d\nrules: []\n", firm, version)
}

func (s *signing) bundle(version int) *policy.Bundle { return s.signed(s.key, "seller", version) }

func (s *signing) signed(key ed25519.PrivateKey, firm string, version int) *policy.Bundle {
	s.Helper()
	b, err := policy.SignBundle(nil, policy.Source{Text: s.document(firm, version)}, s.now.Add(-time.Hour), s.now.Add(24*time.Hour), key)
	require.NoError(s, err)
	return b
}

// pin pins the firm's key, for as long as given.
func (s *signing) pin(by csss.By, only bool, until time.Time) error {
	_, err := s.x.PinKeys(s.Context(), by, "seller", csss.Pins{Only: only, Keys: []policy.Key{
		{Employer: "seller", Public: s.key.Public().(ed25519.PublicKey), Until: until}}})
	return err
}

func (s *signing) apply(by csss.By, b *policy.Bundle) error {
	_, err := s.x.ApplyBundle(s.Context(), by, "seller", b)
	return err
}

func (s *signing) version() int {
	s.Helper()
	set, err := s.x.Rules(s.operator(), "seller")
	require.NoError(s, err)
	return set.Version("seller")
}

// Rules under a pinned key replace those in force; a bundle of any other kind
// changes nothing.
func TestBundles(t *testing.T) {
	s := newSigning(t)
	assert.ErrorIs(t, s.apply(s.owner(), s.bundle(2)), policy.ErrBundleKey, "nothing is pinned")
	require.NoError(t, s.pin(s.owner(), false, time.Time{}))
	size := s.x.Size()
	other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("o", 32)))
	changed := s.bundle(2)
	changed.Document = append(changed.Document, '\n')
	for name, c := range map[string]struct {
		by   csss.By
		b    *policy.Bundle
		want error
	}{
		"another key":       {s.owner(), s.signed(other, "seller", 2), policy.ErrBundleKey},
		"another firm's":    {s.operator(), s.signed(s.key, "other", 2), policy.ErrBundleEmployer},
		"changed since":     {s.owner(), changed, policy.ErrBundleDigest},
		"none":              {s.owner(), nil, policy.ErrBundleForm},
		"a stranger brings": {csss.By{Firm: "other", Person: "usr-other", At: s.now}, s.bundle(2), csss.ErrNotYours},
	} {
		err := s.apply(c.by, c.b)
		assert.ErrorIs(t, err, c.want, name)
		assert.NotContains(t, fmt.Sprint(err), "Zephyrine", name)
	}
	_, err := s.x.ApplyBundle(t.Context(), s.operator(), "nobody", s.bundle(2))
	assert.ErrorIs(t, err, csss.ErrNotFound)
	assert.Equal(t, size, s.x.Size())

	require.NoError(t, s.apply(s.owner(), s.bundle(4)))
	assert.Equal(t, 4, s.version())
	assert.ErrorIs(t, s.apply(s.owner(), s.bundle(4)), policy.ErrBundleOlder, "a replay")
	assert.ErrorIs(t, s.apply(s.owner(), s.bundle(3)), policy.ErrBundleOlder, "a rollback")
	early := s.bundle(5)
	s.now = s.now.Add(48 * time.Hour)
	assert.ErrorIs(t, s.apply(s.owner(), early), policy.ErrBundleExpired)
	_, err = s.x.SetPolicy(t.Context(), s.owner(), "seller", "seller.yaml", s.document("seller", 7))
	require.NoError(t, err, "plain rules are taken as long as nobody asked for signatures")
	assert.Equal(t, 7, s.version())
}

// Once a firm demands signatures nothing else changes what it allows, and its
// own people cannot take that back.
func TestOnlyBundles(t *testing.T) {
	s := newSigning(t)
	require.NoError(t, s.pin(s.owner(), true, time.Time{}))
	_, err := s.x.SetPolicy(t.Context(), s.owner(), "seller", "seller.yaml", s.document("seller", 2))
	assert.ErrorIs(t, err, csss.ErrUnsigned)
	_, err = s.x.SetPolicy(t.Context(), s.operator(), "seller", "seller.yaml", s.document("seller", 2))
	assert.ErrorIs(t, err, csss.ErrUnsigned)
	_, err = s.x.Import(t.Context(), s.operator(), csss.Import{Policies: []csss.PolicyText{{Firm: "seller", Text: s.document("seller", 2)}}})
	assert.ErrorIs(t, err, csss.ErrUnsigned)
	assert.ErrorIs(t, s.pin(s.owner(), false, time.Time{}), csss.ErrNotYours)
	_, err = s.x.IssueGrant(t.Context(), s.owner(), policy.Grant{ID: "wide", Role: "owner"})
	assert.ErrorIs(t, err, csss.ErrUnsigned, "a grant beside the rules would be one more rule")
	require.NoError(t, s.apply(s.owner(), s.bundle(2)))
	assert.Equal(t, 2, s.version())
	require.NoError(t, s.pin(s.operator(), false, time.Time{}))
	_, err = s.x.SetPolicy(t.Context(), s.owner(), "seller", "seller.yaml", s.document("seller", 3))
	assert.NoError(t, err)
}

func TestPinsAreChecked(t *testing.T) {
	s := newSigning(t)
	public := s.key.Public().(ed25519.PublicKey)
	for field, pins := range map[string]csss.Pins{
		"pins.keys":             {Only: true},
		"pins.keys[0].employer": {Keys: []policy.Key{{Employer: "other", Public: public}}},
		"pins.keys[0]":          {Keys: []policy.Key{{Employer: "seller", Public: public[1:]}}},
	} {
		_, err := s.x.PinKeys(t.Context(), s.owner(), "seller", pins)
		var input *csss.InputError
		require.ErrorAs(t, err, &input)
		assert.Equal(t, field, input.Field)
	}
	many := csss.Pins{Keys: make([]policy.Key, 65)}
	_, err := s.x.PinKeys(t.Context(), s.owner(), "seller", many)
	assert.ErrorContains(t, err, "at most 64")
	_, err = s.x.PinKeys(t.Context(), s.owner(), "other", csss.Pins{})
	assert.ErrorIs(t, err, csss.ErrNotYours)
	_, err = s.x.PinKeys(t.Context(), s.operator(), "nobody", csss.Pins{})
	assert.ErrorIs(t, err, csss.ErrNotFound)
}

// The ledger holds digest, version, key and signature. Whoever opens it
// verifies again, as of then: a key that ended since undoes nothing.
func TestBundlesSurviveReopening(t *testing.T) {
	s := newSigning(t)
	require.NoError(t, s.pin(s.owner(), true, s.now.Add(time.Hour)))
	b := s.bundle(2)
	require.NoError(t, s.apply(s.owner(), b))
	s.now = s.now.Add(2 * time.Hour)
	assert.ErrorIs(t, s.apply(s.owner(), s.bundle(3)), policy.ErrBundleKey, "the key has ended")
	live, err := s.x.Digest()
	require.NoError(t, err)
	require.NoError(t, s.x.Close())

	entries := entriesOf(t, s.cfg.Dir)
	var payload struct {
		Body struct {
			Version   int    `json:"version"`
			Digest    string `json:"digest"`
			Signature struct {
				Key   uint32 `json:"key"`
				Value []byte `json:"value"`
			} `json:"signature"`
		} `json:"body"`
	}
	require.NoError(t, json.Unmarshal(entries[len(entries)-1].Payload, &payload))
	assert.Equal(t, 2, payload.Body.Version)
	assert.Equal(t, fmt.Sprintf("%x", b.Digest), payload.Body.Digest)
	assert.Equal(t, b.Key, payload.Body.Signature.Key)
	assert.Equal(t, b.Signature[:], payload.Body.Signature.Value)

	s.open()
	again, err := s.x.Digest()
	require.NoError(t, err)
	assert.Equal(t, live, again)
	assert.Equal(t, 2, s.version())
}

// Rules that were written into the ledger past the exchange count for nothing.
func TestForgedRulesDoNotCount(t *testing.T) {
	for name, forge := range map[string]func(string) string{
		"without a signature": func(text string) string {
			from := strings.Index(text, `,"signature"`)
			return text[:from] + text[strings.Index(text[from:], "}")+from+1:]
		},
		"with another's": func(text string) string { return strings.Replace(text, `"value":"`, `"value":"AAAA`, 1) },
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			s := newSigning(t)
			require.NoError(t, s.pin(s.owner(), true, time.Time{}))
			require.NoError(t, s.apply(s.owner(), s.bundle(2)))
			require.NoError(t, s.x.Close())
			store := ledger.NewMemoryStore()
			log, err := ledger.Open(t.Context(), store, nil)
			require.NoError(t, err)
			for _, e := range entriesOf(t, s.cfg.Dir) {
				text := string(e.Payload)
				if strings.Contains(text, `"signature"`) {
					text = forge(text)
					require.True(t, json.Valid([]byte(text)), text)
				}
				_, err := log.Append(t.Context(), ledger.Append{Stream: e.Stream, Type: e.Type, Key: e.Key, Subjects: e.Subjects, Time: e.Claimed, Payload: []byte(text)})
				require.NoError(t, err)
			}
			_, err = csss.Open(t.Context(), csss.Config{Store: store})
			var broken *csss.RulesError
			require.ErrorAs(t, err, &broken)
			assert.Equal(t, 2, broken.Version)
			assert.ErrorContains(t, err, "does not count")
		})
	}
}

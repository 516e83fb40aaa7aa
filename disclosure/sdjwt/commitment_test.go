package sdjwt_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

func fields(n int) map[string]any {
	all := map[string]any{}
	for i := range n {
		all[fmt.Sprintf("field %d", i)] = map[string]any{"value": strings.Repeat("x", i), "unit": "h"}
	}
	return all
}

func TestCommitmentShowsOnlyItsSlots(t *testing.T) {
	signer := newKey(t)
	var sizes []int
	for _, n := range []int{0, 1, 10, sdjwt.DefaultSlots} {
		c, err := sdjwt.Commit("session", fields(n), signer, nil)
		require.NoError(t, err)
		public, err := c.Present()
		require.NoError(t, err)
		shown := payload(t, public)
		assert.Len(t, shown, 3)
		assert.Len(t, shown["_sd"], sdjwt.DefaultSlots)
		assert.Equal(t, "session", shown["session"])
		sizes = append(sizes, len(public.Compact()))
	}
	assert.Len(t, slices.Compact(sizes), 1, "one size for any number of fields: %v", sizes)
}

// Colluding counterparties compare what they got.
func TestCommitmentsOfOneListingHaveNothingInCommon(t *testing.T) {
	signer := newKey(t)
	seen := map[string]bool{}
	for session := range 20 {
		c, err := sdjwt.Commit(fmt.Sprintf("session %02d", session), fields(3), signer, nil)
		require.NoError(t, err)
		for _, digest := range payload(t, c)["_sd"].([]any) {
			assert.False(t, seen[digest.(string)])
			seen[digest.(string)] = true
		}
		for _, d := range strings.Split(c.Compact(), "~")[1:4] {
			assert.False(t, seen[d], "a disclosure of two sessions")
			seen[d] = true
		}
	}
}

func TestOpenGivesWhatWasCommitted(t *testing.T) {
	signer, now := newES256(t), time.Unix(1_700_000_000, 0)
	c, err := sdjwt.Commit("session", map[string]any{"price": 120, "machine": "Makino"}, signer, &sdjwt.CommitOptions{Expires: now.Add(time.Hour)})
	require.NoError(t, err)
	logged := c.Digest()

	before, err := c.Present()
	require.NoError(t, err)
	o := &sdjwt.VerifyOptions{Now: now, Types: []string{"ignored"}, Require: []string{"ignored"}}
	shown, err := sdjwt.Open(before.Compact(), logged, "session", signer.Public(), o)
	require.NoError(t, err)
	assert.Empty(t, shown)

	after, err := c.Present("/price")
	require.NoError(t, err)
	shown, err = sdjwt.Open(after.Compact(), logged, "session", signer.Public(), o)
	require.NoError(t, err)
	assert.JSONEq(t, `{"price":120}`, asJSON(t, shown))

	_, err = sdjwt.Open(after.Compact(), logged, "session", signer.Public(), &sdjwt.VerifyOptions{Now: now.Add(time.Hour)})
	assert.ErrorIs(t, err, sdjwt.ErrTime)
	_, err = sdjwt.Open(after.Compact(), logged, "session", newKey(t).Public(), o)
	assert.ErrorIs(t, err, sdjwt.ErrAlgorithm)
	_, err = sdjwt.Open(after.Compact(), disclosure.Digest{}, "session", signer.Public(), o)
	assert.ErrorIs(t, err, sdjwt.ErrCommitment)

	another, err := sdjwt.Issue(map[string]any{"session": "session", "price": 99}, signer, nil)
	require.NoError(t, err)
	_, err = sdjwt.Open(another.Compact(), another.Digest(), "session", signer.Public(), o)
	assert.ErrorIs(t, err, sdjwt.ErrType, "another token of the signer is no commitment")
}

func TestCommitRefuses(t *testing.T) {
	signer := newKey(t)
	for name, want := range map[string]error{"session": sdjwt.ErrClaims, "exp": sdjwt.ErrClaims, "": sdjwt.ErrClaims, "_sd": sdjwt.ErrClaims, "...": sdjwt.ErrClaims} {
		_, err := sdjwt.Commit("session", map[string]any{name: 1}, signer, nil)
		assert.ErrorIs(t, err, want, "%q", name)
	}
	_, err := sdjwt.Commit("", nil, signer, nil)
	assert.ErrorIs(t, err, sdjwt.ErrClaims)
	_, err = sdjwt.Commit("session", fields(sdjwt.DefaultSlots+1), signer, nil)
	assert.ErrorIs(t, err, sdjwt.ErrLimit)
	_, err = sdjwt.Commit("session", fields(3), signer, &sdjwt.CommitOptions{Slots: 2})
	assert.ErrorIs(t, err, sdjwt.ErrLimit)
}

func benchmarkFields() map[string]any {
	all := map[string]any{}
	for _, name := range []string{"legal_name", "street", "city", "contact", "email", "phone", "machine", "hours", "rate", "documents"} {
		all[name] = "a value of ordinary length"
	}
	return all
}

func BenchmarkOpenTenFields(b *testing.B) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b, err)
	c, err := sdjwt.Commit("session", benchmarkFields(), key, nil)
	require.NoError(b, err)
	text, digest := c.Compact(), c.Digest()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sdjwt.Open(text, digest, "session", key.Public(), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// What of the above is the signature.
func BenchmarkSignatureAlone(b *testing.B) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b, err)
	message := make([]byte, 2100)
	signature := ed25519.Sign(key, message)
	for b.Loop() {
		if !ed25519.Verify(public, message, signature) {
			b.Fatal("does not verify")
		}
	}
}

func BenchmarkCommitTenFields(b *testing.B) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b, err)
	all := benchmarkFields()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sdjwt.Commit("session", all, key, nil); err != nil {
			b.Fatal(err)
		}
	}
}

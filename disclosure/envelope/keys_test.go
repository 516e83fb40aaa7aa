package envelope_test

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/mlkem"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
)

func TestPublicKeysComeBackFromTheirText(t *testing.T) {
	seen := map[disclosure.Digest]bool{}
	for _, suite := range []envelope.Suite{envelope.X25519, envelope.MLKEM768X25519} {
		private, err := envelope.GenerateKey(suite)
		require.NoError(t, err)
		k := private.Public()
		assert.Equal(t, suite, k.Suite())
		text := k.String()
		back, err := envelope.ParsePublicKey(text)
		require.NoError(t, err)
		assert.Equal(t, k.Fingerprint(), back.Fingerprint())
		data, err := json.Marshal(envelope.Holders{Party: k})
		require.NoError(t, err)
		var h envelope.Holders
		require.NoError(t, json.Unmarshal(data, &h))
		assert.Equal(t, text, h.Party.String())
		assert.True(t, h.Employer.IsZero())
		assert.False(t, seen[k.Fingerprint()])
		seen[k.Fingerprint()] = true

		for _, wrong := range []string{
			"", ":", text[1:], text[:len(text)-1], text + "A", text + "\n", text + "=", strings.ToUpper(text), " " + text,
			strings.Replace(text, suite.String(), "p256", 1), suite.String() + ":", "x25519:" + strings.Repeat("A", 42) + "B",
		} {
			_, err := envelope.ParsePublicKey(wrong)
			assert.True(t, err == envelope.ErrEncoding, "%.40q", wrong)
		}
	}
	assert.Zero(t, envelope.PublicKey{}.String())
	assert.Zero(t, envelope.PublicKey{}.Suite())
	assert.Zero(t, envelope.PublicKey{}.Fingerprint())
	assert.True(t, envelope.PrivateKey{}.Public().IsZero())
}

// Text of one suite is never a key of another, though both are bytes.
func TestTheHybridIsTheDefault(t *testing.T) {
	k, err := envelope.GenerateKey(0)
	require.NoError(t, err)
	assert.Equal(t, envelope.MLKEM768X25519, k.Public().Suite())
	_, err = envelope.GenerateKey(7)
	assert.EqualError(t, err, "disclosure: suite must be mlkem768x25519 or x25519")
	assert.Equal(t, "suite 0x0007", envelope.Suite(7).String())
}

// Private keys are kept by their bytes, and may live in parts that a device holds.
func TestPrivateKeysAreTakenFromElsewhere(t *testing.T) {
	r := newRing(t, envelope.MLKEM768X25519)
	raw, err := r[0].Open().Bytes()
	require.NoError(t, err)
	stored, err := hpke.MLKEM768X25519().NewPrivateKey(raw)
	require.NoError(t, err)
	r[0], err = envelope.NewPrivateKey(stored)
	require.NoError(t, err)

	pq, err := mlkem.GenerateKey768()
	require.NoError(t, err)
	classical, err := ecdh.X25519().GenerateKey(nil)
	require.NoError(t, err)
	parts, err := hpke.NewHybridPrivateKey(pq, classical)
	require.NoError(t, err)
	r[1], err = envelope.NewPrivateKey(parts)
	require.NoError(t, err)

	token, err := hpke.NewDHKEMPrivateKey(classical)
	require.NoError(t, err)
	r[2], err = envelope.NewPrivateKey(token)
	require.NoError(t, err)

	got, err := r.open(t.Context(), r.seal(t, plain, scope), scope)
	require.NoError(t, err)
	assert.True(t, plain == got.Open())

	foreign, err := hpke.MLKEM768().GenerateKey()
	require.NoError(t, err)
	for _, wrong := range []hpke.PrivateKey{nil, foreign} {
		_, err = envelope.NewPrivateKey(wrong)
		assert.ErrorIs(t, err, disclosure.ErrInvalid)
	}
}

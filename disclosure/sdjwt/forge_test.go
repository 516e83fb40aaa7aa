package sdjwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func newKey(t testing.TB) ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key
}

func newES256(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// sign makes a JWT of any text, with none of the care that the package takes.
func sign(t testing.TB, signer crypto.Signer, header, payload string) string {
	message := encode(header) + "." + encode(payload)
	var signature []byte
	switch signer := signer.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(signer, []byte(message))
	case *ecdsa.PrivateKey:
		hash := sha256.Sum256([]byte(message))
		r, s, err := ecdsa.Sign(rand.Reader, signer, hash[:])
		require.NoError(t, err)
		signature = joined(r, s)
	}
	return message + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func joined(r, s *big.Int) []byte {
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature
}

func digest(text string) string {
	hash := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

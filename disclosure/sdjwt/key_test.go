package sdjwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

func TestJWKIsTheFormThatThumbprintsHash(t *testing.T) {
	// RFC 8037, appendices A.1 to A.3.
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	require.NoError(t, err)
	text, err := sdjwt.MarshalJWK(ed25519.NewKeyFromSeed(seed).Public())
	require.NoError(t, err)
	hash := sha256.Sum256(text)
	assert.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", base64.RawURLEncoding.EncodeToString(hash[:]))
}

func TestJWKRoundTrip(t *testing.T) {
	for range 20 { // coordinates of P-256 have leading zeros now and then
		for _, signer := range []crypto.Signer{newKey(t), newES256(t)} {
			text, err := sdjwt.MarshalJWK(signer.Public())
			require.NoError(t, err)
			key, err := sdjwt.ParseJWK(text)
			require.NoError(t, err)
			assert.Equal(t, signer.Public(), key)
		}
	}
}

func TestKeysOfOtherKindsAreRefused(t *testing.T) {
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	token := compact(sign(t, seededKey(1), plainHeader, `{}`))
	for _, key := range []crypto.PublicKey{nil, "text", large.Public(), &rsa.PublicKey{}, ed25519.PublicKey("short"), (*ecdsa.PublicKey)(nil), &ecdsa.PublicKey{}, seededKey(1)} {
		_, err := sdjwt.MarshalJWK(key)
		assert.ErrorIs(t, err, sdjwt.ErrKey)
		_, err = sdjwt.Verify(token, key, nil)
		assert.ErrorIs(t, err, sdjwt.ErrKey)
	}
	for _, text := range []string{
		`{}`, `{"kty":"oct","k":"x"}`, `{"kty":"OKP","crv":"X25519","x":"` + encode(strings.Repeat("x", 32)) + `"}`,
		`{"kty":"EC","crv":"P-256","x":"` + encode(strings.Repeat("x", 32)) + `","y":"` + encode(strings.Repeat("y", 32)) + `"}`,
	} {
		_, err := sdjwt.ParseJWK([]byte(text))
		assert.ErrorIs(t, err, sdjwt.ErrKey, text)
	}
}

func TestSignaturesOfES256HaveOneLength(t *testing.T) {
	key := newES256(t)
	token := sign(t, key, `{"alg":"ES256","typ":"sd-jwt"}`, `{}`)
	_, err := sdjwt.Verify(compact(token), key.Public(), nil)
	require.NoError(t, err)
	body := token[:strings.LastIndex(token, ".")+1]
	signature, err := base64.RawURLEncoding.DecodeString(token[len(body):])
	require.NoError(t, err)
	require.Len(t, signature, 64)
	for _, bad := range [][]byte{nil, signature[:63], append(bytes.Clone(signature), 0), append([]byte{0}, signature...), make([]byte, 64)} {
		_, err := sdjwt.Verify(compact(body+base64.RawURLEncoding.EncodeToString(bad)), key.Public(), nil)
		assert.ErrorIs(t, err, sdjwt.ErrSignature)
	}
}

// A key that the token brings along proves nothing.
func TestKeysInHeadersAreIgnored(t *testing.T) {
	issuer, thief := newKey(t), newKey(t)
	jwk, err := sdjwt.MarshalJWK(thief.Public())
	require.NoError(t, err)
	token := sign(t, thief, `{"alg":"EdDSA","typ":"sd-jwt","jwk":`+string(jwk)+`}`, `{}`)
	_, err = sdjwt.Verify(compact(token), issuer.Public(), nil)
	assert.ErrorIs(t, err, sdjwt.ErrSignature)
}

func TestTextsThatAreNoSDJWT(t *testing.T) {
	token := sign(t, seededKey(1), plainHeader, `{}`)
	for _, text := range []string{
		"", "~", "~~", token, "a" + token + "~", token + "~~", token + "~x~", token + "~ ~", token + ".x~", token + "~" + token[:20],
		compact(sign(t, seededKey(1), plainHeader, `[]`)), compact(sign(t, seededKey(1), `{"typ":"sd-jwt"}`, `{}`)),
		compact(sign(t, seededKey(1), plainHeader, `{} {}`)), compact(sign(t, seededKey(1), plainHeader, ``)),
		compact(sign(t, seededKey(1), plainHeader, `{"a":"\ud800"}`)), compact(sign(t, seededKey(1), `{"alg":"EdDSA","typ":1}`, `{}`)),
	} {
		_, err := sdjwt.Parse(text)
		assert.ErrorIs(t, err, sdjwt.ErrMalformed, "%q", text)
		_, err = sdjwt.ParseJSON([]byte(text))
		assert.ErrorIs(t, err, sdjwt.ErrMalformed, "%q", text)
	}
}

func TestManyMayUseOneToken(t *testing.T) {
	signer := newKey(t)
	s, err := sdjwt.Issue(map[string]any{"a": map[string]any{"b": 1}, "c": []int{1, 2}}, signer, &sdjwt.IssueOptions{Disclosable: []string{"/a", "/a/b", "/c/*"}})
	require.NoError(t, err)
	text := s.Compact()
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				claims, err := s.Verify(signer.Public(), nil)
				assert.NoError(t, err)
				claims["a"].(map[string]any)["b"] = "mine" // what is returned belongs to the caller
				claims["c"].([]any)[0] = "mine"
				_, err = s.Present("/a/b", "/c/1")
				assert.NoError(t, err)
				assert.Equal(t, text, s.Compact())
			}
		})
	}
	wait.Wait()
	claims, err := s.Verify(signer.Public(), nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"a":{"b":1},"c":[1,2]}`, asJSON(t, claims))
}

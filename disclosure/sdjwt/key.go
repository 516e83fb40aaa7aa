package sdjwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"
)

const coordinate = 32 // bytes of a coordinate of P-256

// algorithms returns the names that a header may give to signatures of a key, the one we write first. A key that
// serves two algorithms would let the sender choose; see RFC 8725, 3.1.
func algorithms(key crypto.PublicKey) ([]string, error) {
	switch key := key.(type) {
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return []string{"EdDSA", "Ed25519"}, nil // RFC 8037, RFC 9864
		}
	case *ecdsa.PublicKey:
		if key != nil && key.Curve == elliptic.P256() {
			return []string{"ES256"}, nil
		}
	}
	return nil, fmt.Errorf("%w: want Ed25519 or P-256", ErrKey)
}

// verifySignature reports whether signature is key's, which algorithms has accepted.
func verifySignature(key crypto.PublicKey, message, signature []byte) bool {
	if key, ok := key.(ed25519.PublicKey); ok {
		return ed25519.Verify(key, message, signature)
	}
	if len(signature) != 2*coordinate { // a longer one would have leading bytes that nobody reads
		return false
	}
	hash := sha256.Sum256(message)
	r, s := new(big.Int).SetBytes(signature[:coordinate]), new(big.Int).SetBytes(signature[coordinate:])
	return ecdsa.Verify(key.(*ecdsa.PublicKey), hash[:], r, s)
}

// signMessage signs as RFC 7518 and RFC 8037 say. The signer may be a token or a service.
func signMessage(signer crypto.Signer, message []byte) ([]byte, error) {
	if _, ok := signer.Public().(ed25519.PublicKey); ok {
		return signer.Sign(rand.Reader, message, crypto.Hash(0))
	}
	hash := sha256.Sum256(message)
	der, err := signer.Sign(rand.Reader, hash[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &pair)
	if err != nil || len(rest) > 0 || !isScalar(pair.R) || !isScalar(pair.S) {
		return nil, fmt.Errorf("%w: signer returned no ECDSA signature", ErrKey)
	}
	signature := make([]byte, 2*coordinate)
	pair.R.FillBytes(signature[:coordinate])
	pair.S.FillBytes(signature[coordinate:])
	return signature, nil
}

func isScalar(n *big.Int) bool { return n.Sign() > 0 && n.BitLen() <= 8*coordinate }

// jwkOf returns the JSON Web Key, RFC 7517, of an Ed25519 or P-256 public key.
func jwkOf(key crypto.PublicKey) (map[string]any, error) {
	if _, err := algorithms(key); err != nil {
		return nil, err
	}
	if key, ok := key.(ed25519.PublicKey); ok {
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encodeText(key)}, nil
	}
	point, err := key.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: not a point of P-256", ErrKey)
	}
	x, y := point[1:1+coordinate], point[1+coordinate:] // behind the byte that says "uncompressed"
	return map[string]any{"kty": "EC", "crv": "P-256", "x": encodeText(x), "y": encodeText(y)}, nil
}

// MarshalJWK returns the JSON Web Key of an Ed25519 or P-256 public key, with sorted names and without space, which
// is the form RFC 7638 hashes. It fails with [ErrKey].
func MarshalJWK(key crypto.PublicKey) ([]byte, error) {
	jwk, err := jwkOf(key)
	if err != nil {
		return nil, err
	}
	return appendJSON(nil, jwk), nil
}

// ParseJWK reads the public JSON Web Key of an Ed25519 or P-256 key. A private one is refused, since it has no
// business where public keys travel. It fails with [ErrMalformed] or [ErrKey].
func ParseJWK(data []byte) (crypto.PublicKey, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, MaxSize)
	}
	jwk, err := decodeObject(data)
	if err != nil {
		return nil, err
	}
	return parseJWK(jwk)
}

func parseJWK(jwk map[string]any) (crypto.PublicKey, error) {
	if jwk["d"] != nil { // check: a JWK is public
		return nil, fmt.Errorf("%w: a private key", ErrKey)
	}
	x, err := member(jwk, "x")
	if err != nil {
		return nil, err
	}
	switch {
	case jwk["kty"] == "OKP" && jwk["crv"] == "Ed25519":
		return ed25519.PublicKey(x), nil
	case jwk["kty"] == "EC" && jwk["crv"] == "P-256":
		y, err := member(jwk, "y")
		if err != nil {
			return nil, err
		}
		return parsePoint(x, y)
	}
	return nil, fmt.Errorf("%w: want Ed25519 or P-256", ErrKey)
}

func parsePoint(x, y []byte) (crypto.PublicKey, error) {
	const uncompressed = 4
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{uncompressed}, x...), y...))
	if err != nil {
		return nil, fmt.Errorf("%w: not a point of P-256", ErrKey)
	}
	return key, nil
}

// member decodes the 32 bytes of a member of a key.
func member(jwk map[string]any, name string) ([]byte, error) {
	text, _ := jwk[name].(string)
	data, err := decodeText(text)
	if err != nil || len(data) != coordinate { // check: a JWK has 32 bytes
		return nil, fmt.Errorf("%w: member %s has not 32 bytes", ErrKey, name)
	}
	return data, nil
}

func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

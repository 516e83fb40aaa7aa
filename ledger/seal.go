package ledger

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Header and payload of an entry are sealed with AES-256-GCM under two different
// keys and one random nonce of 96 bits, which stands before the sealed header.
// The salts of the two commitments are stored nowhere: each is derived from the
// nonce under a key that hangs on the same secret as the sealing key, so that
// what destroys the key destroys plaintext and salt at once, and a guess can no
// longer be tried. One key seals at most 2³² entries or so (NIST SP 800-38D, 8.3:
// random nonces).
const (
	payloadDomain = "csss/commit/v1"
	nonceSize     = 12
	tagSize       = 16
	saltSize      = 32
)

// sealer seals under one secret. It is built once per key and used by any number
// of goroutines.
type sealer struct {
	aead cipher.AEAD
	salt cipher.Block
}

func newSealer(secret []byte) *sealer {
	h := hmac.New(sha256.New, secret)
	seal, salt := mac(h, "seal"), mac(h, "salt")
	return &sealer{aead: gcm(seal[:]), salt: block(salt[:])}
}

// commitment is SHA-256(domain ‖ salt ‖ length ‖ plaintext).
func commitment(salt *Hash, plain []byte) Hash { return new(scratch).commitment(salt, plain) }

func (s *scratch) commitment(salt *Hash, plain []byte) (h Hash) {
	s.buf = append(s.buf[:0], payloadDomain...)
	s.buf = append(s.buf, salt[:]...)
	s.buf = binary.BigEndian.AppendUint64(s.buf, uint64(len(plain)))
	if len(plain) <= 2048 {
		s.buf = append(s.buf, plain...)
		return sha256.Sum256(s.buf)
	}
	d := sha256.New()
	d.Write(s.buf)
	d.Write(plain)
	d.Sum(h[:0])
	return h
}

var payloadAAD = []byte(payloadDomain)

// payload seals a payload behind dst and returns its commitment.
func (k *sealer) payload(s *scratch, dst, nonce, plain []byte) ([]byte, Hash) {
	return k.aead.Seal(dst, nonce, plain, payloadAAD), s.commitment(s.saltOf(k.salt, nonce), plain)
}

// openPayload undoes payload behind dst.
func (k *sealer) openPayload(s *scratch, dst, nonce, sealed []byte, commit *Hash) (salt *Hash, plain []byte, what string) {
	if len(sealed) < tagSize {
		return nil, nil, "ciphertext does not open"
	}
	plain, err := k.aead.Open(dst, nonce, sealed, payloadAAD)
	if err != nil {
		return nil, nil, "ciphertext does not open"
	}
	salt = s.saltOf(k.salt, nonce)
	if s.commitment(salt, plain[len(dst):]) != *commit {
		return nil, nil, "commitment in the leaf does not hold"
	}
	return salt, plain, ""
}

// checkPayload is openPayload where nobody wants the plaintext: it is opened where
// it is hashed.
func (k *sealer) checkPayload(s *scratch, nonce, sealed []byte, commit *Hash) (what string) {
	if len(sealed) < tagSize {
		return "ciphertext does not open"
	}
	const front = len(payloadDomain) + saltSize + 8
	s.plain = append(slices.Grow(s.plain[:0], front+len(sealed)), payloadDomain...)
	s.plain = append(s.plain, s.saltOf(k.salt, nonce)[:]...)
	s.plain = binary.BigEndian.AppendUint64(s.plain, uint64(len(sealed)-tagSize))
	input, err := k.aead.Open(s.plain, nonce, sealed, payloadAAD)
	if err != nil {
		return "ciphertext does not open"
	}
	if sha256.Sum256(input) != *commit {
		return "commitment in the leaf does not hold"
	}
	return ""
}

// header seals an encoded header in place, bound to the leaf it belongs to. b is
// the nonce and the header, with room for the tag behind.
func (k *sealer) header(b []byte, leafHash *Hash) []byte {
	return k.aead.Seal(b[:nonceSize], b[:nonceSize], b[nonceSize:], leafHash[:])
}

// openHeader undoes header behind dst. It returns nonce and plaintext; that it
// opens proves that header and leaf were made together.
func (k *sealer) openHeader(dst, sealed []byte, leafHash *Hash) (nonce, plain []byte, ok bool) {
	if len(sealed) < nonceSize+tagSize {
		return nil, nil, false
	}
	nonce = sealed[:nonceSize:nonceSize]
	plain, err := k.aead.Open(dst, nonce, sealed[nonceSize:], leafHash[:])
	return nonce, plain, err == nil
}

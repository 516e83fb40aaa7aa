package envelope_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hpke"
	"crypto/subtle"
	"encoding/binary"
	"math"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
)

// All three shares give the key; the sum of any one or two of them agrees with
// it in half of the bits, at each of its 256 places. A split that reused a share,
// or gave away the key where a share is missing, is off by hundreds of sigmas.
func TestTwoSharesAreIndependentOfTheKey(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1) // so that chance never fails it
	const splits = 20_000
	limit := 6 * math.Sqrt(splits) / 2
	var ones [8][256]int // by subset of shares and place
	for range splits {
		shares, key := envelope.Split()
		for subset := range ones {
			sum := [32]byte(key)
			for i := range shares {
				if subset>>i&1 == 1 {
					subtle.XORBytes(sum[:], sum[:], shares[i][:])
				}
			}
			for place := range 256 {
				ones[subset][place] += int(sum[place/8] >> (place % 8) & 1)
			}
		}
	}
	for subset := range ones {
		for place, n := range ones[subset] {
			if subset == 7 {
				assert.Zero(t, n, "three shares are the key")
			} else {
				assert.InDelta(t, splits/2, n, limit, "shares %03b, bit %d", subset, place)
			}
		}
	}
}

// A holder can send any third share, and so make any data key. All but the right
// one are refused.
func TestAThirdShareMadeUpIsRefused(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	s := r.shares(t, e, scope)
	for bit := range 256 {
		forged, err := envelope.OpenShare(t.Context(), e, scope, envelope.Operator, openerFunc(func(q envelope.Request) ([]byte, error) {
			value, err := r[2].OpenShare(t.Context(), q)
			value[bit/8] ^= 1 << (bit % 8)
			return value, err
		}))
		require.NoError(t, err)
		_, err = envelope.Combine(e, scope, s[0], s[1], forged)
		assert.True(t, err == envelope.ErrRefused)
	}
}

// Holders who put their shares together know the data key, and can encrypt
// another identity under it. The digest holds them to the first.
func TestAllHoldersTogetherCannotChangeTheIdentity(t *testing.T) {
	r := newRing(t, envelope.X25519)
	e := r.seal(t, plain, scope)
	var key [32]byte
	var shares []envelope.Share
	for i, role := range all {
		share, err := envelope.OpenShare(t.Context(), e, scope, role, openerFunc(func(q envelope.Request) ([]byte, error) {
			value, err := r[i].OpenShare(t.Context(), q)
			subtle.XORBytes(key[:], key[:], value)
			return value, err
		}))
		require.NoError(t, err)
		shares = append(shares, share)
	}
	c, err := aes.NewCipher(key[:])
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(c)
	require.NoError(t, err)
	b, aad := e.Bytes(), payloadAAD(e.Digest(), scope)
	head, payload := b[:len(b)-1024-28], b[len(b)-1024-28:]
	block, err := aead.Open(nil, nil, payload, aad)
	require.NoError(t, err, "the key is the key")
	for name, change := range map[string]func([]byte){
		"nothing": func([]byte) {},
		"name":    func(b []byte) { copy(b[bytes.Index(b, []byte("Holloway")):], "Hallaway") },
		"salt":    func(b []byte) { b[0] ^= 1 },
		"padding": func(b []byte) { b[1023] = 1 },
	} {
		other := bytes.Clone(block)
		change(other)
		forged, err := envelope.Parse(aead.Seal(bytes.Clone(head), nil, other, aad))
		require.NoError(t, err)
		_, err = envelope.Combine(forged, scope, shares...)
		if name == "nothing" {
			assert.NoError(t, err)
		} else {
			assert.True(t, err == envelope.ErrRefused, name)
		}
	}
}

type openerFunc func(envelope.Request) ([]byte, error)

func (f openerFunc) OpenShare(_ context.Context, r envelope.Request) ([]byte, error) { return f(r) }

// Who seals without this package can put into a block what he likes. What
// cannot be read, or hides more than it shows, is refused.
func TestAMalformedBlockIsRefused(t *testing.T) {
	r := newRing(t, envelope.X25519)
	text := `{"legal_name":"` + canary + `"}`
	write := func(length int, text string, last byte) []byte {
		block := make([]byte, 1024)
		binary.BigEndian.PutUint32(block[32:], uint32(length))
		copy(block[36:], text)
		block[1023] = last
		return block
	}
	for name, block := range map[string][]byte{
		"sound":                 write(len(text), text, 0),
		"something in the rest": write(len(text), text, 1),
		"longer than the block": write(1024-36+1, text, 0),
		"longer than memory":    write(1<<32-1, text, 0),
		"cut":                   write(len(text)-1, text, 0),
		"no JSON":               write(4, "name", 0),
	} {
		_, err := r.open(t.Context(), handmade(t, r, block), scope)
		if name == "sound" {
			assert.NoError(t, err)
		} else {
			assert.True(t, err == envelope.ErrRefused, name)
		}
	}
}

// handmade seals a block under the key of zeros, cut into shares of zeros.
func handmade(t *testing.T, r ring, block []byte) envelope.Envelope {
	var zero [32]byte
	digest := disclosure.Digest([]byte(sum("csss/disclosure/envelope/digest/v1\x00", scopeSum(scope), string(block))))
	b := append([]byte("csss-envelope-1\n"), digest[:]...)
	for i, role := range all {
		info := envelope.Request{Role: role, Envelope: digest, Scope: scope}.Info()
		sealed, err := hpke.Seal(r[i].Open().PublicKey(), hpke.HKDFSHA256(), hpke.AES256GCM(), info, zero[:])
		require.NoError(t, err)
		b = append(append(b, 0, 0x20), sealed...)
	}
	c, err := aes.NewCipher(zero[:])
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(c)
	require.NoError(t, err)
	e, err := envelope.Parse(aead.Seal(b, nil, block, payloadAAD(digest, scope)))
	require.NoError(t, err)
	return e
}

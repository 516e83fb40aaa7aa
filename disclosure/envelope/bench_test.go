package envelope_test

import (
	"crypto/ecdh"
	"crypto/hpke"
	"testing"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
)

var benched = []envelope.Suite{envelope.X25519, envelope.MLKEM768X25519}

func BenchmarkSeal(b *testing.B) {
	for _, suite := range benched {
		b.Run(suite.String(), func(b *testing.B) {
			r := newRing(b, suite)
			identity, holders := disclosure.NewIdentity(plain), r.holders()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := envelope.Seal(identity, holders, scope, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// All of the way to the identity: three shares and what they combine to.
func BenchmarkOpen(b *testing.B) {
	for _, suite := range benched {
		b.Run(suite.String(), func(b *testing.B) {
			r := newRing(b, suite)
			e := r.seal(b, plain, scope)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.open(b.Context(), e, scope); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCombine(b *testing.B) {
	r := newRing(b, envelope.X25519)
	e := r.seal(b, plain, scope)
	shares := r.shares(b, e, scope)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := envelope.Combine(e, scope, shares[:]...); err != nil {
			b.Fatal(err)
		}
	}
}

// The floor beside which the two above are read: three times HPKE of 32 bytes.
func BenchmarkPrimitives(b *testing.B) {
	kems := []hpke.KEM{hpke.DHKEM(ecdh.X25519()), hpke.MLKEM768X25519()}
	for i, kem := range kems {
		k, err := kem.GenerateKey()
		if err != nil {
			b.Fatal(err)
		}
		value, info := make([]byte, 32), make([]byte, 32)
		sealed, err := hpke.Seal(k.PublicKey(), hpke.HKDFSHA256(), hpke.AES256GCM(), info, value)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("seal/"+benched[i].String(), func(b *testing.B) {
			public := k.PublicKey()
			for b.Loop() {
				for range 3 {
					_, _ = hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), info, value)
				}
			}
		})
		b.Run("open/"+benched[i].String(), func(b *testing.B) {
			for b.Loop() {
				for range 3 {
					_, _ = hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), info, sealed)
				}
			}
		})
	}
}

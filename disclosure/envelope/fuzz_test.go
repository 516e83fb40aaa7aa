package envelope_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/deeperpoint/csss/disclosure/envelope"
)

// Whatever is accepted is canonical, shares no memory, and shreds to a husk.
func FuzzParse(f *testing.F) {
	var vectors []vector
	data, err := os.ReadFile(vectorFile)
	if err == nil {
		err = json.Unmarshal(data, &vectors)
	}
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		b, err := hex.DecodeString(v.Envelope)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add(append([]byte("csss-shredded-1\n"), bytes.Repeat([]byte{7}, 32)...))
	f.Add(append([]byte("csss-shredded-1\n"), make([]byte, 32)...))
	f.Add([]byte("csss-envelope-1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := envelope.Parse(b)
		if err != nil {
			if err != envelope.ErrEncoding || !e.IsZero() {
				t.Fatalf("refused as %v", err)
			}
			return
		}
		given := bytes.Clone(b)
		clear(b)
		if !bytes.Equal(e.Bytes(), given) {
			t.Fatal("not canonical")
		}
		digest := e.Digest()
		e.Shred()
		if husk, err := envelope.Parse(e.Bytes()); err != nil || !husk.Shredded() || husk.Digest() != digest {
			t.Fatalf("a husk does not come back: %v", err)
		}
	})
}

// A key that is accepted has one text, and sealing to it never panics.
func FuzzParsePublicKey(f *testing.F) {
	for _, suite := range []envelope.Suite{envelope.X25519, envelope.MLKEM768X25519} {
		k, err := envelope.GenerateKey(suite)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(k.Public().String())
	}
	f.Add("x25519:" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	r := newRing(f, envelope.X25519)
	share, err := envelope.OpenShare(f.Context(), r.seal(f, plain, scope), scope, envelope.Party, r[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := envelope.ParsePublicKey(text)
		if err != nil {
			return
		}
		if k.String() != text {
			t.Fatalf("two texts of one key: %q", text)
		}
		if _, err := share.HandTo(k); err != nil && err != envelope.ErrRefused {
			t.Fatal(err)
		}
	})
}

// What is received from a party is refused, whatever it is.
func FuzzReceive(f *testing.F) {
	r := newRing(f, envelope.X25519)
	e := r.seal(f, plain, scope)
	f.Add([]byte{})
	f.Add(e.Bytes()[48 : 48+82])
	f.Add([]byte{0x64, 0x7a})
	f.Fuzz(func(t *testing.T, handed []byte) {
		if _, err := envelope.Receive(t.Context(), e, scope, envelope.Party, handed, r[0]); err != envelope.ErrRefused {
			t.Fatalf("not refused: %v", err)
		}
	})
}

package envelope_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

const vectorFile = "testdata/vectors.json"

// A vector is an envelope that every later version must open.
type vector struct {
	Name     string                  `json:"name"`
	Suites   [3]envelope.Suite       `json:"suites"`
	Keys     [3]string               `json:"keys"` // private, hexadecimal
	Scope    envelope.Scope          `json:"scope"`
	Identity disclosure.IdentityData `json:"identity"`
	Digest   disclosure.Digest       `json:"digest"`
	Envelope string                  `json:"envelope"` // hexadecimal
}

func (v vector) ring(t *testing.T) (r ring) {
	for i, suite := range v.Suites {
		raw, err := hex.DecodeString(v.Keys[i])
		require.NoError(t, err)
		kem, err := hpke.NewKEM(uint16(suite))
		require.NoError(t, err)
		key, err := kem.NewPrivateKey(raw)
		require.NoError(t, err)
		r[i], err = envelope.NewPrivateKey(key)
		require.NoError(t, err)
	}
	return r
}

func makeVector(t *testing.T, name string, suites ...envelope.Suite) vector {
	cryptotest.SetGlobalRandom(t, uint64(len(name)))
	v := vector{Name: name, Suites: [3]envelope.Suite(suites), Scope: scope, Identity: plain}
	r := newRing(t, suites...)
	for i := range r {
		raw, err := r[i].Open().Bytes()
		require.NoError(t, err)
		v.Keys[i] = hex.EncodeToString(raw)
	}
	e := r.seal(t, v.Identity, v.Scope)
	v.Digest, v.Envelope = e.Digest(), hex.EncodeToString(e.Bytes())
	return v
}

func makeVectors(t *testing.T) []vector {
	const c, h = envelope.X25519, envelope.MLKEM768X25519
	return []vector{makeVector(t, "classical", c, c, c), makeVector(t, "hybrid", h, h, h), makeVector(t, "mixed", c, h, c)}
}

func goldenVectors(t *testing.T) (vectors []vector) {
	data, err := os.ReadFile(vectorFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &vectors))
	require.Len(t, vectors, 3)
	return vectors
}

func TestGoldenEnvelopesOpen(t *testing.T) {
	if *update {
		data, err := json.MarshalIndent(makeVectors(t), "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(vectorFile, append(data, '\n'), 0o644))
	}
	for _, v := range goldenVectors(t) {
		b, err := hex.DecodeString(v.Envelope)
		require.NoError(t, err)
		e, err := envelope.Parse(b)
		require.NoError(t, err)
		assert.Equal(t, b, e.Bytes())
		assert.Equal(t, v.Digest, e.Digest())
		got, err := v.ring(t).open(t.Context(), e, v.Scope)
		require.NoError(t, err, v.Name)
		assert.True(t, v.Identity == got.Open(), v.Name)
	}
}

// The random source is the test's, so sealing gives the same bytes again. How the
// standard library uses it may change with its version.
func TestGoldenEnvelopesAreSealedAgain(t *testing.T) {
	if !strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Skip("made with Go 1.26")
	}
	assert.Equal(t, goldenVectors(t), makeVectors(t))
}

// TestTheCommentIsTheFormat opens the vectors by the text of the package comment
// and the standard library, with nothing of the package.
func TestTheCommentIsTheFormat(t *testing.T) {
	for _, v := range goldenVectors(t) {
		b, err := hex.DecodeString(v.Envelope)
		require.NoError(t, err)
		rest, ok := strings.CutPrefix(string(b), "csss-envelope-1\n")
		require.True(t, ok)
		digest, rest := rest[:32], rest[32:]
		scope := scopeSum(v.Scope)
		var key [32]byte
		for i, suite := range v.Suites {
			require.Equal(t, uint16(suite), binary.BigEndian.Uint16([]byte(rest)))
			size := 80
			if suite == 0x647a {
				size = 1168
			}
			info := sum("csss/disclosure/envelope/share/v1\x00", string(byte(i+1)), digest, scope)
			share, err := hpke.Open(v.ring(t)[i].Open(), hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(info), []byte(rest[2:2+size]))
			require.NoError(t, err)
			require.Len(t, share, 32)
			for k := range key {
				key[k] ^= share[k]
			}
			rest = rest[2+size:]
		}
		c, err := aes.NewCipher(key[:])
		require.NoError(t, err)
		aead, err := cipher.NewGCM(c)
		require.NoError(t, err)
		block, err := aead.Open(nil, []byte(rest[:12]), []byte(rest[12:]), payloadAAD(v.Digest, v.Scope))
		require.NoError(t, err)
		assert.Len(t, block, 1024)
		assert.Equal(t, digest, sum("csss/disclosure/envelope/digest/v1\x00", scope, string(block)))
		n := binary.BigEndian.Uint32(block[32:])
		var d disclosure.IdentityData
		require.NoError(t, json.Unmarshal(block[36:36+n], &d))
		assert.True(t, v.Identity == d)
		assert.Equal(t, make([]byte, len(block)-36-int(n)), block[36+n:])
	}
}

func scopeSum(s envelope.Scope) string {
	return sum("csss/disclosure/envelope/scope/v1\x00", str(s.Listing), string(s.Schema[:]), string(s.Policy[:]), str(s.Session))
}

func payloadAAD(digest disclosure.Digest, s envelope.Scope) []byte {
	return []byte("csss/disclosure/envelope/payload/v1\x00" + string(digest[:]) + scopeSum(s))
}

// sum is SHA-256 over the parts.
func sum(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "")))
	return string(h[:])
}

// str is a string with its length before it.
func str(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }

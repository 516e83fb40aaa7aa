package checkpoint

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Signature types of c2sp.org/signed-note.
const (
	algEd25519     = 1
	algCosignature = 4
)

// ErrKey: a text is no key of a type that is known here (Ed25519, and
// timestamped Ed25519 cosignatures).
var ErrKey = errors.New("not a key of a known type")

// Key is a public key out of its vkey.
type Key struct {
	Name string
	Hash uint32
	Type byte // of the signature
	Pub  ed25519.PublicKey
}

// ParseKey reads a vkey in its one canonical form. Error: [ErrKey].
func ParseKey(vkey string) (Key, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	hash, err1 := strconv.ParseUint(hash16, 16, 32)
	raw, err2 := base64.StdEncoding.Strict().DecodeString(key64)
	if err1 != nil || err2 != nil || !validName(name) || len(raw) != 1+ed25519.PublicKeySize {
		return Key{}, ErrKey
	}
	k := Key{Name: name, Hash: uint32(hash), Type: raw[0], Pub: raw[1:]}
	if k.Type != algEd25519 && k.Type != algCosignature || k.String() != vkey || k.Hash != keyHash(name, raw) {
		return Key{}, ErrKey
	}
	return k, nil
}

// String is the vkey.
func (k Key) String() string {
	raw := append([]byte{k.Type}, k.Pub...)
	return fmt.Sprintf("%s+%08x+%s", k.Name, k.Hash, base64.StdEncoding.EncodeToString(raw))
}

// Cosigning is the same key for timestamped cosignatures, whose key hash differs.
func (k Key) Cosigning() Key {
	return Key{Name: k.Name, Hash: keyHash(k.Name, append([]byte{algCosignature}, k.Pub...)), Type: algCosignature, Pub: k.Pub}
}

// Timestamped reports whether the key's signatures are timestamped cosignatures.
func (k Key) Timestamped() bool { return k.Type == algCosignature }

// Verifier returns what package note verifies with.
func (k Key) Verifier() note.Verifier { return verifier{k} }

// NewVerifier is ParseKey and Verifier. Error: [ErrKey].
func NewVerifier(vkey string) (note.Verifier, error) {
	k, err := ParseKey(vkey)
	if err != nil {
		return nil, err
	}
	return k.Verifier(), nil
}

type verifier struct{ k Key }

func (v verifier) Name() string    { return v.k.Name }
func (v verifier) KeyHash() uint32 { return v.k.Hash }
func (v verifier) Verify(msg, sig []byte) bool {
	if !v.k.Timestamped() {
		return ed25519.Verify(v.k.Pub, msg, sig)
	}
	if len(sig) < 8 {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at <= math.MaxInt64 && ed25519.Verify(v.k.Pub, cosigned(at, msg), sig[8:])
}

// cosigned is the message of a timestamped cosignature.
func cosigned(at uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}

// CosignedAt returns the time in a timestamped cosignature, which the caller has
// verified.
func CosignedAt(s note.Signature) (time.Time, bool) {
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(raw) != 4+8+ed25519.SignatureSize {
		return time.Time{}, false
	}
	at := binary.BigEndian.Uint64(raw[4:])
	return time.Unix(int64(at), 0).UTC(), at <= math.MaxInt64
}

// Cosigner makes timestamped cosignatures.
type Cosigner struct {
	key  Key
	priv ed25519.PrivateKey
}

// NewCosigner reads a secret key as note.GenerateKey writes it, of either type.
// Error: [ErrKey].
func NewCosigner(skey string) (*Cosigner, error) {
	rest, ok := strings.CutPrefix(skey, "PRIVATE+KEY+")
	name, rest, _ := strings.Cut(rest, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	hash, err1 := strconv.ParseUint(hash16, 16, 32)
	raw, err2 := base64.StdEncoding.Strict().DecodeString(key64)
	if !ok || err1 != nil || err2 != nil || !validName(name) || len(raw) != 1+ed25519.SeedSize {
		return nil, ErrKey
	}
	priv := ed25519.NewKeyFromSeed(raw[1:])
	k := Key{Name: name, Type: raw[0], Pub: priv.Public().(ed25519.PublicKey)}
	k.Hash = keyHash(name, append([]byte{k.Type}, k.Pub...))
	if k.Type != algEd25519 && k.Type != algCosignature || k.Hash != uint32(hash) {
		return nil, ErrKey
	}
	return &Cosigner{key: k.Cosigning(), priv: priv}, nil
}

// Key is the public key of the cosignatures.
func (c *Cosigner) Key() Key { return c.key }

// Cosign returns the signature line over a checkpoint's note text. Times before
// 1970 count as 1970.
func (c *Cosigner) Cosign(text string, at time.Time) string {
	t := uint64(max(at.Unix(), 0))
	sig := binary.BigEndian.AppendUint64(nil, t)
	sig = append(sig, ed25519.Sign(c.priv, cosigned(t, []byte(text)))...)
	return Line(c.key.Name, c.key.Hash, sig)
}

func keyHash(name string, key []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write(key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// validName reports whether a name may stand in a note: not empty, without
// spaces and pluses.
func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsSpace) < 0 && !strings.Contains(name, "+")
}

// EmptyRoot is the root of a tree without leaves (RFC 6962, section 2.1).
func EmptyRoot() tlog.Hash { return sha256.Sum256(nil) }

package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

const keySize = 32

// tenant holds the keys derived from the one tenant key (HKDF-SHA-256, RFC
// 5869), each for one purpose.
type tenant struct {
	tags    []byte // HMAC key of position, key and subject tags
	headers []byte // seals headers
	payload []byte // mixed into every payload key
	wrap    []byte // wraps the subjects' data keys
}

func newTenant(master []byte) (t tenant) {
	for purpose, dst := range map[string]*[]byte{"tags": &t.tags, "headers": &t.headers, "payload": &t.payload, "wrap": &t.wrap} {
		k, err := hkdf.Key(sha256.New, master, nil, "csss/ledger/v1/"+purpose, keySize)
		if err != nil {
			panic(err) // only a length above 8160 bytes fails
		}
		*dst = k
	}
	return t
}

func mac(key []byte, domain string, parts ...[]byte) (h Hash) {
	m := hmac.New(sha256.New, key)
	m.Write(appendStr16(nil, domain))
	for _, p := range parts {
		m.Write(appendU64(nil, uint64(len(p))))
		m.Write(p)
	}
	m.Sum(h[:0])
	return h
}

func (t tenant) positionTag(stream string, version uint64) Hash {
	return mac(t.tags, "position", []byte(stream), appendU64(nil, version))
}

func (t tenant) keyTag(key string) Hash { return mac(t.tags, "key", []byte(key)) }

// subjectSecret is the name under which a subject's wrapped key is stored.
func (t tenant) subjectSecret(subject string) string {
	h := mac(t.tags, "subject", []byte(subject))
	return subjectPrefix + hex.EncodeToString(h[:])
}

// headerKey and payloadKey are the keys of one entry. The payload needs the data
// keys of all its subjects: destroy one, and the payload is gone.
func (t tenant) headerKey(index uint64) Hash {
	return mac(t.headers, "entry", appendU64(nil, index))
}

func (t tenant) payloadKey(index uint64, data [][]byte) Hash {
	return mac(t.payload, "entry", append([][]byte{appendU64(nil, index)}, data...)...)
}

// seal encrypts with AES-256-GCM under a random nonce, which comes first. The
// keys are one per entry, so nonces never meet the bound of one key.
func seal(key, plain, bound []byte) []byte {
	g := gcm(key)
	nonce := make([]byte, g.NonceSize(), g.NonceSize()+len(plain)+g.Overhead())
	rand.Read(nonce) // never fails: crypto/rand
	return g.Seal(nonce, nonce, plain, bound)
}

func unseal(key, sealed, bound []byte) ([]byte, bool) {
	g := gcm(key)
	if len(sealed) < g.NonceSize() {
		return nil, false
	}
	plain, err := g.Open(nil, sealed[:g.NonceSize()], sealed[g.NonceSize():], bound)
	return plain, err == nil
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key is 32 bytes by construction
	}
	g, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size GCM wants
	}
	return g
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand
	return b
}

// sealSalted seals salt ‖ plain and returns the salted commitment with it. The
// salt exists nowhere else, so destroying the key hides the plaintext for good.
func sealSalted(domain string, key, plain []byte) (sealed []byte, commit Hash) {
	salted := append(randomBytes(saltSize), plain...)
	return seal(key, salted, []byte(domain)), commitment(domain, salted[:saltSize], plain)
}

func unsealSalted(domain string, key, sealed []byte, commit Hash) (salt, plain []byte, what string) {
	salted, ok := unseal(key, sealed, []byte(domain))
	if !ok || len(salted) < saltSize {
		return nil, nil, "ciphertext does not open"
	}
	salt, plain = salted[:saltSize:saltSize], salted[saltSize:]
	if commitment(domain, salt, plain) != commit {
		return nil, nil, "commitment in the leaf does not hold"
	}
	return salt, plain, ""
}

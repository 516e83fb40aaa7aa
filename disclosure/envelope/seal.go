package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/deeperpoint/csss/disclosure"
)

const (
	saltSize     = 32
	headSize     = saltSize + 4
	keySize      = 32
	sealOverhead = 12 + 16 // nonce and tag
)

// blockSizes are the lengths that a padded identity can have, ascending.
var blockSizes = [...]int{1024, 4096, 16384, 65536}

// MaxIdentity is how many bytes the JSON of an identity may have.
const MaxIdentity = 65536 - headSize

// Holders are the keys that the shares are sealed to. All three are required and
// all are different: who holds two has but one other to ask.
type Holders struct {
	Party    PublicKey `json:"party"`
	Employer PublicKey `json:"employer"`
	Operator PublicKey `json:"operator"`
}

func (h Holders) of(r Role) PublicKey {
	return [...]PublicKey{h.Party, h.Employer, h.Operator}[r-Party]
}

func (h Holders) check() error {
	seen := map[disclosure.Digest]bool{}
	for r := Party; r <= Operator; r++ {
		key := h.of(r)
		if key.IsZero() {
			return &disclosure.FieldError{Field: "holders." + r.String(), Want: "a key"}
		}
		if seen[key.Fingerprint()] {
			return &disclosure.FieldError{Field: "holders." + r.String(), Want: "another key than the other holders'"}
		}
		seen[key.Fingerprint()] = true
	}
	return nil
}

// Options of [Seal]. The zero value and nil are the defaults.
type Options struct {
	// MinBlock is the least size of the padded identity: 1024, 4096, 16384
	// or 65536 bytes. A market where some identities are long sets it so that all
	// envelopes are equally long. Default 1024.
	MinBlock int
}

func (o *Options) minBlock() (int, error) {
	if o == nil || o.MinBlock == 0 {
		return blockSizes[0], nil
	}
	for _, size := range blockSizes {
		if o.MinBlock == size {
			return size, nil
		}
	}
	return 0, &disclosure.FieldError{Field: "options.min_block", Want: fmt.Sprintf("one of %v", blockSizes)}
}

// Seal puts an identity into an envelope for one scope that the three holders
// together can open. Sealing the same identity twice gives envelopes that have
// nothing in common.
//
// It fails with a [*disclosure.FieldError] if the scope, the holders or an
// option is malformed, a key is one that nobody can agree with, a field of
// the identity is not UTF-8, or its JSON is longer than [MaxIdentity]. Cost: three
// key encapsulations, 0.6 ms with hybrid keys.
func Seal(identity disclosure.Identity, holders Holders, scope Scope, o *Options) (Envelope, error) {
	e, _, err := SealChecked(identity, holders, scope, o)
	return e, err
}

// Checks tell whether opened shares are those that an envelope was sealed with,
// before all three have come together: see [Share.Check]. A check says nothing
// about its share.
type Checks struct {
	Party    disclosure.Digest `json:"party"`
	Employer disclosure.Digest `json:"employer"`
	Operator disclosure.Digest `json:"operator"`
}

// SealChecked is [Seal], and returns the checks of the shares. Whoever keeps them
// where the holders cannot change them need not wait for the last share to know
// that a holder's key, or its keeper, gave a false one.
func SealChecked(identity disclosure.Identity, holders Holders, scope Scope, o *Options) (Envelope, Checks, error) {
	if err := scope.check(); err != nil {
		return Envelope{}, Checks{}, err
	}
	if err := holders.check(); err != nil {
		return Envelope{}, Checks{}, err
	}
	block, err := padded(identity, o)
	if err != nil {
		return Envelope{}, Checks{}, err
	}
	defer clear(block)
	shares, key := split()
	defer clear(key)
	e := Envelope{name: scope.name(block)}
	aead, err := payloadCipher(key)
	if err != nil {
		return Envelope{}, Checks{}, err
	}
	e.payload = aead.Seal(nil, nil, block, scope.additional(e.name))
	var checks Checks
	for i, check := range []*disclosure.Digest{&checks.Party, &checks.Employer, &checks.Operator} {
		defer clear(shares[i][:])
		request := Request{Role: Party + Role(i), Envelope: e.name, Scope: scope}
		*check = checkOf(request, shares[i][:])
		if e.boxes[i], err = holders.of(request.Role).seal(request.Info(), shares[i][:]); err != nil {
			return Envelope{}, Checks{}, &disclosure.FieldError{Field: "holders." + request.Role.String(), Want: "a key to agree with"}
		}
	}
	return e, checks, nil
}

// checkOf hashes a share with what it is for. A share is 32 random bytes, so
// nobody finds it from there.
func checkOf(r Request, share []byte) disclosure.Digest {
	h := labelled(checkLabel)
	h.Write(r.Info())
	h.Write(share)
	return disclosure.Digest(h.Sum(nil))
}

// padded returns the block of an identity, with a fresh salt.
func padded(identity disclosure.Identity, o *Options) ([]byte, error) {
	size, err := o.minBlock()
	if err != nil {
		return nil, err
	}
	d := identity.Open()
	for _, field := range [...]string{d.LegalName, d.Contact, d.Email, d.Phone, d.Street, d.City, d.Site, d.Proof} {
		if !utf8.ValidString(field) { // JSON would replace what it cannot write
			return nil, &disclosure.FieldError{Field: "identity", Want: "UTF-8"}
		}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, &disclosure.FieldError{Field: "identity", Want: "fit for JSON"}
	}
	defer clear(text)
	if len(text) > MaxIdentity {
		return nil, &disclosure.FieldError{Field: "identity", Want: fmt.Sprintf("at most %d bytes of JSON", MaxIdentity)}
	}
	for _, next := range blockSizes {
		if size < headSize+len(text) {
			size = next
		}
	}
	block := make([]byte, size)
	_, _ = rand.Read(block[:saltSize]) // never fails
	binary.BigEndian.PutUint32(block[saltSize:], uint32(len(text)))
	copy(block[headSize:], text)
	return block, nil
}

// unpadded reads a block; the identity shares no memory with it.
func unpadded(block []byte) (disclosure.Identity, bool) {
	length := int64(binary.BigEndian.Uint32(block[saltSize:]))
	if length > int64(len(block)-headSize) {
		return disclosure.Identity{}, false
	}
	text, padding := block[headSize:headSize+length], block[headSize+length:]
	var d disclosure.IdentityData
	if len(bytes.Trim(padding, "\x00")) != 0 || json.Unmarshal(text, &d) != nil {
		return disclosure.Identity{}, false
	}
	return disclosure.NewIdentity(d), true
}

// split makes a data key and its three shares. Any two of them are uniformly
// random and independent of the key.
func split() (shares [roles][shareSize]byte, key []byte) {
	key = make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	_, _ = rand.Read(shares[0][:])
	_, _ = rand.Read(shares[1][:])
	subtle.XORBytes(shares[2][:], shares[0][:], shares[1][:])
	subtle.XORBytes(shares[2][:], shares[2][:], key)
	return shares, key
}

// payloadCipher returns AES-256-GCM under a data key.
func payloadCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// Key is a public key of a log, and the trees it may sign.
type Key struct {
	VerifierKey string `json:"verifier_key"` // a vkey of c2sp.org/signed-note

	// From is the size of the smallest tree it may sign: 0 for a key the log began
	// with, the first that holds the entry of the rotation for any other.
	From uint64 `json:"from,omitempty"`

	// Retired keys may sign trees up to the size Until, those that do not hold the
	// entry of the retirement.
	Retired bool   `json:"retired,omitempty"`
	Until   uint64 `json:"until,omitempty"`
}

func (k Key) signs(size uint64) bool { return size >= k.From && (!k.Retired || size <= k.Until) }

// StreamKeys is the stream of the entries that [Log.Rotate] and [Log.Retire]
// append, of the types [TypeKeyAdded] and [TypeKeyRetired]. [Log.Append] refuses
// all three.
const (
	StreamKeys     = "ledger/keys"
	TypeKeyAdded   = "key.added"
	TypeKeyRetired = "key.retired"
)

// Public attributes of those entries. Other entries may have no attribute whose
// name begins with publicReserved.
const (
	publicReserved = "ledger."
	publicKey      = "ledger.key"    // the vkey
	publicChange   = "ledger.change" // "add" or "retire"
	publicNumber   = "ledger.n"      // 1, 2, … without a hole
	publicSig      = "ledger.sig."   // and the key hash: signature of the statement
	changeAdd      = "add"
	changeRetire   = "retire"
)

// keyChange is one rotation or retirement as it stands in a leaf. The statement is
// signed by the keys that sign before it and, where a key is added, by that one:
// the old keys say whom to believe next, the new one that it is meant for this log.
type keyChange struct {
	n      uint64
	retire bool
	key    checkpoint.Key
	public map[string]string
}

const statementDomain = "csss/ledger/keys/v1"

// statement is what the keys sign: a note text, but none of a checkpoint, whose
// second line is a number and whose third line a hash.
func (c keyChange) statement() []byte {
	change := changeAdd
	if c.retire {
		change = changeRetire
	}
	return fmt.Appendf(nil, "%s\n%s\n%d\n%s\n%s\n", statementDomain, c.key.Name, c.n, change, c.key)
}

// attributes writes the change without its signatures.
func (c keyChange) attributes() map[string]string {
	change := changeAdd
	if c.retire {
		change = changeRetire
	}
	return map[string]string{publicKey: c.key.String(), publicChange: change, publicNumber: strconv.FormatUint(c.n, 10)}
}

func sigName(hash uint32) string { return fmt.Sprintf("%s%08x", publicSig, hash) }

var errNotAChange = errors.New("entry is no change of keys")

// parseChange accepts what attributes writes, with any signatures.
func parseChange(public map[string]string) (c keyChange, err error) {
	if c.key, err = checkpoint.ParseKey(public[publicKey]); err != nil {
		return c, errNotAChange
	}
	n, err := strconv.ParseUint(public[publicNumber], 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != public[publicNumber] || n == 0 {
		return c, errNotAChange
	}
	if change := public[publicChange]; change != changeAdd && change != changeRetire {
		return c, errNotAChange
	}
	c.n, c.retire, c.public = n, public[publicChange] == changeRetire, public
	return c, nil
}

// signedBy says whether a key has signed the change; the error is a signature of
// its own that does not verify.
func (c keyChange) signedBy(v note.Verifier) (bool, error) {
	text, ok := c.public[sigName(v.KeyHash())]
	if !ok {
		return false, nil
	}
	sig, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(sig) != text || !v.Verify(c.statement(), sig) {
		return false, errors.New("signature on the change of keys does not verify")
	}
	return true, nil
}

// keySet is the keys of a log, or of several, in the order they came.
type keySet struct {
	keys   []Key
	parsed []checkpoint.Key
	n      uint64 // number of the last change that was applied; 0: any may be next
	last   uint64 // its entry
}

func (s *keySet) clone() keySet {
	return keySet{keys: slices.Clone(s.keys), parsed: slices.Clone(s.parsed), n: s.n, last: s.last}
}

// trust adds a key without asking.
func (s *keySet) trust(k Key) error {
	p, err := checkpoint.ParseKey(k.VerifierKey)
	switch {
	case err != nil:
		return err
	case s.find(p) >= 0:
		return errors.New("key comes twice")
	}
	s.keys, s.parsed = append(s.keys, k), append(s.parsed, p)
	return nil
}

// find looks for a key of the same name and hash, by which signatures name it.
func (s *keySet) find(k checkpoint.Key) int {
	return slices.IndexFunc(s.parsed, func(o checkpoint.Key) bool { return o.Name == k.Name && o.Hash == k.Hash })
}

// known returns the keys that may sign the tree of a size of a log.
func (s *keySet) known(origin string, size uint64) (out []note.Verifier) {
	for i, k := range s.keys {
		if s.parsed[i].Name == origin && k.signs(size) {
			out = append(out, s.parsed[i].Verifier())
		}
	}
	return out
}

// apply takes in the change that an entry makes, if the keys that are trusted so
// far have signed it.
func (s *keySet) apply(public map[string]string, index uint64) error {
	c, err := parseChange(public)
	if err != nil {
		return err
	}
	if s.n > 0 && (c.n != s.n+1 || index <= s.last) {
		return errors.New("changes of keys are not in order")
	}
	believed := false
	for _, v := range s.known(c.key.Name, index) {
		by, err := c.signedBy(v)
		if err != nil {
			return err
		}
		believed = believed || by
	}
	if !believed {
		return errors.New("change of keys is not signed by a trusted key")
	}
	if c.retire {
		err = s.retire(c.key, index)
	} else {
		err = s.add(c, index)
	}
	if err == nil {
		s.n, s.last = c.n, index
	}
	return err
}

func (s *keySet) add(c keyChange, index uint64) error {
	if s.find(c.key) >= 0 {
		return errors.New("added key is there already")
	}
	if by, err := c.signedBy(c.key.Verifier()); err != nil || !by {
		return errors.New("added key has not signed its addition")
	}
	s.keys = append(s.keys, Key{VerifierKey: c.key.String(), From: index + 1})
	s.parsed = append(s.parsed, c.key)
	return nil
}

func (s *keySet) retire(k checkpoint.Key, index uint64) error {
	i := s.find(k)
	if i < 0 || s.keys[i].Retired || s.keys[i].VerifierKey != k.String() {
		return errors.New("retired key is not one that signs")
	}
	s.keys[i].Retired, s.keys[i].Until = true, index
	if len(s.known(k.Name, index+1)) == 0 {
		s.keys[i].Retired, s.keys[i].Until = false, 0
		return errors.New("last key cannot be retired")
	}
	return nil
}

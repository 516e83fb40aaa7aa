package sdjwt

import (
	"crypto"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// DefaultType is the typ of a token issued without [IssueOptions.Type].
const DefaultType = "sd-jwt"

// IssueOptions says how claims are issued.
type IssueOptions struct {
	// Type is the header's typ, which keeps tokens for one purpose from being taken for another. It should end in
	// "+sd-jwt". Default: [DefaultType].
	Type string
	// KeyID is the header's kid. It tells who signed. Default: none.
	KeyID string
	// Disclosable names the claims that can be withheld; see [Path]. A claim may be named beside some that lie in it;
	// then these can be withheld even where it is disclosed. The claims iss, aud, exp, nbf, iat and cnf always show, and
	// so does what lies in them.
	// Default: none.
	Disclosable []string
	// Pad gives, by path, how many digests an object or array shows at least: decoys fill up what claims leave. The
	// path of the whole is "". Decoys in arrays get random places. Default: none.
	Pad map[string]int
	// Holder is the public key that must sign a key binding: Ed25519 or P-256. Default: none.
	Holder crypto.PublicKey
	// Salts is where salts and decoys come from; tests set it. Default: [rand.Reader].
	Salts io.Reader
}

// always are the claims that decide whether the others hold; RFC 9901, 9.7.
var always = []string{"iss", "aud", "exp", "nbf", "iat", "cnf"}

// Issue signs claims, which are anything that encoding/json turns into an object. The result holds all disclosures.
// With one source of salts and a signer that is deterministic, as Ed25519 is, it is always the same.
//
// It fails with [ErrClaims] for claims that are no object or have a reserved name, [ErrPath] for a path without a claim
// or to one that always shows, [ErrLimit] where claims outnumber a Pad or a Max, [ErrKey], and with the errors of the
// signer and of Salts.
func Issue(claims any, signer crypto.Signer, o *IssueOptions) (*SDJWT, error) {
	if o == nil {
		o = &IssueOptions{}
	}
	payload, err := payloadOf(claims, o.Holder)
	if err != nil {
		return nil, err
	}
	b := newIssuer(o)
	concealed, err := b.object(payload, "")
	if err != nil {
		return nil, err
	}
	if err := b.allUsed(); err != nil {
		return nil, err
	}
	concealed[nameHash] = hashName
	token, err := signJWS(signer, o.header(), concealed)
	if err != nil {
		return nil, err
	}
	return checkIssued(&SDJWT{signatures: []jws{token}, disclosures: b.disclosures})
}

// checkIssued holds what we made against what we would take.
func checkIssued(s *SDJWT) (*SDJWT, error) {
	if len(s.disclosures) > MaxDisclosures {
		return nil, fmt.Errorf("%w: more than %d disclosures", ErrLimit, MaxDisclosures)
	}
	if len(s.bound()) > MaxSize {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, MaxSize)
	}
	if _, _, err := s.resolve(); err != nil {
		return nil, err
	}
	return s, nil
}

func (o *IssueOptions) header() map[string]any {
	header := map[string]any{"typ": DefaultType}
	if o.Type != "" {
		header["typ"] = o.Type
	}
	if o.KeyID != "" {
		header["kid"] = o.KeyID
	}
	return header
}

func payloadOf(claims any, holder crypto.PublicKey) (map[string]any, error) {
	v, err := normalise(claims)
	if err != nil {
		return nil, err
	}
	payload, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: want an object", ErrClaims)
	}
	if _, ok := payload[nameHash]; ok {
		return nil, fmt.Errorf("%w: reserved name", ErrClaims)
	}
	if holder == nil {
		return payload, nil
	}
	if _, ok := payload["cnf"]; ok {
		return nil, fmt.Errorf("%w: cnf is there beside a holder", ErrClaims)
	}
	jwk, err := jwkOf(holder)
	payload["cnf"] = map[string]any{"jwk": jwk}
	return payload, err
}

// An issuer replaces claims by digests, the innermost first.
type issuer struct {
	random      io.Reader
	disclosable map[string]bool // by path: whether a claim has been found
	pad         map[string]int
	padded      map[string]bool
	salts       map[string]bool
	disclosures []Disclosure
}

func newIssuer(o *IssueOptions) *issuer {
	b := &issuer{
		random:      o.Salts,
		disclosable: make(map[string]bool, len(o.Disclosable)),
		pad:         o.Pad,
		padded:      make(map[string]bool, len(o.Pad)),
		salts:       map[string]bool{},
	}
	if b.random == nil {
		b.random = rand.Reader
	}
	for _, path := range o.Disclosable {
		b.disclosable[path] = false
	}
	return b
}

func (b *issuer) value(v any, path string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return b.object(v, path)
	case []any:
		return b.array(v, path)
	}
	return v, nil
}

func (b *issuer) object(object map[string]any, path string) (map[string]any, error) {
	out := make(map[string]any, len(object))
	var digests []string
	for _, name := range sortedNames(object) {
		if name == nameDigests || name == nameElement {
			return nil, fmt.Errorf("%w: reserved name", ErrClaims)
		}
		v, err := b.value(object[name], join(path, name))
		if err != nil {
			return nil, err
		}
		if !b.hides(path, name, false) {
			out[name] = v
			continue
		}
		digest, err := b.disclose(join(path, name), name, v)
		if err != nil {
			return nil, err
		}
		digests = append(digests, digest)
	}
	digests, err := b.decoys(path, digests)
	if err == nil && len(digests) > 0 {
		slices.Sort(digests) // the order must tell nothing of the claims'
		out[nameDigests] = anys(digests)
	}
	return out, err
}

func anys(digests []string) []any {
	list := make([]any, len(digests))
	for i, digest := range digests {
		list[i] = digest
	}
	return list
}

func (b *issuer) array(array []any, path string) ([]any, error) {
	var out []any
	var digests []string
	for i, v := range array {
		name := strconv.Itoa(i)
		v, err := b.value(v, join(path, name))
		if err != nil {
			return nil, err
		}
		if b.hides(path, name, true) {
			digest, err := b.disclose(join(path, name), v)
			if err != nil {
				return nil, err
			}
			digests = append(digests, digest)
			v = map[string]any{nameElement: digest}
		}
		out = append(out, v)
	}
	all, err := b.decoys(path, digests)
	if err != nil {
		return nil, err
	}
	return b.scatter(out, all[len(digests):])
}

// scatter puts decoys among the elements of an array.
func (b *issuer) scatter(array []any, decoys []string) ([]any, error) {
	for _, decoy := range decoys {
		at, err := b.below(len(array) + 1)
		if err != nil {
			return nil, err
		}
		array = slices.Insert(array, at, any(map[string]any{nameElement: decoy}))
	}
	if array == nil {
		array = []any{}
	}
	return array, nil
}

// below returns a random number below n. With 64 bits the bias is nothing.
func (b *issuer) below(n int) (int, error) {
	var bits [8]byte
	if _, err := io.ReadFull(b.random, bits[:]); err != nil {
		return 0, fmt.Errorf("sdjwt: read random bits: %w", err)
	}
	return int(binary.LittleEndian.Uint64(bits[:]) % uint64(n)), nil
}

// hides reports whether the claim is disclosable, and notes that it has been found.
func (b *issuer) hides(path, name string, element bool) bool {
	own := join(path, name)
	if slices.ContainsFunc(always, func(claim string) bool { return lies(own, "/"+claim) }) {
		return false
	}
	_, byName := b.disclosable[own]
	_, byStar := b.disclosable[path+"/*"]
	byStar = byStar && element
	if byName {
		b.disclosable[own] = true
	}
	if byStar {
		b.disclosable[path+"/*"] = true
	}
	return byName || byStar
}

// disclose makes the disclosure of what follows the salt.
func (b *issuer) disclose(path string, claim ...any) (string, error) {
	salt, err := b.salt()
	if err != nil {
		return "", err
	}
	content := append([]any{salt}, claim...)
	d := newDisclosure(path, encodeText(appendJSON(nil, content)), content)
	b.disclosures = append(b.disclosures, d)
	return d.digest, nil
}

func (b *issuer) salt() (string, error) {
	var bits [saltBytes]byte
	if _, err := io.ReadFull(b.random, bits[:]); err != nil {
		return "", fmt.Errorf("sdjwt: read a salt: %w", err)
	}
	salt := encodeText(bits[:])
	if b.salts[salt] {
		return "", fmt.Errorf("%w: source of salts repeats itself", ErrOptions)
	}
	b.salts[salt] = true
	return salt, nil
}

// decoys appends digests of nothing until there are as many as the path is padded to.
func (b *issuer) decoys(path string, digests []string) ([]string, error) {
	want, padded := b.pad[path]
	if !padded {
		return digests, nil
	}
	b.padded[path] = true
	if len(digests) > want || want > MaxDigests {
		return nil, fmt.Errorf("%w: %d claims to hide among %d digests", ErrLimit, len(digests), want)
	}
	for len(digests) < want {
		salt, err := b.salt()
		if err != nil {
			return nil, err
		}
		digests = append(digests, digestOf(salt))
	}
	return digests, nil
}

// allUsed refuses options that name no claim, since they would leave one in the clear that should be hidden.
func (b *issuer) allUsed() error {
	for _, found := range b.disclosable {
		if !found {
			return fmt.Errorf("%w: a path names none", ErrPath)
		}
	}
	if len(b.padded) != len(b.pad) {
		return fmt.Errorf("%w: a padded path names none", ErrPath)
	}
	return nil
}

// seconds is a NumericDate of RFC 7519.
func seconds(t time.Time) json.Number { return json.Number(strconv.FormatInt(t.Unix(), 10)) }

package sdjwt

import (
	"crypto"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// MaxSize is how many bytes an SD-JWT may have in any form.
const MaxSize = 1 << 18

// An SDJWT is a signed token with the disclosures that its holder has, and perhaps the proof that he holds its key.
// It is immutable. Printing it yields the word "sealed".
type SDJWT struct {
	signatures  []jws // at least one, all over one payload
	disclosures []Disclosure
	binding     *jws // or nil
}

// Parse reads the compact form: a JWT, a tilde, disclosures with a tilde behind each, and perhaps a key binding JWT.
// It verifies nothing. It fails with [ErrMalformed], [ErrLimit] or [ErrDisclosure].
func Parse(compact string) (*SDJWT, error) {
	if len(compact) > MaxSize { // check: compact texts are not too long
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, MaxSize)
	}
	parts := strings.Split(compact, "~")
	if len(parts) < 2 {
		return nil, fmt.Errorf("%w: no tilde", ErrMalformed)
	}
	token, err := splitJWS(parts[0])
	if err != nil {
		return nil, err
	}
	return assemble([]jws{token}, parts[1:len(parts)-1], parts[len(parts)-1])
}

func assemble(signatures []jws, disclosures []string, binding string) (*SDJWT, error) {
	if len(disclosures) > MaxDisclosures { // check: disclosures are not too many
		return nil, fmt.Errorf("%w: more than %d disclosures", ErrLimit, MaxDisclosures)
	}
	s := &SDJWT{signatures: signatures, disclosures: make([]Disclosure, len(disclosures))}
	if binding != "" {
		proof, err := splitJWS(binding)
		if err != nil {
			return nil, fmt.Errorf("%w (key binding)", err)
		}
		s.binding = &proof
	}
	for i, text := range disclosures {
		d, err := parseDisclosure(text)
		if err != nil {
			return nil, fmt.Errorf("%w (disclosure %d)", err, i)
		}
		s.disclosures[i] = d
	}
	return s, nil
}

// Compact returns the compact form, with all it holds in the clear. Of several signatures it has the first.
func (s *SDJWT) Compact() string {
	if s.binding == nil {
		return s.bound()
	}
	return s.bound() + s.binding.String()
}

// bound is what a key binding JWT is bound to.
func (s *SDJWT) bound() string {
	var text strings.Builder
	text.WriteString(s.signatures[0].String())
	text.WriteByte('~')
	for _, d := range s.disclosures {
		text.WriteString(d.text)
		text.WriteByte('~')
	}
	return text.String()
}

// Digest identifies the signed token, whatever is disclosed with it: the SHA-256 of the JWT before the first tilde.
// It is what a log keeps of a commitment.
func (s *SDJWT) Digest() disclosure.Digest {
	return disclosure.DigestOf([]byte(s.signatures[0].String()))
}

// IsBound reports whether a key binding JWT is attached, which [SDJWT.Verify] checks.
func (s *SDJWT) IsBound() bool { return s.binding != nil }

// Disclosures returns what can be disclosed, each with its path. It fails as [SDJWT.Verify] does, for the reasons that
// need no key.
func (s *SDJWT) Disclosures() ([]Disclosure, error) {
	r, _, err := s.resolve()
	if err != nil {
		return nil, err
	}
	disclosures := slices.Clone(s.disclosures)
	for i := range disclosures {
		disclosures[i].path = r.paths[i]
	}
	return disclosures, nil
}

func (s *SDJWT) resolve() (*resolver, Claims, error) {
	r := newResolver(s.disclosures)
	claims, err := r.resolve(s.signatures[0].claims)
	return r, claims, err
}

// Present returns the token with the disclosures at the paths given and at those they lie in, and no others; with no
// path it discloses nothing. A key binding is left out; see [SDJWT.Bind]. It fails with [ErrPath] where there is
// nothing to disclose, or as [SDJWT.Disclosures] does.
func (s *SDJWT) Present(paths ...string) (*SDJWT, error) {
	all, err := s.Disclosures()
	if err != nil {
		return nil, err
	}
	for i, path := range paths {
		if !slices.ContainsFunc(all, func(d Disclosure) bool { return d.path == path }) {
			return nil, fmt.Errorf("%w: path %d", ErrPath, i)
		}
	}
	chosen := slices.DeleteFunc(all, func(d Disclosure) bool {
		return !slices.ContainsFunc(paths, func(path string) bool { return lies(path, d.path) })
	})
	return &SDJWT{signatures: s.signatures, disclosures: chosen}, nil
}

// lies reports whether path is at or below top.
func lies(path, top string) bool {
	rest, ok := strings.CutPrefix(path, top)
	return ok && (rest == "" || rest[0] == '/')
}

// Bind attaches the proof that the holder himself presents the token, to this audience, in the transaction that the
// audience's nonce stands for, at this time (in whole seconds). It fails with [ErrKey] if the token names another
// holder or none, with [ErrOptions] if audience or nonce is empty, or with the signer's error.
func (s *SDJWT) Bind(holder crypto.Signer, audience, nonce string, now time.Time) (*SDJWT, error) {
	if audience == "" || nonce == "" {
		return nil, fmt.Errorf("%w: binding without audience or nonce", ErrOptions)
	}
	_, claims, err := s.resolve()
	if err != nil {
		return nil, err
	}
	key, err := holderKey(claims)
	if err != nil {
		return nil, err
	}
	if holder == nil || !sameKey(key, holder.Public()) {
		return nil, fmt.Errorf("%w: not the holder's", ErrKey)
	}
	proof, err := signJWS(holder, map[string]any{"typ": bindingType}, map[string]any{
		"aud":     audience,
		"iat":     seconds(now),
		"nonce":   nonce,
		"sd_hash": digestOf(s.bound()),
	})
	if err != nil {
		return nil, err
	}
	return &SDJWT{signatures: s.signatures, disclosures: s.disclosures, binding: &proof}, nil
}

// String returns "sealed".
func (s *SDJWT) String() string { return sealedText }

// Format implements [fmt.Formatter] for every verb.
func (s *SDJWT) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sealedText) }

// LogValue implements [slog.LogValuer].
func (s *SDJWT) LogValue() slog.Value { return slog.StringValue(sealedText) }

// MarshalText implements [encoding.TextMarshaler]. See [SDJWT.Compact] for the text itself.
func (s *SDJWT) MarshalText() ([]byte, error) { return []byte(sealedText), nil }

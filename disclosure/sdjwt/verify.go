package sdjwt

import (
	"crypto"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	bindingType = "kb+jwt"

	// DefaultBindingAge is how old a key binding may be.
	DefaultBindingAge = 5 * time.Minute
)

// VerifyOptions says what a verifier expects.
type VerifyOptions struct {
	// Now is the time of the check. Default: the present.
	Now time.Time
	// Leeway is how far the clocks of issuer, holder and verifier may differ. Default: not at all.
	Leeway time.Duration
	// Types are the values of typ that are taken. Default: [DefaultType] and all that end in "+sd-jwt".
	Types []string
	// Issuer is the claim iss that goes with the key. Default: any, or none.
	Issuer string
	// Require names claims, at the top, that must be there after disclosure. Default: none.
	Require []string
	// Audience is the verifier's name. A token whose claim aud does not have it is refused, and so is a key binding.
	// Default: none, which refuses each token that is for somebody.
	Audience string
	// RequireKeyBinding demands that the holder prove to have the key in the claim cnf. Whether one is attached does not
	// matter to a verifier who does not demand it: RFC 9901, 7.3. Default: no.
	RequireKeyBinding bool
	// Nonce is what this verifier gave the holder for this transaction. A key binding needs one.
	Nonce string
	// BindingAge is how old a key binding may be. Default: [DefaultBindingAge].
	BindingAge time.Duration
}

// complete returns the options with their defaults.
func (o *VerifyOptions) complete() (VerifyOptions, error) {
	var v VerifyOptions
	if o != nil {
		v = *o
	}
	if v.Now.IsZero() {
		v.Now = time.Now()
	}
	if v.BindingAge == 0 {
		v.BindingAge = DefaultBindingAge
	}
	switch {
	case v.Leeway < 0 || v.BindingAge < 0:
		return v, fmt.Errorf("%w: a duration is negative", ErrOptions)
	case v.RequireKeyBinding && (v.Audience == "" || v.Nonce == ""):
		return v, fmt.Errorf("%w: a key binding needs an audience and a nonce", ErrOptions)
	}
	return v, nil
}

// Verify parses the compact form and verifies it; see [SDJWT.Verify].
func Verify(compact string, issuer crypto.PublicKey, o *VerifyOptions) (Claims, error) {
	s, err := Parse(compact)
	if err != nil {
		return nil, err
	}
	return s.Verify(issuer, o)
}

// Verify checks the signature by the issuer's public key (Ed25519 or P-256), that each disclosure has its place, that
// the claims exp, nbf, iss and aud agree with the options and, if they ask for it, that the holder is present. It
// returns what has been disclosed, and what always shows. Of several signatures one must be the issuer's. With
// Ed25519 it costs about 120 µs for ten fields among 32 digests, most of it the signature.
//
// It fails with the first error that applies of [ErrOptions], [ErrKey], [ErrType], [ErrAlgorithm], [ErrSignature],
// [ErrMalformed], [ErrLimit], [ErrDigest], [ErrDisclosure], [ErrMissing], [ErrIssuer], [ErrTime], [ErrAudience] and
// [ErrKeyBinding].
func (s *SDJWT) Verify(issuer crypto.PublicKey, o *VerifyOptions) (Claims, error) {
	options, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := s.verifySignatures(issuer, options.Types); err != nil {
		return nil, err
	}
	_, claims, err := s.resolve()
	if err != nil {
		return nil, err
	}
	if err := options.accept(claims); err != nil {
		return nil, err
	}
	if options.RequireKeyBinding {
		if err := options.acceptBinding(s, claims); err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// verifySignatures reports the error of the first signature if none is right.
func (s *SDJWT) verifySignatures(issuer crypto.PublicKey, types []string) error {
	var first error
	for _, j := range s.signatures {
		err := j.isOfType(types)
		if err == nil {
			err = j.verify(issuer)
		}
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (j jws) isOfType(types []string) error {
	typ := strings.TrimPrefix(j.typ, "application/") // RFC 7515, 4.1.9
	ok := slices.Contains(types, typ)
	if types == nil {
		ok = typ == DefaultType || strings.HasSuffix(typ, "+sd-jwt")
	}
	if !ok { // check: the type is expected
		return ErrType
	}
	return nil
}

// accept checks the claims that decide whether the others hold.
func (o *VerifyOptions) accept(claims Claims) error {
	for i, name := range o.Require {
		_, ok := claims[name]
		if !ok { // check: required claims are there
			return fmt.Errorf("%w: number %d", ErrMissing, i)
		}
	}
	if o.Issuer != "" && claims["iss"] != o.Issuer { // check: the issuer is expected
		return ErrIssuer
	}
	if err := o.acceptTimes(claims); err != nil {
		return err
	}
	audience, ok := claims["aud"]
	if ok && !names(audience, o.Audience) { // check: the audience is the verifier
		return ErrAudience
	}
	return nil
}

func names(audience any, name string) bool {
	list, ok := audience.([]any)
	if !ok {
		list = []any{audience}
	}
	return name != "" && slices.Contains(list, any(name))
}

func (o *VerifyOptions) acceptTimes(claims map[string]any) error {
	expiry, limited, err := date(claims, "exp")
	if err != nil {
		return err
	}
	start, delayed, err := date(claims, "nbf")
	switch {
	case err != nil:
		return err
	case limited && !o.Now.Before(expiry.Add(o.Leeway)): // check: the token has not expired
		return fmt.Errorf("%w: expired", ErrTime)
	case delayed && o.Now.Before(start.Add(-o.Leeway)): // check: the token is valid already
		return fmt.Errorf("%w: not yet", ErrTime)
	}
	return nil
}

// date reads a NumericDate, which may have a fraction.
func date(claims map[string]any, name string) (t time.Time, ok bool, err error) {
	v, ok := claims[name]
	if !ok {
		return time.Time{}, false, nil
	}
	const last = 1 << 38 // in some 8,000 years
	number, _ := v.(json.Number)
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > last { // check: times are sensible numbers
		return time.Time{}, false, fmt.Errorf("%w: %s is no time", ErrTime, name)
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), true, nil
}

// holderKey returns the key of the claim cnf: RFC 7800, 3.2.
func holderKey(claims Claims) (crypto.PublicKey, error) {
	confirmation, _ := claims["cnf"].(map[string]any)
	jwk, _ := confirmation["jwk"].(map[string]any)
	return parseJWK(jwk)
}

// acceptBinding checks a key binding: RFC 9901, 7.3, step 5.
func (o *VerifyOptions) acceptBinding(s *SDJWT, claims Claims) error {
	proof := s.binding
	if proof == nil {
		return fmt.Errorf("%w: none", ErrKeyBinding)
	}
	key, err := holderKey(claims)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyBinding, err)
	}
	if err := proof.verify(key); err != nil { // check: a binding is the holder's
		return fmt.Errorf("%w: %w", ErrKeyBinding, err)
	}
	return o.acceptProof(proof, digestOf(s.bound()))
}

// acceptProof checks what a key binding says.
func (o *VerifyOptions) acceptProof(proof *jws, bound string) error {
	payload := proof.claims
	issued, dated, err := date(payload, "iat")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyBinding, err)
	}
	switch {
	case proof.typ != bindingType: // check: a binding has its own type
		return fmt.Errorf("%w: want typ %s", ErrKeyBinding, bindingType)
	case !dated: // check: a binding has a time
		return fmt.Errorf("%w: no iat", ErrKeyBinding)
	case o.Now.Sub(issued) > o.BindingAge+o.Leeway: // check: a binding is fresh
		return fmt.Errorf("%w: older than %v", ErrKeyBinding, o.BindingAge)
	case issued.Sub(o.Now) > o.Leeway: // check: a binding is not from the future
		return fmt.Errorf("%w: from the future", ErrKeyBinding)
	case payload["aud"] != o.Audience: // check: a binding is for the verifier
		return fmt.Errorf("%w: for another audience", ErrKeyBinding)
	case !equalText(payload["nonce"], o.Nonce): // check: a binding is for the transaction
		return fmt.Errorf("%w: for another transaction", ErrKeyBinding)
	case !equalText(payload["sd_hash"], bound): // check: a binding is for the disclosures
		return fmt.Errorf("%w: for other disclosures", ErrKeyBinding)
	}
	if err := o.acceptTimes(payload); err != nil { // check: a binding has not expired
		return fmt.Errorf("%w: %w", ErrKeyBinding, err)
	}
	return nil
}

// equalText compares in a time that does not tell how much of a secret was right.
func equalText(got any, want string) bool {
	text, ok := got.(string)
	return ok && subtle.ConstantTimeCompare([]byte(text), []byte(want)) == 1
}

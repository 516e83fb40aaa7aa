package sdjwt

import (
	"crypto"
	"fmt"
)

// maxSignatures bounds the work that one text can ask of a verifier.
const maxSignatures = 8

// JSON returns the JWS JSON serialization, RFC 9901, 8: flattened for one signature, general for several. Like
// [SDJWT.Compact] it has all in the clear.
func (s *SDJWT) JSON() []byte {
	object := signatureOf(s.signatures[0], s.unprotected())
	if len(s.signatures) > 1 {
		list := []any{object}
		for _, j := range s.signatures[1:] {
			list = append(list, signatureOf(j, nil))
		}
		object = map[string]any{"signatures": list}
	}
	object["payload"] = s.signatures[0].payload
	return appendJSON(nil, object)
}

func signatureOf(j jws, header map[string]any) map[string]any {
	object := map[string]any{"protected": j.protected, "signature": j.signature}
	if header != nil {
		object["header"] = header
	}
	return object
}

func (s *SDJWT) unprotected() map[string]any {
	texts := make([]any, len(s.disclosures))
	for i, d := range s.disclosures {
		texts[i] = d.text
	}
	header := map[string]any{"disclosures": texts}
	if s.binding != nil {
		header["kb_jwt"] = s.binding.String()
	}
	return header
}

// Countersign adds another issuer's signature over the same payload; the options' Type and KeyID apply. A key binding
// is left out. The compact form cannot carry it. It fails with [ErrKey], [ErrLimit] or the signer's error.
func (s *SDJWT) Countersign(signer crypto.Signer, o *IssueOptions) (*SDJWT, error) {
	if len(s.signatures) >= maxSignatures {
		return nil, fmt.Errorf("%w: more than %d signatures", ErrLimit, maxSignatures)
	}
	if o == nil {
		o = &IssueOptions{}
	}
	j, err := signPart(signer, o.header(), s.signatures[0].payload)
	if err != nil {
		return nil, err
	}
	return &SDJWT{signatures: append(s.signatures[:len(s.signatures):len(s.signatures)], j), disclosures: s.disclosures}, nil
}

// ParseJSON reads both JWS JSON serializations. Like [Parse] it verifies nothing. A header that is not protected by the
// signature may say nothing that the protected one says, nothing critical, and no algorithm. It fails with
// [ErrMalformed], [ErrLimit] or [ErrDisclosure].
func ParseJSON(data []byte) (*SDJWT, error) {
	if len(data) > MaxSize { // check: JSON texts are not too long
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, MaxSize)
	}
	object, err := decodeObject(data)
	if err != nil {
		return nil, err
	}
	list, err := signaturesOf(object)
	if err != nil {
		return nil, err
	}
	return parseSignatures(object["payload"], list)
}

// signaturesOf returns the entries of the general form, or the flattened form as the only one.
func signaturesOf(object map[string]any) ([]any, error) {
	list, general := object["signatures"].([]any)
	_, flattened := object["signature"]
	switch {
	case general == flattened: // check: a form is general or flattened
		return nil, fmt.Errorf("%w: want a signature or signatures", ErrMalformed)
	case flattened:
		return []any{object}, nil
	case len(list) == 0 || len(list) > maxSignatures: // check: signatures are not too many
		return nil, fmt.Errorf("%w: want 1 to %d signatures", ErrLimit, maxSignatures)
	}
	return list, nil
}

func parseSignatures(payload any, list []any) (*SDJWT, error) {
	var signatures []jws
	var first map[string]any
	for i, v := range list {
		entry, _ := v.(map[string]any)
		j, header, err := parseSignature(payload, entry)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, j)
		if i == 0 {
			first = header
		} else if header["disclosures"] != nil || header["kb_jwt"] != nil { // check: disclosures are with the first signature
			return nil, fmt.Errorf("%w: disclosures beside signature %d", ErrMalformed, i)
		}
	}
	return withHeader(signatures, first)
}

func parseSignature(payload any, entry map[string]any) (jws, map[string]any, error) {
	var texts [3]string
	for i, v := range []any{entry["protected"], payload, entry["signature"]} {
		text, ok := v.(string)
		if !ok { // check: parts of a signature are text
			return jws{}, nil, fmt.Errorf("%w: part of a signature is no string", ErrMalformed)
		}
		texts[i] = text
	}
	j, err := parseJWS(texts[0], texts[1], texts[2])
	if err != nil {
		return jws{}, nil, err
	}
	header, ok := entry["header"].(map[string]any)
	if !ok && entry["header"] != nil { // check: an unprotected header is an object
		return jws{}, nil, fmt.Errorf("%w: header is no object", ErrMalformed)
	}
	return j, header, disjoint(j, header)
}

func disjoint(j jws, header map[string]any) error {
	for name := range header {
		_, both := j.header[name]
		if both || name == "crit" || name == "alg" || name == "b64" { // check: an unprotected header changes nothing
			return fmt.Errorf("%w: header that must be protected", ErrMalformed)
		}
	}
	return nil
}

func withHeader(signatures []jws, header map[string]any) (*SDJWT, error) {
	list, ok := header["disclosures"].([]any)
	if !ok && header["disclosures"] != nil { // check: disclosures are a list
		return nil, fmt.Errorf("%w: disclosures are no array", ErrMalformed)
	}
	texts := make([]string, len(list))
	for i, v := range list {
		if texts[i], ok = v.(string); !ok {
			return nil, fmt.Errorf("%w: disclosure %d is no string", ErrMalformed, i)
		}
	}
	binding, ok := header["kb_jwt"].(string)
	if !ok && header["kb_jwt"] != nil { // check: a binding is text
		return nil, fmt.Errorf("%w: kb_jwt is no string", ErrMalformed)
	}
	return assemble(signatures, texts, binding)
}

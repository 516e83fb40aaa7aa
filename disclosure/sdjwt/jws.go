package sdjwt

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
)

// A jws is one signature over a payload: RFC 7515 in its three encoded parts, and what the header says.
type jws struct {
	protected, payload, signature string

	header map[string]any
	alg    string
	typ    string
}

func splitJWS(text string) (jws, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return jws{}, fmt.Errorf("%w: a JWT has three parts", ErrMalformed)
	}
	return parseJWS(parts[0], parts[1], parts[2])
}

func parseJWS(protected, payload, signature string) (jws, error) {
	text, err := decodeText(protected)
	if err != nil {
		return jws{}, err
	}
	header, err := decodeObject(text)
	if err != nil {
		return jws{}, err
	}
	j := jws{protected: protected, payload: payload, signature: signature, header: header}
	var okAlg, okType bool
	j.alg, okAlg = header["alg"].(string)
	j.typ, okType = header["typ"].(string)
	switch {
	case !okAlg:
		return jws{}, fmt.Errorf("%w: header without alg", ErrMalformed)
	case !okType && header["typ"] != nil:
		return jws{}, fmt.Errorf("%w: typ is no string", ErrMalformed)
	case header["crit"] != nil: // check: nothing critical is ignored
		return jws{}, fmt.Errorf("%w: critical header", ErrMalformed)
	}
	return j, nil
}

func signJWS(signer crypto.Signer, header, payload map[string]any) (jws, error) {
	names, err := algorithms(signer.Public())
	if err != nil {
		return jws{}, err
	}
	header["alg"] = names[0]
	return signPart(signer, header, encodeText(appendJSON(nil, payload)))
}

func signPart(signer crypto.Signer, header map[string]any, payload string) (jws, error) {
	protected := encodeText(appendJSON(nil, header))
	signature, err := signMessage(signer, []byte(protected+"."+payload))
	if err != nil {
		return jws{}, err
	}
	return parseJWS(protected, payload, encodeText(signature))
}

func (j jws) String() string { return j.protected + "." + j.payload + "." + j.signature }

func (j jws) claims() (map[string]any, error) {
	text, err := decodeText(j.payload)
	if err != nil {
		return nil, err
	}
	return decodeObject(text)
}

// verify checks the signature by key, whose algorithm decides.
func (j jws) verify(key crypto.PublicKey) error {
	names, err := algorithms(key)
	if err != nil {
		return err
	}
	if !slices.Contains(names, j.alg) { // check: the key decides the algorithm
		return fmt.Errorf("%w: the key is for %s", ErrAlgorithm, names[0])
	}
	signature, err := decodeText(j.signature)
	if err != nil {
		return err
	}
	if !verifySignature(key, []byte(j.protected+"."+j.payload), signature) { // check: signatures verify
		return ErrSignature
	}
	return nil
}

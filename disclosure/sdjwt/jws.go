package sdjwt

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
)

// A jws is one signature over a payload: RFC 7515 in its three encoded parts, and what they say.
type jws struct {
	protected, payload, signature string

	header map[string]any
	alg    string
	typ    string
	claims map[string]any
	proof  []byte // the signature's bytes
}

func splitJWS(text string) (jws, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return jws{}, fmt.Errorf("%w: a JWT has three parts", ErrMalformed)
	}
	return parseJWS(parts[0], parts[1], parts[2])
}

func parseJWS(protected, payload, signature string) (jws, error) {
	j := jws{protected: protected, payload: payload, signature: signature}
	var err error
	if j.header, err = decodePart(protected); err != nil {
		return jws{}, err
	}
	if j.claims, err = decodePart(payload); err != nil {
		return jws{}, err
	}
	if j.proof, err = decodeText(signature); err != nil {
		return jws{}, err
	}
	return j, j.readHeader()
}

func decodePart(text string) (map[string]any, error) {
	data, err := decodeText(text)
	if err != nil {
		return nil, err
	}
	return decodeObject(data)
}

func (j *jws) readHeader() error {
	var okAlg, okType bool
	j.alg, okAlg = j.header["alg"].(string)
	j.typ, okType = j.header["typ"].(string)
	switch {
	case !okAlg:
		return fmt.Errorf("%w: header without alg", ErrMalformed)
	case !okType && j.header["typ"] != nil:
		return fmt.Errorf("%w: typ is no string", ErrMalformed)
	case j.header["crit"] != nil: // check: nothing critical is ignored
		return fmt.Errorf("%w: critical header", ErrMalformed)
	}
	return nil
}

func signJWS(signer crypto.Signer, header, payload map[string]any) (jws, error) {
	return signPart(signer, header, encodeText(appendJSON(nil, payload)))
}

func signPart(signer crypto.Signer, header map[string]any, payload string) (jws, error) {
	if signer == nil {
		return jws{}, fmt.Errorf("%w: no signer", ErrKey)
	}
	names, err := algorithms(signer.Public())
	if err != nil {
		return jws{}, err
	}
	header["alg"] = names[0]
	protected := encodeText(appendJSON(nil, header))
	signature, err := signMessage(signer, []byte(protected+"."+payload))
	if err != nil {
		return jws{}, err
	}
	return parseJWS(protected, payload, encodeText(signature))
}

func (j jws) String() string { return j.protected + "." + j.payload + "." + j.signature }

// verify checks the signature by key, whose algorithm decides.
func (j jws) verify(key crypto.PublicKey) error {
	names, err := algorithms(key)
	if err != nil {
		return err
	}
	if !slices.Contains(names, j.alg) { // check: the key decides the algorithm
		return fmt.Errorf("%w: the key is for %s", ErrAlgorithm, names[0])
	}
	if !verifySignature(key, []byte(j.protected+"."+j.payload), j.proof) { // check: signatures verify
		return ErrSignature
	}
	return nil
}

package sdjwt

import "errors"

// The errors. Their texts tell the place of a fault by number, never a claim's
// name or value.
var (
	// ErrMalformed means that the text is no SD-JWT: wrong form, encoding or JSON, or a reserved name.
	ErrMalformed = errors.New("sdjwt: malformed")
	// ErrLimit means that something is larger, deeper or more than this package takes.
	ErrLimit = errors.New("sdjwt: beyond a limit")
	// ErrAlgorithm means that a header names none, an algorithm that is not the key's, or a hash other than sha-256.
	ErrAlgorithm = errors.New("sdjwt: algorithm is not accepted")
	// ErrType means that the header's typ is not one the verifier takes.
	ErrType = errors.New("sdjwt: type is not accepted")
	// ErrSignature means that the issuer's signature is not by the key given.
	ErrSignature = errors.New("sdjwt: signature does not verify")
	// ErrDisclosure means that a disclosure does not fit the place its digest has, or bears a reserved or taken name.
	ErrDisclosure = errors.New("sdjwt: disclosure is not acceptable")
	// ErrDigest means that a digest occurs twice, or that no digest refers to a disclosure.
	ErrDigest = errors.New("sdjwt: digests and disclosures do not correspond")
	// ErrTime means that the token has expired or is not valid yet.
	ErrTime = errors.New("sdjwt: not valid at this time")
	// ErrIssuer means that the claim iss is not the expected one.
	ErrIssuer = errors.New("sdjwt: not by the expected issuer")
	// ErrAudience means that the claim aud does not name the verifier.
	ErrAudience = errors.New("sdjwt: meant for another audience")
	// ErrMissing means that a claim is absent which the verifier requires.
	ErrMissing = errors.New("sdjwt: required claim is missing")
	// ErrKeyBinding means that proof of the holder's key was required and is absent, stale, for another
	// transaction or not by that key.
	ErrKeyBinding = errors.New("sdjwt: key binding does not verify")
	// ErrCommitment means that what was opened is not what was committed to.
	ErrCommitment = errors.New("sdjwt: not the commitment")

	// ErrClaims means that claims cannot be issued as they are.
	ErrClaims = errors.New("sdjwt: claims cannot be issued")
	// ErrPath means that a path names no claim, or none that can be disclosed selectively.
	ErrPath = errors.New("sdjwt: no such claim to disclose")
	// ErrKey means that a key is of no supported kind, or not the one it has to be.
	ErrKey = errors.New("sdjwt: key is not usable")
	// ErrOptions means that options contradict each other.
	ErrOptions = errors.New("sdjwt: invalid options")
)

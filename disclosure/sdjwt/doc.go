// Package sdjwt lets somebody sign many claims at once and show them one at a
// time: Selective Disclosure for JSON Web Tokens, RFC 9901.
//
// # What it is for
//
// When a session begins, each side commits to every field that a later stage
// may show ([Commit]). The other side gets the commitment, which tells nothing
// but how many places it has, and its [SDJWT.Digest] is logged. At the reveal
// fields are opened ([SDJWT.Present]) and checked ([Open]): what is shown is
// what was promised. Any other library that speaks RFC 9901 can check it, too,
// offline, with the signer's public key.
//
// # How it works
//
// For each claim that may be withheld the issuer makes a disclosure, which is
// base64url of [salt, name, value] or, for an element of an array, of [salt,
// value]. The signed token carries only the SHA-256 digests of disclosures,
// among them decoys that belong to none. Who holds the disclosures decides
// which to hand on; who receives some computes their digests, finds them in the
// token and puts the claims where the digests stood. The salt has 128 random
// bits, so a digest cannot be guessed from a likely value.
//
// A disclosure's value may hold digests itself. A claim can therefore be hidden
// as a whole (flat), by its members (structured), or both (recursive), and
// arrays element by element. [IssueOptions] names the claims by [Path].
//
// # One token for one session
//
// Two presentations of one SD-JWT can be recognised as such by their digests,
// their salts and their signature, even when they disclose nothing. Colluding
// counterparties would link all sessions of a listing. So make a new SD-JWT,
// with fresh salts, for every session: that is what [Commit] does. Its payload
// then holds nothing but the digests and the session's own handle. The
// signature needs care as well. Whoever knows a firm's public key can try it on
// a commitment, and from an ES256 signature the public key can even be
// computed. Before the reveal, sign with the exchange's key or with one made for
// the session, and do not set [IssueOptions.KeyID].
//
// # What a verifier checks
//
// [SDJWT.Verify] follows section 7 of the RFC, and is stricter where the RFC
// leaves a choice: JSON with a name twice, a lone surrogate or invalid UTF-8 is
// refused; so are base64url with padding, line breaks or stray bits, a reserved
// name in any place, a critical header, and input beyond [MaxSize], [MaxDepth],
// [MaxDisclosures] or [MaxDigests]. A key is good for its own algorithm only
// (Ed25519: EdDSA or Ed25519; P-256: ES256), whatever the header says; keys in
// headers are ignored. The only hash is sha-256.
//
// # What is not promised
//
// A verifier cannot tell whether it has been given all disclosures; that is the
// point. Digests hide how large a value is only until it is disclosed. There is
// no revocation, no certificate chain and no unlinkability between two
// presentations of the same token.
//
// # Secrets
//
// An [SDJWT] holds what it may disclose. Printing, logging or marshalling it or
// a [Disclosure] yields the word "sealed"; [SDJWT.Compact] and [SDJWT.JSON] give
// the real text. No error holds a claim's name or value.
//
// # Concurrency
//
// All values are immutable, and all functions may be called at once.
package sdjwt

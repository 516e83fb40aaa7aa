// Package envelope keeps an identity where nobody alone can read it. The
// identity is encrypted under a data key; the data key is split into three
// shares, one each for the party, its employer and the operator of the market;
// each share is sealed to its holder's public key. All three shares open the
// envelope, any two open nothing.
//
//	Identity ─► Seal(scope, holders) ─► Envelope ─► Bytes … Parse
//	                                       │
//	party     OpenShare ─► Share ─► HandTo │ Receive ─┐
//	employer  OpenShare ─► Share ─► HandTo │ Receive ─┼─► Combine ─► Identity
//	operator  OpenShare ─► Share ──────────────────────┘
//
// A holder opens its share in the step that earns it: the party with its opt-in,
// the employer with its authorisation, the operator with the reveal. So whoever
// reads the operator's database, with the operator's keys, learns nobody's name
// before the other two have spoken.
//
// # What it is bound to
//
// An envelope is sealed for one [Scope]: listing, schema, rules and, where there
// is one, session. Who opens it has to name the same scope. An envelope is known
// by its [Envelope.Digest], a salted hash over scope and identity, and every
// share is sealed for that digest and one [Role]. A share of another envelope, of
// another role or for another scope does not open, and an identity other than
// the one the digest promises is refused, even if all three holders collude.
// A false share shows when shares are combined; whoever keeps the [Checks] of
// [SealChecked] knows it when the share is opened.
// What cannot be opened is refused with one error, [ErrRefused], whatever the
// cause. The errors are uniform; the time until they come is not.
//
// # Cryptography
//
// Everything is the standard library's.
//
//	shares     HPKE (RFC 9180) in base mode, HKDF-SHA256, AES-256-GCM, over the
//	           KEM of the holder's key: [MLKEM768X25519] (draft-ietf-hpke-pq) or [X25519]
//	split      XOR: two shares are uniformly random, the third is the data key XOR both
//	payload    AES-256-GCM under the data key, which is used once
//
// Keys are hybrid where nothing else is asked for: an envelope lies for years in
// databases and their backups, so what is recorded today must not be readable
// by a machine built later. That costs 1,088 bytes per share. Because all three shares are
// needed, an envelope with one hybrid key among X25519 ones already withstands
// such a reader; a device that knows X25519 alone may take part.
//
// HPKE's base mode does not say who sealed. An envelope proves that the identity
// is the one its digest names; that the digest is the right one is what the
// ledger is for.
//
// # Encoding
//
// [Envelope.Bytes] is canonical: [Parse] accepts exactly what Bytes writes.
//
//	"csss-envelope-1\n"
//	digest                       32 bytes
//	3 × (suite, sealed share)    2 bytes, the KEM's number in the HPKE registry, big-endian; then
//	                             80 bytes (X25519) or 1,168 bytes (MLKEM768X25519);
//	                             party, employer, operator
//	payload                      nonce 12, block, tag 16
//
//	block    salt 32 · length of text 4, big-endian · text · zeros
//	text     the JSON of disclosure.IdentityData
//
// A block has 1,024, 4,096, 16,384 or 65,536 bytes, so the length tells only in which of
// four classes a text is; an ordinary one is in the first. See [Options.MinBlock].
// The longest envelope has [MaxBytes]. An envelope does not say whose keys its
// shares are sealed to.
//
//	scope    SHA-256("csss/disclosure/envelope/scope/v1" 0 string(listing) schema policy string(session))
//	digest   SHA-256("csss/disclosure/envelope/digest/v1" 0 scope block)
//	info     SHA-256("csss/disclosure/envelope/share/v1" 0 role digest scope); of a share that is
//	         handed over: "csss/disclosure/envelope/handed/v1"
//	aad      "csss/disclosure/envelope/payload/v1" 0 digest scope
//
// where string is the length in 4 bytes, big-endian, and the bytes; role is one
// byte, 1 party, 2 employer, 3 operator.
//
// # Rotation and erasure
//
// [Rotate] seals one share to its holder's new key, without opening the
// identity. It protects from now on: an old copy still opens with the old key.
// If a share itself may be known to a stranger, seal the identity anew.
//
// [Envelope.Shred] destroys the shares and the payload and keeps the digest,
// which without the salt tells nothing about the identity. It reaches the bytes
// it is called on, not their copies in backups. Those die with any one of the
// three keys, so an operator who must be able to erase keeps one key for each
// data subject, outside of the backups, and destroys that.
//
// # What it does not do
//
// It does not protect from the process that combines the shares, nor from
// holders who pass theirs on outside of a session. It does not store anything.
// Keys, shares and blocks are overwritten after use as far as Go permits: copies
// made by the runtime, by HPKE and inside strings stay until they are reused.
//
// Functions and values may be used concurrently, but for [Envelope.Shred] and
// [Share.Wipe], which want to be alone with what they destroy. The package imports
// the standard library and package disclosure alone.
package envelope

// Package ledger is an append-only log that a program carries inside itself:
// ordered streams, idempotent appends, Merkle proofs that strangers can check
// offline, and erasure that leaves every old proof valid.
//
// # What a log promises
//
//   - Durable on return. [Log.Append] returns after the store has synced the
//     whole batch, or it returns an error. A batch is all or nothing and its
//     entries keep the order of the call.
//   - One winner. Every append names the version it expects of its stream
//     ([Any], [NoStream], [Exactly]); a batch whose expectations do not all
//     hold writes nothing ([ConflictError]).
//   - Once. Every entry has an idempotency key, unique in the log for ever. The
//     same key with the same content answers with the first receipt; with other
//     content it is refused ([KeyReusedError]).
//   - Provable. Entries are leaves of one RFC 6962 Merkle tree. Checkpoints are
//     signed notes (c2sp.org/tlog-checkpoint), receipts are c2sp.org/tlog-proof
//     files, so other people's tools check them too.
//   - Silent. A leaf holds commitments and tags under a secret key, nothing
//     else: two leaves of one stream share no value, and a guess at a payload
//     cannot be tried without its salt, which lies inside the ciphertext.
//   - Erasable. Payloads are encrypted under random keys, one per data subject.
//     [Log.Shred] logs the erasure, destroys the subject's key and drops the
//     ciphertexts; the tree is untouched.
//   - Fail closed. After a failed or doubtful commit the log refuses to append
//     ([ErrPoisoned]) until it is opened again; damage found on the way is an
//     error that names its place ([CorruptError]), never a wrong proof.
//
// # The leaf
//
// A leaf is a canonical binary record of 157 bytes: a domain string and format
// version, the engine's time, an HMAC of stream and version (position tag), an
// HMAC of the idempotency key (key tag), and two salted SHA-256 commitments, of
// the header (stream, version, the stream's previous leaf, type, key, claimed
// time, subjects) and of the payload. The engine's time grows by at least one
// nanosecond per entry and never runs back; order comes from the index.
//
// Header and payload lie beside the leaf, sealed with AES-256-GCM. A payload
// with several subjects needs the keys of all of them, so it is unreadable as
// soon as one is shredded. Headers stay readable to the holder of the tenant
// key: a subject named there must be a pseudonym, and so must a stream.
//
// # Stores
//
// A [Log] does the thinking; a [Store] keeps bytes. Two stores are here: memory
// and a directory. The indexes (keys, streams, subjects, tree hashes; about 300
// bytes per entry) are rebuilt from the store when a log is opened, which reads
// and checks every entry once; entries themselves are read from the store each
// time. One process writes one log. Package ledgertest holds the conformance
// suite of the seam.
//
// What is not promised: the tenant key and the signing key lie in the store,
// beside the data, unless [Options] supplies them; who owns that directory can
// forge a new log, though not one that extends a checkpoint remembered outside
// ([Options.Trusted]).
package ledger

// Package ledger is an append-only log that a program carries inside itself:
// ordered streams, idempotent appends, Merkle proofs that strangers can check
// offline, and erasure that leaves every old proof valid.
//
// # What a log promises
//
//   - Durable on return. [Log.Append] returns after the store has synced the
//     whole batch, or it returns an error. A batch is all or nothing and its
//     entries keep the order of the call. Nobody reads, or is told of, an entry
//     before it is durable.
//   - One winner. Every append names the version it expects of its stream
//     ([Any], [NoStream], [Exactly]); a batch whose expectations do not all
//     hold writes nothing ([ConflictError]).
//   - Once. Every entry has an idempotency key, unique in the log for ever. The
//     same key with the same content answers with the first receipt; with other
//     content it is refused ([KeyReusedError]).
//   - Provable. Entries are leaves of one RFC 6962 Merkle tree. Checkpoints are
//     signed notes (c2sp.org/tlog-checkpoint), receipts are c2sp.org/tlog-proof
//     files, and package tiles shows the log as c2sp.org/tlog-tiles, so other
//     people's tools check them too.
//   - Not alone. Several keys may sign; adding and retiring one is an entry, so
//     who holds the first key gets to the newest ([Verifier.Follow]). Witnesses
//     cosign checkpoints ([Log.Cosign], package witness), and a verifier may ask
//     for them ([VerifierOptions]): two readers who ask for the same witnesses
//     cannot be shown two logs, unless those lie too.
//   - Silent. A leaf holds commitments, tags under a secret key and what the
//     caller makes public, nothing else: two leaves of one stream share no value,
//     and a guess at a payload cannot be tried without its salt, which is stored
//     nowhere and hangs on the key of the payload.
//   - Erasable. Payloads are encrypted under random keys, one per data subject.
//     [Log.Shred] logs the erasure, destroys the subject's key and drops the
//     ciphertexts; the tree is untouched.
//   - Fail closed. After a failed or doubtful commit the log refuses to append
//     ([ErrPoisoned]) until it is opened again; damage found on the way is an
//     error that names its place ([CorruptError]), never a wrong proof.
//
// # The leaf
//
// A leaf is a canonical binary record of at most 1 KiB, 159 bytes without public
// attributes: a domain string with the format's version, the engine's time, an
// HMAC of stream and version (position tag), an HMAC of the idempotency key (key
// tag), two salted SHA-256 commitments, of the header and of the payload, and the
// public attributes, sorted. No tag occurs twice in a log, so that nobody can
// follow a stream from outside. The engine's time grows by at least one nanosecond
// per entry and never runs back; order comes from the index.
//
// Header (stream, version, type, key, claimed time, subjects) and payload lie
// beside the leaf, sealed with AES-256-GCM under one random nonce and two keys.
// The header's commitment also covers the stream's previous leaf, so each stream
// is a hash chain; its seal covers the leaf hash, so that it opens for no other
// leaf. The salts are derived from the nonce under keys of the same secrets:
// destroying a data key destroys plaintext and salt. A payload with several
// subjects needs the keys of all of them, so it is unreadable as soon as one is
// shredded. Headers stay readable to the holder of the tenant key: a subject named
// there must be a pseudonym, and so must a stream.
//
// # Appending
//
// The caller of a large batch tags and seals it before it waits. The calls that
// wait at the same time become one group: the first of them decides for all, in
// order, which are duplicates, conflicts or entries, seals what is not sealed yet,
// on all processors, and gives the store one batch, which costs one write and one
// sync. While it is synced, the next group is decided on top of it
// and written. No goroutine runs in the background. A sync that fails spoils its
// own group and the next, and poisons the log; a store that is full or read-only
// refuses and poisons nothing.
//
// # Reading
//
// [Log.Read] takes a [Query] by range, stream, subject, type and time;
// [Log.Subscribe] goes on with what comes; [Log.Leaves] and [Log.ReadHashes] are
// what a tile is made of. Each entry is read from the store and held against the
// tree. [Log.Verify] audits everything again and names the entries at fault.
//
// # Stores and indexes
//
// A [Log] does the thinking; a [Store] keeps bytes. Two stores are here: memory
// and a directory; package pgledger has one over PostgreSQL, which several
// processes write ([Follower]). The indexes hold 128-bit identifiers under a secret
// seed and no names: with the tree about 150 bytes per entry, in memory or in a
// mapped snapshot ([Cacher], [Log.Snapshot]). They are no reason to refuse opening:
// without a snapshot that holds they are rebuilt from the frames. A log has at most
// 2³² − 2 entries. Package ledgertest holds the conformance suite of the seam.
//
// What is not promised: the tenant key and the signing keys lie in the store,
// beside the data, unless [Options] supplies them; who owns that directory can
// forge a new log, though not one that extends a checkpoint remembered outside
// ([Options.Trusted]). A snapshot of the indexes is checked against accidents, not
// against who may write it; the audit compares it with the entries. A new store that several processes write is opened by one of
// them first, or by all with the same keys in Options.
package ledger

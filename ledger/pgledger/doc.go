// Package pgledger keeps a ledger.Log in PostgreSQL 15 or newer, where several
// processes can write it.
//
//	store, err := pgledger.Open(ctx, "host=db1,db2 dbname=market user=ledger", nil)
//	…
//	log, err := ledger.Open(ctx, store, &ledger.Options{TenantKey: key, Signers: []ledger.Signer{{Signer: signer, VerifierKey: vkey}}})
//
// It is a module of its own, so that who imports the ledger does not import a
// database driver.
//
// # One log, several writers
//
// Every commit compares and swaps one row, the head, from the size and root its
// log was built on to the new ones. The row's lock puts the commits of all
// processes in one order; who comes second changes nothing and gets
// ledger.ErrFenced, upon which the ledger.Log reads the new entries and decides
// again. Positions are the sizes that were swapped: they have no gaps, as an
// identity column or a sequence would, and an entry never becomes visible before
// one that precedes it. Behind the swap stands a second line, of unique indexes
// on the key tag and the position tag in the leaf: no key and no version of a
// stream is there twice, even if a log were wrong.
//
// A group of appends, as ledger.Log collects them, is one transaction: the swap,
// the entries and the new secrets, in one round trip for a small group, by COPY
// for a large one. Throughput comes from groups, because every group waits for
// the server's sync, and for the standby's.
//
// # What is durable
//
// A commit is acknowledged when the server has synced it and, where
// synchronous_standby_names is set, when the standby has. [Open] refuses a server
// that would acknowledge earlier, and so does every commit, because settings
// change. What a process learns from another one's commit (Recover, Head) is held
// to the same: a commit whose wait for the standby was cut short is visible on the
// primary, so the store first waits for a record of its own behind it.
//
// A connection that breaks during a commit leaves its outcome open. The store
// finds it out, on whatever server is primary then, and returns
// ledger.ErrUnknownOutcome only where Options.Patience did not suffice. The
// caller's way out is the usual one: open the log again, append with the same
// idempotency keys.
//
// # Fail-over
//
// Name all hosts in the connection string, and run at least one synchronous
// standby: with an asynchronous one, a fail-over loses what it had not received.
// After a promotion the store finds the new primary by itself and passes over the
// old one if it comes back: each promotion raises the server's timeline, and the
// store does not speak to a lower one than it has seen. Before its first
// connection, and whenever one has ended, it asks all hosts of the connection
// string. Where the new primary does not answer at that moment, a process that
// starts anew cannot tell the old one: give it Options.Timeline, or hold the log to
// a checkpoint it gave out with the Trusted option of ledger.Open, or to a witness;
// and let the old primary wait for its standby, so that it acknowledges nothing. A server
// that lost entries this store has seen is a ledger.CorruptError, never a
// shorter log.
//
// # What the database sees
//
// Leaves (tags, commitments and public attributes), ciphertexts, and secrets.
// Stream names, types, keys, subjects and payloads are in none of its rows,
// errors or logs. But a log that is given no TenantKey and no Signer keeps its
// own among the secrets, where the database's administrator can read them:
// production brings both from elsewhere, and the database then holds wrapped keys
// only.
//
// Erasing sets a payload to null and deletes the subject's key; [Store.Scrub]
// makes the server drop the dead rows. Its write-ahead log, its standbys and its
// backups forget when their retention ends.
//
// # Operation
//
// The tables lie in a schema of their own, one log per schema, made and migrated
// by [Open] under an advisory lock; the user needs the right to create schemas
// only then, and afterwards select, insert, update and delete. Behind a pooler in
// transaction mode use default_query_exec_mode=exec; no session state is kept.
// A snapshot that lives for hours (a dump, say) keeps the server from pruning
// the head row's old versions and slows commits down.
//
// Not supported: opening a log on a standby, for reading.
package pgledger

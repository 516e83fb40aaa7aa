package ledger

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Limits of an append. What is above is refused with a [TooLargeError] before
// anything is written.
const (
	MaxPayload    = 1 << 20  // bytes of one payload
	MaxBatch      = 4096     // entries of one batch
	MaxBatchBytes = 64 << 20 // bytes of all payloads of one batch
	MaxName       = 512      // bytes of a stream, type, key or subject
	MaxSubjects   = 64       // subjects of one entry

	MaxPublic      = 768 // bytes of the names and values of Public together
	MaxPublicPairs = 32
)

// Append is one entry to be.
type Append struct {
	Stream string `json:"stream"` // required; pseudonymous, 1 to MaxName bytes of UTF-8
	Type   string `json:"type"`   // required; 1 to MaxName bytes of UTF-8, not TypeShredded
	Key    string `json:"key"`    // idempotency key, required, unique in the log for ever

	// Expect is the version the stream must have; where a batch names a stream
	// twice, the version after the earlier append. Default: Any.
	Expect Version `json:"expect,omitempty"`

	// Subjects are the pseudonymous data subjects under whose keys the payload
	// is encrypted: a set, at most MaxSubjects. Default: none; the payload can
	// then not be shredded.
	Subjects []string `json:"subjects,omitempty"`

	// Time is the time the caller claims, kept beside the engine's own.
	Time time.Time `json:"time,omitzero"`

	// Public are attributes in clear in the leaf, for anybody who sees the tree:
	// at most MaxPublicPairs, MaxPublic bytes of UTF-8. Default: none.
	Public map[string]string `json:"public,omitempty"`

	// Payload is private; only a salted commitment is in the leaf. At most
	// MaxPayload bytes; the caller's again after the call.
	Payload []byte `json:"payload,omitempty"`
}

// Receipt says where an entry is.
type Receipt struct {
	Index         uint64    `json:"index"`          // in the log, from 0
	StreamVersion uint64    `json:"stream_version"` // in the stream, from 1
	Leaf          Hash      `json:"leaf"`           // RFC 6962 hash of the leaf record
	Time          time.Time `json:"time"`           // engine time, UTC, grows with the index
	Duplicate     bool      `json:"duplicate,omitempty"`
}

// Append writes the entries as one batch, in the order of the call, and returns
// one receipt each. When it returns without an error, the batch is durable; an
// error means that nothing was written, except for ErrPoisoned with
// ErrUnknownOutcome or a failed sync, where the batch may be there: open the log
// again and ask [Log.ByKey].
//
// If all keys are known, with the same stream, type, subjects and payload, the
// first receipts come back with Duplicate set, and nothing is written; Expect
// and Time are not compared, so a retry may bring a new clock reading. Once an
// entry's payload is erased, its stream, type and subjects alone are compared.
// An empty batch does nothing.
//
// A batch costs one sync of the store, about 15 µs per entry beside it, and one
// small synced write per data subject that is new to the log. The context is
// heeded until the commit begins.
//
// Errors: [ConflictError], [KeyReusedError], [InvalidError], [TooLargeError],
// [ErrShredded], [ErrPoisoned] (at once, and for every later append),
// [ErrClosed], the context's, and a [CorruptError] where a known key's entry
// cannot be read.
func (l *Log) Append(ctx context.Context, entries ...Append) ([]Receipt, error) {
	if err := checkBatch(entries); err != nil || len(entries) == 0 {
		return nil, err
	}
	if err := l.lock(ctx); err != nil {
		return nil, err
	}
	defer l.unlock()
	return l.append(ctx, entries)
}

// append runs under the writer's token, so nobody else changes the state.
func (l *Log) append(ctx context.Context, entries []Append) ([]Receipt, error) {
	if again, err := l.duplicates(ctx, entries); again != nil || err != nil {
		return again, err
	}
	heads, err := l.expectations(entries)
	if err != nil {
		return nil, err
	}
	keys, err := l.provideKeys(ctx, entries)
	if err != nil {
		return nil, err
	}
	batch, fresh, err := l.prepare(ctx, entries, heads, keys)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.store.Commit(ctx, batch); err != nil {
		return nil, l.poison(err)
	}
	return l.publish(fresh)
}

// duplicates returns the first receipts if the batch was appended before, and
// nothing if it is new.
func (l *Log) duplicates(ctx context.Context, entries []Append) ([]Receipt, error) {
	known := make([]Receipt, 0, len(entries))
	seen := make(map[string]int, len(entries))
	for i, e := range entries {
		if first, twice := seen[e.Key]; twice {
			return nil, &KeyReusedError{Entry: i, InBatch: true, First: uint64(first), What: "batch"}
		}
		seen[e.Key] = i
		if index, ok := l.state.byKey[e.Key]; ok {
			known = append(known, l.state.receipt(index, true))
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	for i, e := range entries {
		index, ok := l.state.byKey[e.Key]
		if !ok {
			continue
		}
		what, err := l.differs(ctx, e, index)
		if err != nil {
			return nil, err
		}
		if what == "" && len(known) < len(entries) {
			what = "batch"
		}
		if what != "" {
			return nil, &KeyReusedError{Entry: i, First: index, What: what}
		}
	}
	return known, nil
}

// differs names the first part of an append that is not that of an entry.
func (l *Log) differs(ctx context.Context, a Append, index uint64) (string, error) {
	e, err := l.entry(ctx, index)
	switch {
	case err != nil:
		return "", err
	case e.Stream != a.Stream:
		return "stream", nil
	case e.Type != a.Type:
		return "type", nil
	case !slices.Equal(e.Subjects, subjectSet(a.Subjects)):
		return "subjects", nil
	case !maps.Equal(e.Public, a.Public):
		return "public", nil
	case !e.Erased && !bytes.Equal(e.Payload, a.Payload):
		return "payload", nil
	}
	return "", nil
}

// streamHead is where a stream stands in the middle of a batch.
type streamHead struct {
	version uint64
	leaf    Hash
}

// expectations checks the batch against the streams and returns their heads.
func (l *Log) expectations(entries []Append) (map[string]streamHead, error) {
	heads := make(map[string]streamHead, len(entries))
	ahead := make(map[string]uint64, len(entries))
	for i, e := range entries {
		if _, ok := heads[e.Stream]; !ok {
			heads[e.Stream] = streamHead{version: l.state.version(e.Stream), leaf: l.state.lastLeaf(e.Stream)}
		}
		have := heads[e.Stream].version + ahead[e.Stream]
		if !e.Expect.holds(have) {
			return nil, &ConflictError{Entry: i, Want: e.Expect, Have: have}
		}
		ahead[e.Stream]++
	}
	return heads, nil
}

// provideKeys makes data keys for the subjects that have none yet. They become
// durable with the batch.
func (l *Log) provideKeys(ctx context.Context, entries []Append) (fresh map[string]*subjectKey, err error) {
	fresh = map[string]*subjectKey{}
	for _, e := range entries {
		if e.Type == TypeShredded {
			continue
		}
		for _, subject := range e.Subjects {
			if _, gone := l.state.shredded[subject]; gone {
				return nil, ErrShredded
			}
			if fresh[subject] != nil {
				continue
			}
			if len(l.state.subjects[subject]) == 0 {
				fresh[subject] = l.tenant.newSubjectKey(subject)
			}
		}
	}
	return fresh, nil
}

// prepare turns the appends into frames and the head after them.
func (l *Log) prepare(ctx context.Context, entries []Append, heads map[string]streamHead, keys map[string]*subjectKey) (Batch, []opened, error) {
	first := l.state.size()
	nodes := l.state.nodes
	now := time.Now().UnixNano()
	batch := Batch{First: first, Frames: make([]Frame, 0, len(entries))}
	fresh := make([]opened, 0, len(entries))
	last := l.state.lastTime()
	for i, e := range entries {
		last = max(now, last+1)
		head := heads[e.Stream]
		o := opened{index: first + uint64(i), leaf: leaf{time: last, public: maps.Clone(e.Public)}, header: header{
			stream: e.Stream, version: head.version + 1,
			kind: e.Type, key: e.Key, claimed: e.Time.UTC(), subjects: subjectSet(e.Subjects),
		}}
		seals, _, err := l.sealerWith(ctx, o.header, keys)
		if err != nil {
			return Batch{}, nil, err
		}
		f := l.tenant.seal(&o, head.leaf, seals, e.Payload)
		if nodes, err = grow(nodes, o.index, o.hash); err != nil {
			return Batch{}, nil, err
		}
		heads[e.Stream] = streamHead{version: o.version, leaf: o.hash}
		batch.Frames = append(batch.Frames, f)
		fresh = append(fresh, o)
	}
	size := first + uint64(len(entries))
	root, err := rootAt(nodes, size)
	batch.Head = Head{Size: size, Root: root}
	for _, k := range keys {
		batch.Secrets = append(batch.Secrets, k.wrapped)
	}
	return batch, fresh, err
}

// seal encrypts header and payload and fills in the leaf.
func (t *tenant) seal(o *opened, previous Hash, payloads *sealer, payload []byte) Frame {
	f := Frame{Index: o.index}
	o.nonce = randomBytes(nonceSize)
	o.plain = o.header.append(nil)
	f.Payload, o.leaf.payload = payloads.payload(nil, o.nonce, payload)
	salt := t.headers.saltOf(o.nonce)
	o.leaf.header = headerCommitment(&salt, previous, o.plain)
	o.leaf.position = t.positionTag(o.stream, o.version)
	o.leaf.key = t.keyTag(o.key)
	f.Leaf = o.leaf.encode()
	o.hash = tlog.RecordHash(f.Leaf)
	f.Header = t.headers.header(nil, o.nonce, o.plain, &o.hash)
	return f
}

// publish lets readers see a committed batch.
func (l *Log) publish(fresh []opened) ([]Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	receipts := make([]Receipt, len(fresh))
	for i, o := range fresh {
		if what := l.state.add(&l.tenant, o); what != "" {
			l.fail = ErrPoisoned
			return nil, corruptEntry(o.index, what)
		}
		receipts[i] = l.state.receipt(o.index, false)
	}
	return receipts, nil
}

// checkBatch holds the limits that need no state.
func checkBatch(entries []Append) error {
	if n := len(entries); n > MaxBatch {
		return &TooLargeError{Entry: -1, Field: "batch entries", Size: n, Limit: MaxBatch}
	}
	total := 0
	for i, e := range entries {
		if err := checkAppend(i, e); err != nil {
			return err
		}
		if e.Type == TypeShredded || e.Stream == StreamShredded {
			return &InvalidError{Entry: i, Field: "Type or Stream", Why: "reserved for Shred"}
		}
		total += len(e.Payload)
	}
	if total > MaxBatchBytes {
		return &TooLargeError{Entry: -1, Field: "batch bytes", Size: total, Limit: MaxBatchBytes}
	}
	return nil
}

func checkAppend(i int, e Append) error {
	for _, f := range []struct{ name, value string }{{"Stream", e.Stream}, {"Type", e.Type}, {"Key", e.Key}} {
		if err := checkName(i, f.name, f.value); err != nil {
			return err
		}
	}
	if n := len(e.Subjects); n > MaxSubjects {
		return &TooLargeError{Entry: i, Field: "Subjects", Size: n, Limit: MaxSubjects}
	}
	for _, s := range e.Subjects {
		if err := checkName(i, "Subjects", s); err != nil {
			return err
		}
	}
	if n := publicSize(e.Public); n > MaxPublic {
		return &TooLargeError{Entry: i, Field: "Public", Size: n, Limit: MaxPublic}
	}
	if n := len(e.Public); n > MaxPublicPairs {
		return &TooLargeError{Entry: i, Field: "Public pairs", Size: n, Limit: MaxPublicPairs}
	}
	if what := publicFault(e.Public); what != "" {
		return &InvalidError{Entry: i, Field: "Public", Why: what}
	}
	if n := len(e.Payload); n > MaxPayload {
		return &TooLargeError{Entry: i, Field: "Payload", Size: n, Limit: MaxPayload}
	}
	return nil
}

func checkName(i int, field, value string) error {
	switch {
	case value == "":
		return &InvalidError{Entry: i, Field: field, Why: "empty"}
	case len(value) > MaxName:
		return &TooLargeError{Entry: i, Field: field, Size: len(value), Limit: MaxName}
	case !utf8.ValidString(value):
		return &InvalidError{Entry: i, Field: field, Why: "not UTF-8"}
	}
	return nil
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"
)

// Options are the choices of [Open]. A nil *Options is the zero value.
type Options struct {
	// Name is the origin of the checkpoints and the name of the signing key: a
	// schema-less URL without spaces and pluses. Default: the name the store
	// was first opened with, for a new store the Signer's, else "csss.local/log".
	Name string

	// Signer signs checkpoints; its name is the origin. Default: an Ed25519 key
	// generated at the first opening and kept by the store.
	Signer note.Signer

	// VerifierKey is the public half of Signer (a vkey of c2sp.org/signed-note),
	// required with it. Default: made with the generated key.
	VerifierKey string

	// TenantKey is the 32-byte secret that all tags and encryption hang on. A
	// log opens only with the key it was made with. Default: generated at the
	// first opening and kept by the store.
	TenantKey []byte

	// Trusted is a checkpoint of this log remembered elsewhere. A log that does
	// not extend it is refused. Default: none.
	Trusted []byte
}

// DefaultName is the origin of a log that was given none.
const DefaultName = "csss.local/log"

// Log is an open log. It may be used by any number of goroutines: appends wait
// for each other, reads and proofs run beside them and see whole batches.
type Log struct {
	store  Store
	name   string
	tenant tenant
	signer note.Signer
	vkey   string
	check  note.Verifier

	writer chan struct{} // a token: held by the one that appends or shreds

	mu     sync.RWMutex // guards what follows; held shortly, never during a sync
	state  *state
	data   map[string][]byte // subject -> data key, as far as used
	signed signedHead
	fail   error // ErrClosed, or why the log is poisoned
	closed bool
}

// signedHead is the newest checkpoint that was handed out.
type signedHead struct {
	size uint64
	note []byte
}

// OpenMemory opens a new, empty log that lives as long as the process. Errors
// are those of [Open].
func OpenMemory(o *Options) (*Log, error) {
	return Open(context.Background(), NewMemoryStore(), o)
}

// OpenDir opens the log in a directory, which it creates (mode 0700). Appends
// are synced before they are acknowledged; a batch that was torn by a crash is
// dropped whole. Entries are read from the files each time.
//
// One Log at a time has a directory: [ErrLocked]. A directory from which
// acknowledged entries are missing, or in which a byte was changed, is refused
// with a [CorruptError]. Other errors are those of [Open] and of the file system.
func OpenDir(ctx context.Context, dir string, o *Options) (*Log, error) {
	s, err := OpenDirStore(dir, nil)
	if err != nil {
		return nil, err
	}
	return Open(ctx, s, o)
}

// Open opens the log a store keeps and takes the store over: the log closes it,
// also when Open fails. It reads and checks every entry once (leaf, header,
// positions, keys, the root of the tree; payloads are checked when they are
// read), about 10 µs each. It finishes erasures that a crash cut short.
//
// Errors: [ErrInvalid] for options, [ErrCorrupt] for damage and for a log that
// does not extend a checkpoint it gave out or Trusted, and those of the store.
func Open(ctx context.Context, store Store, o *Options) (*Log, error) {
	if o == nil {
		o = &Options{}
	}
	l := &Log{store: store, writer: make(chan struct{}, 1), state: newState(), data: map[string][]byte{}}
	if err := l.open(ctx, o); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return l, nil
}

func (l *Log) open(ctx context.Context, o *Options) error {
	head, err := l.store.Recover(ctx)
	if err != nil {
		return err
	}
	if err := l.identify(ctx, o, head.Size > 0); err != nil {
		return err
	}
	stale, err := l.rebuild(ctx, head)
	if err != nil {
		return err
	}
	if err := l.finishShreddings(ctx, stale); err != nil {
		return err
	}
	signed, _, err := l.store.Secret(ctx, secretCheckpoint)
	if err != nil {
		return err
	}
	if err := l.extends(signed, "the newest checkpoint it signed"); err != nil {
		return err
	}
	return l.extends(o.Trusted, "the trusted checkpoint")
}

// rebuild reads every frame. It returns the payloads that a shredding should
// have erased and did not.
func (l *Log) rebuild(ctx context.Context, head Head) (stale []uint64, err error) {
	whole := map[uint64]bool{} // entries with subjects whose ciphertext is there
	for f, err := range l.store.Read(ctx, 0, head.Size) {
		if err != nil {
			return nil, err
		}
		o, what := l.tenant.open(f)
		if what == "" {
			what = l.state.add(&l.tenant, o)
		}
		if what != "" {
			return nil, corruptEntry(l.state.size(), what)
		}
		if !f.Erased && len(o.subjects) > 0 {
			whole[o.index] = true
		}
	}
	root, err := rootAt(l.state.nodes, l.state.size())
	if err != nil {
		return nil, err
	}
	if l.state.size() != head.Size || root != head.Root {
		return nil, corrupt("entries do not lead to the root of the store's head")
	}
	for subject := range l.state.shredded {
		for _, i := range l.state.subjects[subject] {
			if whole[i] {
				stale = append(stale, i)
			}
		}
	}
	slices.Sort(stale)
	return slices.Compact(stale), nil
}

// finishShreddings destroys what a crash in the middle of a shredding has left.
func (l *Log) finishShreddings(ctx context.Context, stale []uint64) error {
	var names []string
	for subject := range l.state.shredded {
		names = append(names, l.tenant.subjectSecret(subject))
	}
	if len(names) > 0 {
		if err := l.store.DeleteSecrets(ctx, names...); err != nil {
			return err
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return l.store.Erase(ctx, stale)
}

// extends refuses a log that does not contain the tree of a checkpoint.
func (l *Log) extends(signed []byte, which string) error {
	if signed == nil {
		return nil
	}
	size, root, err := parseCheckpoint(signed, l.check)
	if err != nil {
		return corrupt(which + " does not verify: " + err.Error())
	}
	if size > l.state.size() {
		return corrupt(fmt.Sprintf("%d entries are left of the %d in %s", l.state.size(), size, which))
	}
	have, err := rootAt(l.state.nodes, size)
	if err != nil {
		return err
	}
	if have != root {
		return corrupt("log does not extend " + which)
	}
	if size >= l.signed.size {
		l.signed = signedHead{size: size, note: signed}
	}
	return nil
}

// lock takes the writer's token.
func (l *Log) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.refusal(); err != nil {
		l.unlock()
		return err
	}
	return nil
}

func (l *Log) unlock() { <-l.writer }

// refusal is why the log does not write any more.
func (l *Log) refusal() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fail
}

// poison makes the log refuse from now on, and returns the first refusal.
func (l *Log) poison(cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = ErrPoisoned
	return fmt.Errorf("%w: %w", ErrPoisoned, cause)
}

// snapshot is what a reader needs to go on without the lock: slices that only
// grow behind their length.
func (l *Log) snapshot() (nodes []Hash, size uint64, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, 0, ErrClosed
	}
	return l.state.nodes, l.state.size(), nil
}

// Size returns the number of acknowledged entries.
func (l *Log) Size() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.size()
}

// StreamVersion returns the version of a stream: the number of its entries.
func (l *Log) StreamVersion(stream string) uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.version(stream)
}

// Name returns the origin of the log's checkpoints.
func (l *Log) Name() string { return l.name }

// VerifierKey returns the public key of the log in the vkey format of
// c2sp.org/signed-note. Give it to those who check receipts, by another way
// than the receipts.
func (l *Log) VerifierKey() string { return l.vkey }

// Close waits for a running append and closes the store. Later calls return
// [ErrClosed], Close itself nil.
func (l *Log) Close() error {
	l.writer <- struct{}{}
	defer l.unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed, l.fail = true, ErrClosed
	return l.store.Close()
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// Options are the choices of [Open]. A nil *Options is the zero value.
type Options struct {
	// Name is the origin of the checkpoints and the name of the signing key: a
	// schema-less URL without spaces and pluses. Default: the name the store
	// was first opened with, for a new store the Signers', else "csss.local/log".
	Name string

	// Signers sign checkpoints, all of them; they bear the name of the log. Later
	// openings give the same ones, and those that [Log.Rotate] was given since;
	// retired ones are passed over. Default: an Ed25519 key generated at the first
	// opening, and those that Rotate generated, kept by the store.
	Signers []Signer

	// Lost are public keys that sign and whose Signer is lost: the log opens
	// without their signatures, so that [Log.Retire] can end them. One that never
	// signed is refused. Default: none, a log without the signer of one of its keys
	// does not open.
	Lost []string

	// TenantKey is the 32-byte secret that all tags and encryption hang on. A
	// log opens only with the key it was made with: another one is [ErrInvalid]. Default: generated at the
	// first opening and kept by the store.
	TenantKey []byte

	// Trusted is a checkpoint of this log remembered elsewhere. A log that does
	// not extend it is refused. Default: none.
	Trusted []byte
}

// DefaultName is the origin of a log that was given none.
const DefaultName = "csss.local/log"

// Log is an open log. It may be used by any number of goroutines: appends that
// wait at the same time go together, reads and proofs run beside them and see
// whole batches.
type Log struct {
	store  Store
	pipe   Pipeliner // the store, if it is one and no Follower
	follow Follower  // the store, if it is one
	cache  Cacher    // the store, if it is one
	name   string
	tenant tenant
	lost   []string // Options.Lost

	// The token: who has it decides and begins a group, and owns what follows.
	writer   chan struct{}
	tree     merkle.Tree // with what is in flight
	next     uint64      // index of the next entry
	lastTime int64       // engine time of the entry before
	tail     *group      // the last group that was begun
	crowd    int         // calls of the last group

	inFlight chan struct{} // a place for each of two groups between begin and end

	qmu     sync.Mutex
	forming queue

	mu       sync.RWMutex // guards what follows; held shortly, never during a sync
	state    *state
	overlay  *work         // the group in flight
	watch    chan struct{} // closed at the next growth; nil if nobody waits
	ring     *keyring      // the keys, as far as they were read
	offered  []Signer      // by the host
	signed   signedHead    // newest checkpoint that was handed out
	cosigned signedHead    // newest checkpoint that was cosigned
	fail     error         // ErrClosed, or why the log is poisoned
	closed   bool
	unshred  int    // shreddings whose destruction is not finished
	snapped  uint64 // size of the newest snapshot
	releases []func() error

	subjects subjectKeys
	later    later           // of a store that shows an older view
	life     context.Context // ends with Close
	end      context.CancelFunc
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
// One Log at a time has a directory: [ErrLocked]; [DirOptions] has one that reads
// beside it. A directory from which acknowledged entries are missing, or in which
// a byte was changed, is refused with a [CorruptError], and so is a strange file
// among the segments; but for the bytes of what was erased, and of what can be
// rebuilt. Other errors are those of [Open] and of the file system.
//
// Copy a directory while no Log has it for writing, or as a snapshot of the file
// system, which is of one moment: the files of a plain copy are of several, and it
// may be refused. A copy that is older than a shredding still has what was erased.
//
// Where there is no directory yet and the options are not those of a new log, none
// is made.
func OpenDir(ctx context.Context, dir string, o *Options) (*Log, error) {
	if err := tryNew(ctx, dir, o); err != nil {
		return nil, err
	}
	s, err := OpenDirStore(dir, nil)
	if err != nil {
		return nil, err
	}
	return Open(ctx, s, o)
}

// tryNew opens a log in memory before a directory is made for one.
func tryNew(ctx context.Context, dir string, o *Options) error {
	if _, err := os.Stat(dir); !isNotExist(err) {
		return nil
	}
	l, err := Open(ctx, NewMemoryStore(), o)
	if err != nil {
		return err
	}
	return l.Close()
}

// Open opens the log a store keeps and takes the store over: the log closes it,
// also when Open fails. What a snapshot of the indexes does not cover it reads
// and checks once (leaf, header, positions, keys, the root of the tree; payloads
// are checked when they are read), below 1 µs each on two processors. A snapshot
// that is damaged, or does not lead to the store's head, is dropped. It finishes
// erasures that a crash cut short.
//
// Errors: [ErrInvalid] for options and a nil store, [ErrCorrupt] for damage and for a log that
// does not extend a checkpoint it gave out or Trusted, and those of the store.
func Open(ctx context.Context, store Store, o *Options) (*Log, error) {
	if store == nil {
		return nil, &InvalidError{Entry: -1, Field: "store", Why: "nil"}
	}
	if o == nil {
		o = &Options{}
	}
	l := &Log{store: store, writer: make(chan struct{}, 1), inFlight: make(chan struct{}, 2), state: &state{}}
	l.life, l.end = context.WithCancel(context.Background())
	if l.follow, _ = store.(Follower); l.follow == nil {
		l.pipe, _ = store.(Pipeliner)
	}
	l.cache, _ = store.(Cacher)
	if err := l.open(ctx, o); err != nil {
		l.end()
		return nil, errors.Join(err, l.release(), store.Close())
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
	if err := l.fits(ctx, o, head.Size); err != nil {
		return err
	}
	if err := l.load(ctx, head); err != nil {
		return err
	}
	if err := l.loadKeys(ctx, o); err != nil {
		return err
	}
	if err := l.remember(ctx, o.Trusted); err != nil {
		return err
	}
	return l.noteTenant(ctx)
}

// quiet takes the token and waits until nothing is in flight, so that the caller
// is the only one who writes to the store. It does not ask whether the log is
// poisoned or closed.
func (l *Log) quiet(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if g := l.tail; g != nil {
		<-g.done
	}
	return nil
}

// lock is quiet, but refuses where the log refuses to write.
func (l *Log) lock(ctx context.Context) error {
	if err := l.quiet(ctx); err != nil {
		return err
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
	if l.fail == nil {
		l.fail = ErrPoisoned
	}
	return fmt.Errorf("%w: %w", ErrPoisoned, cause)
}

// withView calls f with the tree over the durable entries. The view may lie in a
// mapping that ends with Close, so nobody keeps it.
func (l *Log) withView(f func(merkle.View) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	return f(l.state.view)
}

// Size returns the number of acknowledged entries. On a store that several logs
// write, it is the number this log knows of.
func (l *Log) Size() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.size()
}

// StreamVersion returns the version of a stream: the number of its entries, as
// far as this log knows. It is 0 once the log is closed.
func (l *Log) StreamVersion(stream string) uint64 {
	name := l.tenant.id(idStream, clip(stream))
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed { // the index may lie in a mapping that is gone
		return 0
	}
	return l.state.version(name)
}

// clip shortens a name that no entry can have to another one.
func clip(name string) string { return name[:min(len(name), MaxName+1)] }

// Name returns the origin of the log's checkpoints.
func (l *Log) Name() string { return l.name }

// ReadHashes returns hashes of the tree by their storage index, as
// [tlog.StoredHashIndex] counts them, which makes a Log a [tlog.HashReader] over
// the acknowledged entries. Errors: [ErrRange], [ErrClosed].
func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []Hash
	err := l.withView(func(v merkle.View) (err error) {
		if hashes, err = v.ReadHashes(indexes); err != nil {
			return fmt.Errorf("%w: stored hash of the tree of %d", ErrRange, v.Size())
		}
		return nil
	})
	return hashes, err
}

// Close waits for running appends, writes a snapshot of the indexes where the
// store keeps some and many entries are new, and closes the store. Loops over
// [Log.Subscribe] end. Later calls return [ErrClosed], Close itself nil.
func (l *Log) Close() error {
	l.end()
	_ = l.quiet(context.Background())
	defer l.unlock()
	l.mu.Lock()
	was := l.closed
	l.closed, l.fail = true, ErrClosed
	l.grown()
	l.mu.Unlock()
	if was {
		return nil
	}
	l.snapshotIfDue()
	return errors.Join(l.release(), l.store.Close())
}

// release lets go of mappings.
func (l *Log) release() error {
	var errs []error
	for _, release := range l.releases {
		errs = append(errs, release())
	}
	l.releases = nil
	return errors.Join(errs...)
}

package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// Secrets lie in two kinds of places. Those of a batch are records of its group;
// many that are put together are a group of their own. A few that are put alone
// are files, written beside the old one and renamed:
//
//	secrets/<name>  CRC-32C(4) ‖ first index(8) ‖ offset(8) ‖ value
//
// where index and offset name a segment and where its acknowledged groups ended
// when the file was written: of two secrets with one name, the file is the newer
// one unless the record lies at or behind that place. The CRC covers the name.
//
// The table in memory knows where the record of each name is, not its value.
const (
	secretFileHead = 4 + 8 + 8
	temporary      = ".tmp"
	fewSecrets     = 16 // that are put as files
)

// secretID is a short digest of a name.
type secretID [16]byte

func secretIDOf(name []byte) (id secretID) {
	sum := sha256.Sum256(name)
	copy(id[:], sum[:])
	return id
}

// secretPlace is where the record of a secret is.
type secretPlace struct {
	id      secretID
	segment uint32 // position among the segments
	offset  uint32
}

func (p secretPlace) at() uint64 { return uint64(p.segment)<<32 | uint64(p.offset) }

func placeOf(id secretID, at uint64) secretPlace {
	return secretPlace{id: id, segment: uint32(at >> 32), offset: uint32(at)}
}

// secretTable says where the secrets are.
type secretTable struct {
	files   map[string]bool
	records map[secretID]uint64   // the newest place
	older   map[secretID][]uint64 // other places that may hold something
}

// add takes a record in; records come in the order of the log.
func (t *secretTable) add(p secretPlace) {
	if t.records == nil {
		t.records, t.older = map[secretID]uint64{}, map[secretID][]uint64{}
	}
	if old, ok := t.records[p.id]; ok {
		t.older[p.id] = append(t.older[p.id], old)
	}
	t.records[p.id] = p.at()
}

// places returns all places of a name, the newest first.
func (t *secretTable) places(id secretID) []uint64 {
	at, ok := t.records[id]
	if !ok {
		return nil
	}
	return append([]uint64{at}, t.older[id]...)
}

func (t *secretTable) drop(id secretID) {
	delete(t.records, id)
	delete(t.older, id)
}

// checkSecret holds the limits of [Secret].
func checkSecret(name string, value []byte) error {
	if len(value) > maxSecret {
		return &TooLargeError{Entry: -1, Field: "secret", Size: len(value), Limit: maxSecret}
	}
	return checkSecretName(name)
}

// Secret implements [Store].
func (d *dirStore) Secret(ctx context.Context, name string) ([]byte, bool, error) {
	if err := errors.Join(ctx.Err(), checkSecretName(name)); err != nil {
		return nil, false, err
	}
	d.files.RLock()
	defer d.files.RUnlock()
	if d.state.Load() != dirOpen {
		return nil, false, ErrClosed
	}
	d.mu.RLock()
	file := d.secrets.files[name]
	at, recorded := d.secrets.records[secretIDOf([]byte(name))]
	segments := d.segments
	d.mu.RUnlock()
	if file {
		f, err := d.readSecretFile(name)
		if err != nil || !recorded || f.newer(segments, at) {
			return f.value, err == nil, err
		}
	}
	if !recorded {
		return nil, false, nil
	}
	r, err := readSecret(segments, at)
	if err == nil && string(r.name) != name {
		err = secretDamage(segments, at, "another secret")
	}
	if err != nil || r.gone() {
		return nil, false, err
	}
	if !r.intact() {
		return nil, false, secretDamage(segments, at, "secret")
	}
	return r.content, true, nil
}

// readSecret reads the record at a place, content unchecked.
func readSecret(segments []*segment, at uint64) (record, error) {
	r, p, err := segments[at>>32].find(int64(uint32(at)), 512)
	if err == nil && (p != parsedWhole || r.kind != recordSecret) {
		err = secretDamage(segments, at, "record of a secret")
	}
	return r, err
}

func secretDamage(segments []*segment, at uint64, what string) error {
	return &CorruptError{Index: -1, Segment: segments[at>>32].name, Offset: int64(uint32(at)), What: what}
}

// secretFile is a file of the folder of secrets.
type secretFile struct {
	first  uint64
	offset int64
	value  []byte
}

func (f *secretFile) newer(segments []*segment, at uint64) bool {
	first, offset := segments[at>>32].first, int64(uint32(at))
	return first < f.first || first == f.first && offset < f.offset
}

func (d *dirStore) readSecretFile(name string) (f secretFile, err error) {
	file, err := d.fs.Open(filepath.Join(d.folder(secretsName), name), os.O_RDONLY)
	if err != nil {
		return f, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return f, err
	}
	b := make([]byte, min(size, secretFileHead+maxSecret+1))
	n, err := file.ReadAt(b, 0)
	if err := eofIsFine(err); err != nil {
		return f, err
	}
	f, ok := decodeSecret(name, b[:n])
	if !ok {
		return f, &CorruptError{Index: -1, Segment: name, What: "checksum of a secret does not hold"}
	}
	return f, nil
}

// appendTo writes the file of a secret.
func (f *secretFile) appendTo(b []byte, name string) []byte {
	b = append(b, 0, 0, 0, 0)
	b = appendU64(appendU64(b, f.first), uint64(f.offset))
	b = append(b, f.value...)
	binary.BigEndian.PutUint32(b, crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, b[4:]))
	return b
}

// decodeSecret accepts exactly what appendTo writes.
func decodeSecret(name string, b []byte) (f secretFile, ok bool) {
	r := reader{b: b}
	sum := r.u32()
	if r.bad || sum != crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, r.b) {
		return f, false
	}
	f.first, f.offset = r.u64(), int64(r.u64())
	f.value = bytes.Clone(r.b)
	return f, !r.bad && len(f.value) <= maxSecret
}

// PutSecrets implements [Store]. What it replaces is destroyed.
func (d *dirStore) PutSecrets(ctx context.Context, secrets map[string][]byte) error {
	d.writer.Lock()
	defer d.writer.Unlock()
	if err := errors.Join(ctx.Err(), d.refusal()); err != nil {
		return err
	}
	for name, v := range secrets {
		if err := checkSecret(name, v); err != nil {
			return err
		}
	}
	names := slices.Sorted(maps.Keys(secrets))
	d.mu.RLock()
	idle := d.last.group == d.tail.group
	var old []uint64
	for _, name := range names {
		old = append(old, d.secrets.places(secretIDOf([]byte(name)))...)
	}
	d.mu.RUnlock()
	if len(names) > fewSecrets && idle {
		if err := d.putGroups(secrets, names); err != nil {
			return err
		}
		return errors.Join(d.removeFiles(names), d.destroySecrets(old))
	}
	if err := d.putFiles(secrets, names); err != nil {
		return err
	}
	return d.destroySecrets(old)
}

// putGroups writes secrets as groups without entries, 8 MiB or so each.
func (d *dirStore) putGroups(secrets map[string][]byte, names []string) error {
	for len(names) > 0 {
		b := Batch{First: d.tail.head.Size, Head: d.tail.head}
		for n := 0; len(names) > 0 && n < 8<<20; names = names[1:] {
			b.Secrets = append(b.Secrets, Secret{Name: names[0], Value: secrets[names[0]]})
			n += len(secrets[names[0]])
		}
		g, err := d.put(&b)
		if err != nil {
			return err
		}
		if err := d.finish(g); err != nil {
			return err
		}
	}
	return nil
}

func (d *dirStore) putFiles(secrets map[string][]byte, names []string) error {
	d.mu.RLock()
	var f secretFile
	if n := len(d.segments); n > 0 {
		f.first, f.offset = d.segments[n-1].first, d.segments[n-1].end
	}
	d.mu.RUnlock()
	folder := d.folder(secretsName)
	for _, name := range names {
		f.value = secrets[name]
		if err := d.replaceFile(filepath.Join(folder, name), f.appendTo(nil, name)); err != nil {
			return err
		}
	}
	if err := d.fs.SyncDir(folder); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range names {
		d.secrets.files[name] = true
	}
	return nil
}

// replaceFile writes a file as a whole: temporary file, sync, rename. The caller
// syncs the folder.
func (d *dirStore) replaceFile(path string, b []byte) error {
	f, err := d.fs.Open(path+temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return roomLess(err)
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return roomLess(err)
	}
	return d.fs.Rename(path+temporary, path)
}

// roomLess marks an error that says that there is no room.
func roomLess(err error) error {
	if vfs.Full(err) {
		return errors.Join(ErrFull, err)
	}
	return err
}

// removeFiles destroys the files of secrets; names without one are fine.
func (d *dirStore) removeFiles(names []string) error {
	folder := d.folder(secretsName)
	gone := names[:0:0]
	for _, name := range names {
		d.mu.RLock()
		have := d.secrets.files[name]
		d.mu.RUnlock()
		if have {
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	for _, name := range gone {
		if err := d.fs.Rename(filepath.Join(folder, name), filepath.Join(folder, name+temporary)); err != nil && !isNotExist(err) {
			return err
		}
	}
	d.mu.Lock()
	for _, name := range gone {
		delete(d.secrets.files, name)
	}
	d.mu.Unlock()
	// A half-wiped file must not be taken for a damaged one.
	if err := d.fs.SyncDir(folder); err != nil {
		return err
	}
	return d.wipeTemporary()
}

// wipeTemporary overwrites with zeros and removes what was renamed for that, and
// what a crash left of files that were being written or wiped. A copy-on-write
// file system or a flash drive may keep the old blocks all the same; the key in
// them is wrapped by the tenant key.
func (d *dirStore) wipeTemporary() error {
	folder := d.folder(secretsName)
	names, err := d.fs.ReadDir(folder)
	if err != nil {
		return err
	}
	wiped := false
	for _, name := range names {
		if strings.HasSuffix(name, temporary) {
			wiped = true
			if err := d.wipe(filepath.Join(folder, name)); err != nil {
				return err
			}
		}
	}
	if !wiped {
		return nil
	}
	return d.fs.SyncDir(folder)
}

func (d *dirStore) wipe(path string) error {
	f, err := d.fs.Open(path, os.O_RDWR)
	if err != nil {
		return err
	}
	n, err := f.Size()
	if err == nil {
		err = fillZeros(f, 0, n)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return d.fs.Remove(path)
}

// listSecrets fills in which secrets are files.
func (d *dirStore) listSecrets() error {
	d.secrets = secretTable{files: map[string]bool{}}
	names, err := d.fs.ReadDir(d.folder(secretsName))
	if d.readOnly && isNotExist(err) {
		return nil
	}
	for _, name := range names {
		if !strings.HasSuffix(name, temporary) {
			d.secrets.files[name] = true
		}
	}
	return err
}

// randomU64 is the salt of a segment.
func randomU64() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

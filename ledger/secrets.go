package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// secretDir keeps secrets in files of mode 0600, each behind a CRC-32C: a secret
// that is put alone in a file of its own name, secrets that are put together in
// one pack, so that a batch with many new subjects costs one sync.
type secretDir struct {
	path  string
	sync  *syncer
	known map[string]bool // names of all secrets; nil until first needed
}

// packPrefix begins the names of packs; no secret's name can hold it.
const packPrefix = "pack_"

// syncer makes files and folders durable. Tests of crashes replace it.
type syncer struct {
	file   func(*os.File) error
	folder func(path string) error
}

const temporary = ".tmp"

// all reads every secret. A pack's secrets are found under their own names.
func (d secretDir) all() (map[string][]byte, error) {
	out, single := map[string][]byte{}, map[string][]byte{}
	err := d.each(func(file string, body []byte) error {
		if !strings.HasPrefix(file, packPrefix) {
			single[file] = body
			return nil
		}
		packed, ok := unpack(body)
		if !ok {
			return &CorruptError{Index: -1, Segment: file, What: "pack of secrets has a bad layout"}
		}
		maps.Copy(out, packed)
		return nil
	})
	maps.Copy(out, single) // a file of its own is newer than a pack
	return out, err
}

// remember fills known. A name that is known is never packed again, so that no
// two packs disagree.
func (d *secretDir) remember() error {
	if d.known != nil {
		return nil
	}
	secrets, err := d.all()
	if err != nil {
		return err
	}
	d.known = map[string]bool{}
	for name := range secrets {
		d.known[name] = true
	}
	return nil
}

// each calls f with every file and its body, checked.
func (d secretDir) each(f func(file string, body []byte) error) error {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, file := range files {
		name := file.Name()
		if strings.HasSuffix(name, temporary) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(d.path, name))
		if err != nil {
			return err
		}
		r := reader{b: b}
		if r.u32() != secretSum(name, r.b) || r.bad {
			return &CorruptError{Index: -1, Segment: name, What: "checksum of a secret does not hold"}
		}
		if err := f(name, r.b); err != nil {
			return err
		}
	}
	return nil
}

func (d *secretDir) put(secrets map[string][]byte) error {
	if err := d.remember(); err != nil {
		return err
	}
	together := len(secrets) > 1
	for name := range secrets {
		if err := checkSecretName(name); err != nil {
			return err
		}
		together = together && !d.known[name]
	}
	if together {
		if err := d.write(packPrefix+hex.EncodeToString(randomBytes(8)), pack(secrets)); err != nil {
			return err
		}
	} else {
		for name, v := range secrets {
			if err := d.write(name, v); err != nil {
				return err
			}
		}
	}
	for name := range secrets {
		d.known[name] = true
	}
	return d.sync.folder(d.path)
}

func (d secretDir) write(file string, body []byte) error {
	return d.sync.writeFile(filepath.Join(d.path, file), append(appendU32(nil, secretSum(file, body)), body...))
}

// remove destroys secrets: their own files are wiped, packs are written anew
// without them and the old ones wiped.
func (d *secretDir) remove(names []string) error {
	for _, name := range names {
		if err := checkSecretName(name); err != nil {
			return err
		}
		if err := d.sync.wipe(filepath.Join(d.path, name)); err != nil {
			return err
		}
	}
	for _, name := range names {
		delete(d.known, name)
	}
	err := d.each(func(file string, body []byte) error {
		if !strings.HasPrefix(file, packPrefix) {
			return nil
		}
		return d.repack(file, body, names)
	})
	return errors.Join(err, d.clean(), d.sync.folder(d.path))
}

// repack writes a pack without some of its secrets, if it holds any of them.
func (d secretDir) repack(file string, body []byte, without []string) error {
	packed, _ := unpack(body)
	had := len(packed)
	for _, name := range without {
		delete(packed, name)
	}
	if len(packed) == had {
		return nil
	}
	if len(packed) > 0 {
		if err := d.write(packPrefix+hex.EncodeToString(randomBytes(8)), pack(packed)); err != nil {
			return err
		}
		if err := d.sync.folder(d.path); err != nil {
			return err
		}
	}
	return d.sync.wipe(filepath.Join(d.path, file))
}

// pack lays secrets out one after the other, by name.
func pack(secrets map[string][]byte) []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		b = append(append(b, byte(len(name))), name...)
		b = append(appendU32(b, uint32(len(secrets[name]))), secrets[name]...)
	}
	return b
}

func unpack(body []byte) (map[string][]byte, bool) {
	out := map[string][]byte{}
	r := reader{b: body}
	for len(r.b) > 0 && !r.bad {
		name := string(r.take(int(r.u8())))
		out[name] = r.take(int(r.u32()))
	}
	return out, !r.bad
}

// secretSum binds a secret to its name.
func secretSum(name string, v []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, v)
}

// writeFile replaces a file as a whole: temporary file, sync, rename. The caller
// syncs the folder.
func (s *syncer) writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, s.file(f), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(path+temporary, path)
}

// wipe takes a file out of sight, overwrites it with zeros and removes it. A
// crash on the way leaves the file as it was or a temporary one, which clean
// finishes; half-wiped secrets are never taken for damaged ones. A copy-on-write
// file system or a flash drive may keep the old blocks all the same; the key in
// them is wrapped by the tenant key.
func (s *syncer) wipe(path string) error {
	err := os.Rename(path, path+temporary)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.folder(filepath.Dir(path)); err != nil {
		return err
	}
	return s.zero(path + temporary)
}

func (s *syncer) zero(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	if err = errors.Join(err, s.file(f), f.Close()); err != nil {
		return err
	}
	return os.Remove(path)
}

// clean removes what a crash or a failed call left of files that were being
// written or wiped.
func (d secretDir) clean() error {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), temporary) {
			continue
		}
		if err := d.sync.zero(filepath.Join(d.path, file.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (d *dirStore) Secret(_ context.Context, name string) ([]byte, bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, false, ErrClosed
	}
	all, err := d.secrets.all()
	v, ok := all[name]
	return v, ok, err
}

func (d *dirStore) PutSecrets(_ context.Context, secrets map[string][]byte) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return ErrClosed
	}
	return d.secrets.put(secrets)
}

func (d *dirStore) DeleteSecrets(_ context.Context, names ...string) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return ErrClosed
	}
	return d.secrets.remove(names)
}

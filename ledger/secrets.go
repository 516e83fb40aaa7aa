package ledger

import (
	"context"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secretDir keeps each secret in a file of its own, mode 0600, behind a CRC-32C.
type secretDir struct {
	path string
	sync *syncer
}

// syncer makes files and folders durable. Tests of crashes replace it.
type syncer struct {
	file   func(*os.File) error
	folder func(path string) error
}

const temporary = ".tmp"

func (d secretDir) all() (map[string][]byte, error) {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]byte, len(files))
	for _, f := range files {
		if strings.HasSuffix(f.Name(), temporary) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(d.path, f.Name()))
		if err != nil {
			return nil, err
		}
		r := reader{b: b}
		if r.u32() != secretSum(f.Name(), r.b) || r.bad {
			return nil, &CorruptError{Index: -1, Segment: f.Name(), What: "checksum of a secret does not hold"}
		}
		out[f.Name()] = r.b
	}
	return out, nil
}

func (d secretDir) put(secrets map[string][]byte) error {
	for name, v := range secrets {
		if err := checkSecretName(name); err != nil {
			return err
		}
		if err := d.sync.writeFile(filepath.Join(d.path, name), append(appendU32(nil, secretSum(name, v)), v...)); err != nil {
			return err
		}
	}
	return d.sync.folder(d.path)
}

func (d secretDir) remove(names []string) error {
	for _, name := range names {
		if err := checkSecretName(name); err != nil {
			return err
		}
		if err := d.sync.wipe(filepath.Join(d.path, name)); err != nil {
			return err
		}
	}
	return d.sync.folder(d.path)
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

// wipe overwrites a file with zeros before it removes it. A copy-on-write file
// system or a flash drive may keep the old blocks all the same; the key in them
// is wrapped by the tenant key.
func (s *syncer) wipe(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
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

func (d *dirStore) Secrets(context.Context) (map[string][]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, ErrClosed
	}
	return d.secrets.all()
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

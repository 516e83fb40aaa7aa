package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// Content that must go is overwritten with zeros where it lies. The first byte
// of its check comes first, alone, and is synced: from then on it counts as
// gone, whatever a crash leaves of the rest. Then come all its bytes, and a
// second sync. Before the first byte the head is made durable, since in a batch
// that may be torn, missing content must mean that the batch is (segment.go).
//
// A copy-on-write file system or a flash drive may keep the old blocks all the
// same; what they hold is sealed under a key that is destroyed too.

// content is the check and the payload or value of a record.
type content struct {
	seg *segment
	at  int64 // of the check
	n   int64 // with the check
}

// Erase implements [Store]. It costs a read of each entry, two small writes
// where there is something left, and two syncs of each segment concerned.
// Readers wait meanwhile.
func (d *dirStore) Erase(ctx context.Context, indexes []uint64) error {
	d.writer.Lock()
	defer d.writer.Unlock()
	if err := errors.Join(ctx.Err(), d.refusal()); err != nil {
		return err
	}
	var doomed []content
	buf := new([]byte)
	for _, index := range indexes {
		c, err := d.chunk(ctx, index, index+1, buf)
		if err != nil {
			return err
		}
		offset := int64(c.offsets[0])
		var r record
		if r.parse(c.b, c.seg.salt, offset) != parsedWhole || r.kind != recordEntry {
			return c.seg.damage(index, offset, "frame")
		}
		if !r.destroyed() {
			doomed = append(doomed, r.contentAt(c.seg, offset))
		}
	}
	return d.destroy(doomed)
}

// contentAt is the content of a record that lies at an offset.
func (r *record) contentAt(s *segment, offset int64) content {
	n := int64(4 + len(r.content))
	return content{seg: s, at: offset + int64(r.size) - n, n: n}
}

// DeleteSecrets implements [Store]. Names of secrets that are not there cost
// nothing. Errors also of a store that does not write.
func (d *dirStore) DeleteSecrets(ctx context.Context, names ...string) error {
	d.writer.Lock()
	defer d.writer.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	var (
		ids   []secretID
		at    []uint64
		files bool
	)
	d.mu.RLock()
	for _, name := range names {
		id := secretIDOf([]byte(name))
		if places := d.secrets.places(id); len(places) > 0 {
			at, ids = append(at, places...), append(ids, id)
		}
		files = files || d.secrets.files[name]
	}
	d.mu.RUnlock()
	if err := d.refusal(); err != nil && (files || len(at) > 0 || !errors.Is(err, ErrReadOnly)) {
		return err
	}
	for _, name := range names {
		if err := checkSecretName(name); err != nil {
			return err
		}
	}
	if err := errors.Join(d.destroySecrets(at), d.removeFiles(names)); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		d.secrets.drop(id)
	}
	return nil
}

// destroySecrets destroys the values at these places.
func (d *dirStore) destroySecrets(at []uint64) error {
	if len(at) == 0 {
		return nil
	}
	d.mu.RLock()
	segments := d.segments
	d.mu.RUnlock()
	var doomed []content
	for _, at := range at {
		r, err := readSecret(segments, at)
		if err != nil {
			return err
		}
		if !r.destroyed() {
			doomed = append(doomed, r.contentAt(segments[at>>32], int64(uint32(at))))
		}
	}
	return d.destroy(doomed)
}

// destroy overwrites contents.
func (d *dirStore) destroy(doomed []content) error {
	if len(doomed) == 0 {
		return nil
	}
	if err := d.overtaken(); err != nil {
		return err
	}
	d.files.Lock()
	defer d.files.Unlock()
	d.mu.RLock()
	newest := d.last.group
	d.mu.RUnlock()
	err := d.head.keep(newest)
	if err == nil {
		err = d.overwrite(doomed)
	}
	if err != nil {
		d.broken.Store(true) // what is durable of it is known only after reading it again
	}
	return err
}

// overwrite does both passes, through handles of its own: a sync that fails is
// then told to the writer's too.
func (d *dirStore) overwrite(doomed []content) (err error) {
	folder := d.folder(segmentsName)
	bySegment := map[*segment][]content{}
	for _, c := range doomed {
		bySegment[c.seg] = append(bySegment[c.seg], c)
	}
	for s, contents := range bySegment {
		f, err := d.fs.Open(filepath.Join(folder, s.name), os.O_RDWR)
		if err != nil {
			return err
		}
		for pass := range 2 {
			for _, c := range contents {
				to := c.at + c.n
				if pass == 0 {
					to = c.at + 1
				}
				err = errors.Join(err, fillZeros(f, c.at, to))
			}
			if err == nil {
				err = f.Sync()
			}
			if err != nil {
				return errors.Join(err, f.Close())
			}
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

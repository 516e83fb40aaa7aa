package hnsw

import (
	"errors"
	"fmt"
)

// OpenOptions say how [Open] works. Nil means all defaults.
type OpenOptions struct {
	Verify bool // verify all of the file at once, as [Load] does, however large it is

	// Log keeps the calls that change the index in a file beside the snapshot,
	// path + ".log". Each is on the disk before it is done, and Open does them
	// again; Save to path begins the log anew. One index at a time may log.
	Log bool
}

// smallImage is how large the big sections may be to be verified in any case.
const smallImage = 64 << 20

// Open opens a file that [Index.Save] wrote and reads from it no more than it
// needs: rows, codes and the links of level 0 stay in the file, which is mapped
// into memory, and come from it when a search looks at them. So an index may be
// larger than memory, and in mode [Int8] its rows, of which a search reads few,
// rest on the disk. Changes never reach the file, [Index.Save] alone does; a
// page that is changed takes memory from then on. Where files cannot be mapped
// Open reads the file, as Load does. [Index.Close] gives the memory back.
//
// The file may be replaced, as Save does, but not written to or cut off while
// it is open.
//
// What walks depend on to stay within the index is verified at once, and all
// else where the three take no more than 64 MiB. Of a larger file the rest is
// verified by the first change, or by [Index.Verify]; searches before may find
// wrong neighbours in a damaged file, and no more. The map from keys to slots
// is made when it is first needed: by a change, Get, or a small filter.
//
// Open costs about 30 bytes of memory per row, and the time to fill them. Errors
// are those of Load.
func Open[K Key](path string, o *OpenOptions) (*Index[K], error) {
	var opt OpenOptions
	if o != nil {
		opt = *o
	}
	image, release, err := mapImage(path)
	if err != nil {
		return nil, err
	}
	x, err := openImage[K](image, opt.Verify)
	if err != nil {
		_ = release() // the error is told
		return nil, err
	}
	x.release = release
	if !opt.Log {
		return x, nil
	}
	h, err := readHeader(image)
	if err != nil {
		_ = x.Close() // the error is told
		return nil, err
	}
	x.path = path
	if x.log, err = openLog(path+".log", identity(image, h.sumsCRC), x.replay); err != nil {
		x.log = nil
		_ = x.Close() // the error is told
		return nil, fmt.Errorf("hnsw: open: %w", err)
	}
	return x, nil
}

func openImage[K Key](image []byte, verify bool) (*Index[K], error) {
	h, err := readHeader(image)
	if err != nil {
		return nil, err
	}
	verify = verify || h.sums-h.at[level0Section] <= smallImage
	x, err := parse[K](image, verify)
	if err != nil || verify {
		return x, err
	}
	x.unverified = &parser{header: h, image: image}
	return x, nil
}

// Verify verifies what [Open] has left: the checksums of rows, codes and the
// links of level 0, and all that [Index.Check] does. It costs reading the file
// and a few distances' time per row, once; then, and for an index that was not
// opened, nothing. Writers wait meanwhile, searches do not.
//
// Errors: [*SnapshotError], or another that wraps [ErrCorrupt]; [ErrClosed].
func (x *Index[K]) Verify() error {
	x.writer.Lock()
	defer x.writer.Unlock()
	return x.usable()
}

// usable returns nil if the index may be changed: it is open and verified.
func (x *Index[K]) usable() error {
	if x.closed.Load() {
		return fmt.Errorf("hnsw: %w", ErrClosed)
	}
	if x.unverified == nil {
		return nil
	}
	if err := x.unverified.sum(big); err != nil {
		return err
	}
	if err := x.check(); err != nil {
		return err
	}
	x.unverified = nil
	return nil
}

// Close gives back what [Open] has mapped, once the searches under way have
// ended. Later calls return [ErrClosed], or where they return no error, what
// an empty index does. An index that was not opened can be closed, too. Closing
// twice is no error.
//
// Errors: those of the system.
func (x *Index[K]) Close() error {
	x.writer.Lock()
	defer x.writer.Unlock()
	if x.closed.Swap(true) {
		return nil
	}
	nothing := newGraph(x.g.dim, x.g.Options).frame
	nothing.version = x.g.version + 1
	x.unverified = nil
	x.now.Store(&view[K]{frame: nothing, keys: &x.keys, linking: &x.linking})
	x.readers.wait()
	var err error
	if x.log != nil {
		err = x.log.f.Close()
	}
	if x.release != nil {
		err = errors.Join(err, x.release())
	}
	if err != nil {
		return fmt.Errorf("hnsw: close: %w", err)
	}
	return nil
}

package ledger_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// batchOf is a batch of n entries of 480 bytes on the disk, with random bytes.
func batchOf(first uint64, n int) ledger.Batch {
	b := ledger.Batch{First: first, Head: ledger.Head{Size: first + uint64(n)}}
	random := rand.New(rand.NewPCG(first, 1))
	for i := range n {
		bytes := make([]byte, 159+89+219)
		for at := 0; at < len(bytes); at += 8 {
			v := random.Uint64()
			for k := at; k < min(at+8, len(bytes)); k++ {
				bytes[k] = byte(v >> (8 * (k - at)))
			}
		}
		b.Frames = append(b.Frames, ledger.Frame{Index: first + uint64(i), Leaf: bytes[:159], Header: bytes[159:248], Payload: bytes[248:]})
	}
	return b
}

// at moves a batch to another place of the log.
func at(b ledger.Batch, first uint64) ledger.Batch {
	b.First, b.Head.Size = first, first+uint64(len(b.Frames))
	for i := range b.Frames {
		b.Frames[i].Index = first + uint64(i)
	}
	return b
}

func openStore(t testing.TB, disk vfs.FS, dir string, o *ledger.DirOptions) ledger.Store {
	t.Helper()
	var s ledger.Store
	var err error
	if disk == nil {
		s, err = ledger.OpenDirStore(dir, o)
	} else {
		s, err = ledger.OpenDirOn(disk, dir, o)
	}
	require.NoError(t, err)
	_, err = s.Recover(t.Context())
	require.NoError(t, err)
	return s
}

// rawFile is the control: a file of zeros, preallocated and synced, that is
// written from its beginning to its end over and over.
type rawFile struct {
	vfs.File
	at, size int64
}

func newRawFile(t testing.TB, dir string, size int64) *rawFile {
	t.Helper()
	f, err := vfs.OS{}.Open(filepath.Join(dir, "raw"), os.O_RDWR|os.O_CREATE)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.WriteAt(make([]byte, size), 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	return &rawFile{File: f, size: size}
}

func (r *rawFile) append(t testing.TB, b []byte) {
	if r.at+int64(len(b)) > r.size {
		r.at = 0
	}
	_, err := r.WriteAt(b, r.at)
	r.at += int64(len(b))
	if err == nil {
		err = r.Sync()
	}
	require.NoError(t, err)
}

// BenchmarkDirSingle commits single entries, and writes and syncs as many bytes
// of a preallocated file by hand, in turns: ratio is the time of the raw write
// over that of the commit, of the sums and of the medians.
func BenchmarkDirSingle(b *testing.B) {
	dir := b.TempDir()
	s := openStore(b, nil, filepath.Join(dir, "log"), nil)
	defer s.Close()
	raw := newRawFile(b, dir, 4<<20)
	single := batchOf(0, 1)
	bytes := make([]byte, 480+72)
	var ours, theirs []time.Duration
	size := uint64(0)
	for b.Loop() {
		start := time.Now()
		raw.append(b, bytes)
		middle := time.Now()
		if err := s.Commit(b.Context(), at(single, size)); err != nil {
			b.Fatal(err)
		}
		size++
		ours, theirs = append(ours, time.Since(middle)), append(theirs, middle.Sub(start))
	}
	b.ReportMetric(float64(sum(theirs))/float64(sum(ours)), "ratio")
	slices.Sort(ours)
	slices.Sort(theirs)
	middle := len(ours) / 2
	b.ReportMetric(float64(theirs[middle])/float64(ours[middle]), "ratio-p50")
	b.ReportMetric(float64(ours[middle].Microseconds()), "µs-p50")
	b.ReportMetric(float64(theirs[middle].Microseconds()), "raw-µs-p50")
}

func sum(d []time.Duration) (total time.Duration) {
	for _, d := range d {
		total += d
	}
	return total
}

// BenchmarkDirUnsynced is what a commit costs beside its sync.
func BenchmarkDirUnsynced(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(map[int]string{1: "1", 1000: "1000"}[n], func(b *testing.B) {
			disk := vfs.FS(unsynced)
			s := openStore(b, disk, b.TempDir(), &ledger.DirOptions{SegmentBytes: 1 << 30})
			defer s.Close()
			batch := batchOf(0, n)
			size := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Commit(context.Background(), at(batch, size)); err != nil {
					b.Fatal(err)
				}
				size += uint64(n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(size), "ns/entry")
		})
	}
}

// BenchmarkDirEncode is a commit into a file that is not there: what the engine
// itself costs.
func BenchmarkDirEncode(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(map[int]string{1: "1", 1000: "1000"}[n], func(b *testing.B) {
			s := openStore(b, nowhere{}, "log", &ledger.DirOptions{SegmentBytes: 1 << 30})
			defer s.Close()
			batch := batchOf(0, n)
			size := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Commit(context.Background(), at(batch, size)); err != nil {
					b.Fatal(err)
				}
				size += uint64(n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(size), "ns/entry")
		})
	}
}

// filledDir is a closed log of n entries in batches of 1,000, without an index.
func filledDir(b *testing.B, n int) (dir string, bytes int64) {
	dir = b.TempDir()
	s := openStore(b, unsynced, dir, nil)
	batch := batchOf(0, 1000)
	for size := 0; size < n; size += 1000 {
		require.NoError(b, s.Commit(b.Context(), at(batch, uint64(size))))
	}
	require.NoError(b, s.Close())
	for _, path := range files(b, filepath.Join(dir, "segments")) {
		info, err := os.Stat(path)
		require.NoError(b, err)
		bytes += info.Size()
	}
	return dir, bytes
}

// BenchmarkDirRecover opens a log of 200,000 entries, from its offsets and
// without them.
func BenchmarkDirRecover(b *testing.B) {
	dir, bytes := filledDir(b, 200_000)
	for _, indexed := range []bool{false, true} {
		b.Run(map[bool]string{false: "scan", true: "index"}[indexed], func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				b.StopTimer()
				s, err := ledger.OpenDirStore(dir, &ledger.DirOptions{ReadOnly: true})
				require.NoError(b, err)
				if !indexed {
					require.NoError(b, os.RemoveAll(filepath.Join(dir, "cache")))
				}
				b.StartTimer()
				_, err = s.Recover(b.Context())
				b.StopTimer()
				require.NoError(b, err)
				require.NoError(b, s.Close())
				b.StartTimer()
			}
			if !indexed {
				s := openStore(b, nil, dir, nil)
				require.NoError(b, s.Close())
			}
		})
	}
}

func BenchmarkDirRead(b *testing.B) {
	dir, bytes := filledDir(b, 50_000)
	s := openStore(b, nil, dir, &ledger.DirOptions{ReadOnly: true})
	defer s.Close()
	b.Run("range", func(b *testing.B) {
		b.SetBytes(bytes)
		b.ReportAllocs()
		for b.Loop() {
			for _, err := range s.Read(b.Context(), 0, 50_000) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		i := uint64(0)
		for b.Loop() {
			i = (i + 7919) % 50_000
			for _, err := range s.Read(b.Context(), i, i+1) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// nowhere is a file system whose files have the bytes of nothing but the lock
// and the head.
type nowhere struct{ vfs.FS }

type nothing struct {
	vfs.File
	kept *[4096]byte
	size *int64
}

func (nowhere) MkdirAll(string) error            { return nil }
func (nowhere) ReadDir(string) ([]string, error) { return nil, nil }
func (nowhere) SyncDir(string) error             { return nil }
func (nowhere) Rename(string, string) error      { return nil }
func (nowhere) Map(string) ([]byte, func() error, error) {
	return nil, nil, os.ErrNotExist
}

func (nowhere) Open(string, int) (vfs.File, error) {
	return nothing{kept: new([4096]byte), size: new(int64)}, nil
}

func (n nowhere) Lock(path string) (vfs.File, error) { return n.Open(path, 0) }

func (n nothing) ReadAt(b []byte, offset int64) (int, error) {
	return copy(b, n.kept[min(offset, 4096):]), nil
}

func (n nothing) WriteAt(b []byte, offset int64) (int, error) {
	copy(n.kept[min(offset, 4096):], b)
	*n.size = max(*n.size, offset+int64(len(b)))
	return len(b), nil
}

func (n nothing) Size() (int64, error) { return *n.size, nil }
func (nothing) Truncate(int64) error   { return nil }
func (nothing) Sync() error            { return nil }
func (nothing) Close() error           { return nil }

// BenchmarkDirBatch commits batches of 1,000 entries, two under way, in turns with
// raw writes and syncs of as many bytes.
func BenchmarkDirBatch(b *testing.B) {
	dir := b.TempDir()
	s := openStore(b, nil, filepath.Join(dir, "log"), nil)
	defer s.Close()
	batch := batchOf(0, 1000)
	bytes := make([]byte, 1000*480+72)
	raw := newRawFile(b, dir, 64<<20)
	var ours, theirs time.Duration
	size := uint64(0)
	const turn = 32
	wait := func() error { return nil }
	b.SetBytes(turn * int64(len(bytes)))
	for b.Loop() {
		start := time.Now()
		for range turn {
			raw.append(b, bytes)
		}
		middle := time.Now()
		for range turn {
			next := begin(b, s, at(batch, size))
			if err := wait(); err != nil {
				b.Fatal(err)
			}
			wait = next
			size += 1000
		}
		if err := wait(); err != nil {
			b.Fatal(err)
		}
		wait = func() error { return nil }
		ours += time.Since(middle)
		theirs += middle.Sub(start)
	}
	b.ReportMetric(float64(theirs)/float64(ours), "ratio")
	b.ReportMetric(float64(size)/ours.Seconds(), "entries/s")
}

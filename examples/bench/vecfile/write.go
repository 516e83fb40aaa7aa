package vecfile

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
)

// WriteFloats writes vectors in format FBin.
//
// Errors: those of w.
func WriteFloats(w io.Writer, t Table[float32]) error {
	return write(w, t.Rows(), t.Dim, t.Values)
}

// WriteTruth writes neighbours in format IBin, with their distances if there
// are any.
//
// Errors: those of w.
func WriteTruth(w io.Writer, t Truth) error {
	if err := write(w, t.IDs.Rows(), t.IDs.Dim, t.IDs.Values); err != nil {
		return err
	}
	return values(w, t.Distances.Values)
}

// Replace writes a file beside path and moves it there once it is whole, so
// that nobody finds half of one. The folder is made if it is not there.
//
// Errors: those of the file system and of content.
func Replace(path string, content func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close() // closed already, or of no use
			_ = os.Remove(file.Name())
		}
	}()
	if err := content(file); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func write[T float32 | int32](w io.Writer, rows, dim int, v []T) error {
	if err := binary.Write(w, binary.LittleEndian, [2]uint32{uint32(rows), uint32(dim)}); err != nil {
		return err
	}
	return values(w, v)
}

func values[T float32 | int32](w io.Writer, v []T) error {
	out := bufio.NewWriterSize(w, chunk)
	var word [4]byte
	for _, x := range v {
		switch x := any(x).(type) {
		case float32:
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(x))
		case int32:
			binary.LittleEndian.PutUint32(word[:], uint32(x))
		}
		if _, err := out.Write(word[:]); err != nil {
			return err
		}
	}
	return out.Flush()
}

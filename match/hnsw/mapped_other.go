//go:build !unix

package hnsw

// mapImage reads a file, where none is mapped.
func mapImage(path string) (image []byte, release func() error, err error) {
	image, err = readImage(path)
	return image, func() error { return nil }, err
}

package hnsw

// An arena holds rows of one width in chunks that never move, so that growing
// neither copies nor doubles memory and a row stays where it is.
type arena[T any] struct {
	stride int // values per row
	chunks [][]T
}

const (
	chunkShift = 8 // 256 rows per chunk
	chunkRows  = 1 << chunkShift
)

// row returns row i, which must be below rows().
func (a *arena[T]) row(i uint32) []T {
	o := int(i&(chunkRows-1)) * a.stride
	return a.chunks[i>>chunkShift][o : o+a.stride : o+a.stride]
}

// reserve makes rows 0 to n-1 exist; new ones hold zeros.
func (a *arena[T]) reserve(n int) {
	for len(a.chunks)<<chunkShift < n {
		a.chunks = append(a.chunks, make([]T, chunkRows*a.stride))
	}
}

// values is how many T the arena holds room for.
func (a *arena[T]) values() int { return len(a.chunks) * chunkRows * a.stride }

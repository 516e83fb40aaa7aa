// Package coderhnsw puts github.com/coder/hnsw behind the seam
// match.VectorIndex, and reads the graphs that it saved.
//
// It is for those who have coder/hnsw in use and want to compare, or to leave. A
// new program has no reason to take it: match.NewGraph finds more, without a
// module of its own.
//
// # What the peer does, and what this makes of it
//
// Measured with v0.6.2-0.20250730165321-c271e58cdc9a, the head of its main
// branch; the tests of this package hold the suite's verdict on the peer as it
// is, beside the verdict on [Index].
//
//	the peer                                      Index
//	an update of a key that exists breaks the     gives each vector a key of its own; the
//	graph                                         graph never sees an update or a delete
//	deleted rows stay linked: they are found,     drops them from results, and builds the
//	or searches panic on them                     graph anew when they outnumber the others
//	panics reach the caller                       *[PanicError]; the graph is built anew from
//	                                              the rows, which the index holds itself
//	no locks                                      one lock
//	results in no order, fewer than k             sorted; what is missing is found by a scan
//	the result set is bounded by k, not by ef,    asks for ef results and keeps the best k
//	so that recall does not rise with ef
//	no filter                                     asks for more and drops; where that would be
//	                                              an eighth of the rows, scans those allowed
//	vectors of any kind are taken                 refused as the seam wants it
//
// What remains is the recall of the peer's graph, which no adapter mends: the
// tests state it with figures. Its graph also depends on the order in which Go
// walks maps, so that two indexes of equal rows may answer differently.
//
// # Graphs that were saved
//
// [Import] makes an index of package match/hnsw of what Graph.Export or
// SavedGraph.Save wrote, version 1 of the format:
//
//	version, M          varints
//	Ml                  float64
//	EfSearch            varint
//	distance            its name: "cosine" or "euclidean"
//	layers              how many, a varint; then each, the base first:
//	  nodes             how many, a varint; then each:
//	    key             int: a varint; string; else its bytes
//	    vector          how many, a varint; then float32 each
//	    edges           how many, a varint; then a key each
//
// Varints are those of encoding/binary with a sign, strings come after their
// length, and all else lies as it is, lowest byte first. There is no checksum. So
// Import takes nothing that coder/hnsw would not write: each node of a layer is on
// the one below with the same vector, no key comes twice on a layer, and the file
// ends with the last. Edges lead to nodes of their layer; those that a delete or an
// update left behind do not, and are accepted on request. The peer itself reads
// them, and panics when a search follows one.
package coderhnsw

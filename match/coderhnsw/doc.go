// Package coderhnsw puts github.com/coder/hnsw behind the seam
// match.VectorIndex.
//
// It is for those who have coder/hnsw in use and want to compare. A new program
// has no reason to take it: match.NewGraph finds more, without a module of its
// own.
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
package coderhnsw

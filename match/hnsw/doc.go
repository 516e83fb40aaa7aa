// Package hnsw is an approximate nearest-neighbour index over float32
// vectors: a Hierarchical Navigable Small World graph (Malkov and Yashunin,
// arXiv 1603.09320) beside an exact scan, in pure Go.
//
//	x, err := hnsw.New[uint32](384, nil) // cosine
//	err = x.AddBatch(keys, vecs, nil)    // row-major, copied
//	hits, err := x.Search(q, 10, &hnsw.SearchOptions[uint32]{Filter: f}, nil)
//
// # What it promises
//
// Exactly min(k, matches) results. A search returns fewer than k results only
// when fewer rows match its filter. Results are sorted by (distance, slot),
// where the slot is the row's place in memory, and their distances are exact
// float32 distances, but in mode [Compact].
//
// True deletes. A deleted key is in no result from the return of
// [Index.Delete] on; its row is overwritten with zeros, its links are cut and
// the lists that named it are mended at once. A slot is used again only when
// nothing links to it and no search can remember it. Replacing a key's vector is one step: a search sees the
// old vector or the new one, never both and never neither.
//
// Every row is reachable. Rows of the graph hang together by a spanning tree
// whose edges pruning may not drop, so no row can be orphaned by its
// neighbours' choices, however often rows come and go. [Index.Check] verifies
// this and every other invariant.
//
// The same calls, the same graph. The level of a row is a hash of (seed, key),
// ties are broken by slot, no map is ranged over and no clock is read, and all
// kernels give the same bits: one seed and one sequence of calls give one graph
// and one set of answers, on every processor and for any number of workers.
//
// Bad input is an error and changes nothing; it never panics.
//
// # Which path a search takes
//
//	no row, or a filter of length 0                 -> nothing
//	rows <= ExactBelow, or some rows not yet linked -> exact scan
//	ef > 1024 and ef > rows/8                       -> exact scan
//	no filter                                       -> graph
//	a filter                                        -> the cheapest of what finds the nearest matches:
//	  scan of the matches, by codes first           where they are few, or few of them are around the query
//	  graph, keeping what matches                   where most rows around the query match
//	  graph, from match to match (ACORN-1)          where 8 to 45 % of the rows match, and by lot;
//	                                                for a Bitmap over RowNumbers
//
// Before a walk under a filter a search looks at some 600 rows around the query.
// Whether matches lie there by lot is a test of homogeneity: their number in
// each list of neighbours varies as that of lots would. A walk that comes to
// cost more than a scan is given up for one, as is one that starves. So a filter
// costs recall nowhere, whether it goes with the query or against it, and costs
// speed where it goes against: the nearest matches then lie in a shell about the
// query that only a scan sees all of.
//
// Up to Options.ExactBelow rows nothing is linked at all, so adding is a copy.
// Beyond it each added row links itself and a few waiting rows; until none
// waits, searches keep scanning. No single call pays for the whole graph.
//
// # What a walk reads
//
// A walk costs what it moves: reading a row of 784 values from memory takes ten
// times as long as comparing it. So in mode [Int8] a walk reads codes, one byte
// for each component: the row less the mean of all rows, in multiples of the
// row's own scale. What it finds is compared exactly, as far as rounding can
// have changed the order; results and links are those of exact distances.
//
// From 2,048 rows on, the directions in which rows vary most are looked for too
// (principal components, by subspace iteration on 1,024 of them). Where a few hold
// 97 % of the variance and codes along them rank a sample as well, codes are taken
// along these: 56 bytes, say, for 384 values. A query that lies elsewhere is
// compared with the rows themselves.
//
// The mean is taken at 256 rows and whenever rows have doubled, or an eighth of
// them came to lie elsewhere; each time codes are checked on a sample, and as
// long as they do not rank it as the rows do, walks read the rows ([Stats]
// says so). Mode [Float32] holds no codes. Mode [Compact] keeps nothing else
// once there are 4,096 rows, and finds what codes can tell apart.
//
// # Concurrency
//
// An [Index] may be used from any number of goroutines. A search never waits: it
// works on the version of the index that it finds when it begins, in which each
// slot holds its row or does not. Links are single words that writers change
// under it, so a row that is being linked or cut may cost a search a little
// recall, but no result: what it cannot reach it scans for.
//
// Writers go one at a time, a whole batch each. A batch becomes visible up to 256
// rows at a time, a Delete all at once. Before a writer overwrites a row it waits
// for the searches that may still look at it, and meanwhile those that begin find
// a copy where the row is only being replaced.
//
// # How rows are linked
//
// Rows are linked in groups of up to 256, by [BatchOptions].Workers goroutines.
// Each row of a group looks for its neighbours in the graph as it was, and in the
// group; then each row that was chosen considers all its offers at once. Neither
// step changes what another worker reads. Single rows are groups of one.
//
// # Limits
//
// Dimension 1 to [MaxDim]; components finite; Euclidean norm of a row or query
// at most [MaxNorm], so that no distance overflows; 2^31-1 slots. Memory per
// row is 4·dim bytes, dim and 8 or less for its code, each rounded up to 64, about 8·M + 25
// for links, as much again for their mirror once rows were deleted, and the key
// map, which [Options].RowNumbers does without. In mode [Compact] that makes 285
// bytes for 100 values, 545 for 384 and 990 for 784.
// Vectors are held as float32, on the heap or in a mapped snapshot ([Open]), and
// slots that a shrinking index leaves behind are kept for later rows. Hundreds
// of exactly equal rows crowd a walk that passes them: give such data a larger
// Ef, or Exact.
package hnsw

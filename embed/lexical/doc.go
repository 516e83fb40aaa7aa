// Package lexical is the hashed n-gram embedder: the baseline that every claim about a learnt model stands
// beside, and a working default where none is at hand. It knows no language, learns nothing, reads no file and
// counts no corpus; texts are near each other when they share words or parts of words, and for no other reason.
//
// # How a vector is made
//
//  1. The text is brought to one form: NFKC, Unicode case folding, accents removed, format characters (zero-width
//     spaces, soft hyphens) dropped.
//  2. It is cut into words: runs of letters or of digits. A change between the two ends a word, so that
//     "IATF16949", "IATF-16949" and "IATF 16949" are the same words.
//  3. Each distinct word is a feature, and so is each run of 3 and of 4 characters of it, its boundaries included.
//     Each pair of neighbours is a feature, hashed without the gap between them.
//  4. A feature counts by fixed rules: function words (a list of English and French ones) a tenth, numbers seven
//     tenths, all other words 1; a word that occurs n times √n; its n-grams together as much as their number's
//     square root allows; pairs 0.3, and 0.5 where letters and digits are written as one ("a61", "5-axis").
//  5. Each feature is hashed (64-bit FNV-1a with a final avalanche, no seed) to one dimension and one sign, and
//     the sum is brought to length 1.
//
// All weights are integers until the last step, so a vector does not depend on the order of additions, on fused
// instructions or on the machine: the same text gives the same bits everywhere. For ASCII texts that holds for
// as long as the version in Info.ID stands; for others, as long as the Unicode tables of golang.org/x/text know
// the same characters.
//
// A text without a single letter or digit gets the unit vector of dimension 0, which no feature ever uses: it is
// like every other such text, unlike everything else, and never NaN or zero.
//
// # What to expect of it
//
// Measured with the weights above, which were chosen on the training part of NAICS and ESCO. Spearman's ρ on the
// development part of the STS Benchmark; nDCG@10 over all / hard held-out queries, ranking all documents; all times 100:
//
//	dims    STS-B dev   NAICS           ESCO
//	 128       73.1     41.0 / 14.2     39.8 /  7.1
//	 256       74.0     48.1 / 20.1     47.9 / 10.9
//	 512       74.9     52.4 / 25.4     52.9 / 13.9
//	1024       75.2     55.2 / 27.8     55.7 / 17.3
//	2048       75.2     55.9 / 27.2     57.0 / 17.2
//	4096       75.4     56.2 / 28.4     57.4 / 18.2
//
// 512 dimensions are the default: each doubling up to there buys more than four points of retrieval, the next one
// less than three, and beyond that it buys about one. Where a whole corpus may be counted, BM25 remains the
// stronger lexical ranking; this is for seams that want a vector.
//
// A vector of it is no less secret than the text it came from: words can be tested against it one by one.
package lexical

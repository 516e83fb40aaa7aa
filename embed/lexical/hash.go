package lexical

// The hash is FNV-1a with 64 bits and a final avalanche (the finaliser of MurmurHash3): FNV-1a can be continued
// byte by byte, which n-grams need, and the finaliser spreads its weak high bits. Words, n-grams and pairs are kept
// apart by a first byte: none, 1 and 2. None of this may change under one version of Info.ID.
const (
	fnvPrime = 1099511628211

	seedWord = 14695981039346656037 // the offset basis of FNV-1a
	seedGram = 12638152016183539244 // after the byte 1
	seedPair = 12638155314718423877 // after the byte 2
)

// fnv continues an FNV-1a hash over more bytes.
func fnv(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// mix spreads every bit of h over all 64.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

package hnsw

import (
	"math"
	"reflect"
)

// maxLevel bounds the height of a row. With M = 2 one row in 2^24 would be
// higher.
const maxLevel = 24

// levelOf draws a level from (seed, key): at least l with probability M^-l,
// hence the paper's 1/ln M, without a logarithm whose last bit could differ
// between processors.
func levelOf(seed, hash uint64, m int) int {
	u := mix(seed ^ mix(hash))
	level := 0
	for t := uint64(math.MaxUint64) / uint64(m); u < t && level < maxLevel; t /= uint64(m) {
		level++
	}
	return level
}

// hashKey is stable across processes and versions, unlike hash/maphash:
// FNV-1a for strings, the value itself for integers.
func hashKey[K Key](key K) uint64 {
	v := reflect.ValueOf(key)
	if v.Kind() != reflect.String {
		return v.Uint()
	}
	h := uint64(14695981039346656037)
	for _, b := range []byte(v.String()) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

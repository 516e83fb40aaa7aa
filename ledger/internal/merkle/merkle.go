// Package merkle keeps RFC 6962 Merkle trees in memory, or half of them in a
// file that is mapped, and makes and checks their proofs.
//
// # Hashes
//
// A leaf is SHA-256(0x00 ‖ record), an inner node SHA-256(0x01 ‖ left ‖ right)
// (RFC 6962 §2.1). A tree of n leaves has a complete subtree for each bit of n,
// the largest first; its root folds them from the right. The root of the empty
// tree is SHA-256 of nothing.
//
// # Layout
//
// A [Tree] stores the hashes of all complete subtrees in the order in which they
// become complete (that of golang.org/x/mod/sumdb/tlog.StoredHashIndex): after
// the leaf with index m come the nodes it completes, so that the node of level l
// whose last leaf is m lies at
//
//	2m − popcount(m) + l
//
// and n leaves take 2n − popcount(n) hashes, 64 bytes per leaf. The sequence only
// grows. Its beginning may be a read-only mapping ([Load]), the rest lies in
// chunks that never move. So a [View] of the tree is a few words and the roots of
// its right edge: it is taken per commit, stays valid whatever becomes of the
// tree, and may be read by any number of goroutines beside its writer.
//
// # Cost
//
// Appending a leaf hashes one node on average. Taking a View of n leaves hashes
// popcount(n) − 1 nodes, which is what the root takes in any case. A proof for the
// newest size hashes nothing, a proof for an older one at most popcount(size) − 2
// nodes. Checking a proof hashes each of its nodes once, twice for some nodes of
// a consistency proof, and allocates nothing.
package merkle

import (
	"crypto/sha256"
	"errors"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash, the same type as in the outside world.
type Hash = tlog.Hash

// HashSize is the length of a [Hash] in bytes.
const HashSize = 32

// ErrRange is wrapped by all errors about an index, a size or a tile that the
// tree does not have.
var ErrRange = errors.New("merkle: outside the tree")

// ErrMalformed is wrapped by all errors of [Load].
var ErrMalformed = errors.New("merkle: malformed tree")

// LeafHash returns the hash of a leaf, SHA-256(0x00 ‖ record). It allocates only
// for records of more than 1 KiB.
func LeafHash(record []byte) Hash {
	var buf [1 + 255]byte // buf[0] is the prefix; a short array is a cheap one to clear
	if len(record) < len(buf) {
		return sha256.Sum256(buf[:1+copy(buf[1:], record)])
	}
	return longLeafHash(record)
}

func longLeafHash(record []byte) Hash {
	var buf [1 + 1024]byte
	if len(record) < len(buf) {
		return sha256.Sum256(buf[:1+copy(buf[1:], record)])
	}
	return sha256.Sum256(append(buf[:1:1], record...))
}

// NodeHash returns the hash of an inner node, SHA-256(0x01 ‖ left ‖ right). It
// allocates nothing.
func NodeHash(left, right Hash) Hash {
	n := node{0: 1}
	return n.hash(&left, &right)
}

// node is what the hash of an inner node is of; its first byte is 1. Whoever
// hashes many keeps one.
type node [1 + 2*HashSize]byte

func (n *node) hash(left, right *Hash) Hash {
	*(*Hash)(n[1:]), *(*Hash)(n[1+HashSize:]) = *left, *right
	return sha256.Sum256(n[:])
}

// EmptyRoot returns the root of the tree without leaves, SHA-256 of nothing.
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// stored returns how many hashes a tree of n leaves stores.
func stored(n uint64) uint64 { return 2*n - uint64(bits.OnesCount64(n)) }

// place returns where the node with number n of a level is stored: after its
// last leaf and the smaller nodes which that leaf completes.
func place(level int, n uint64) uint64 { return stored((n+1)<<level-1) + uint64(level) }

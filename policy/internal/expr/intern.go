package expr

import (
	"encoding/binary"
	"strings"
)

// maxInterned bounds how many words a compiler keeps, and maxInternedBytes how long they are.
const (
	maxInterned      = 8192
	maxInternedBytes = 64
)

// Intern returns a text equal to s, the same one for all callers as far as the compiler remembers it. The words of ten
// thousand rules are few: shared, they take less memory and stay in the processor's cache. It costs some 20 ns and may be
// called concurrently.
func (c *Compiler) Intern(s string) string {
	if len(s) > maxInternedBytes {
		return s
	}
	c.wordsMu.RLock()
	known, ok := c.words[s]
	c.wordsMu.RUnlock()
	if ok {
		return known
	}
	c.wordsMu.Lock()
	defer c.wordsMu.Unlock()
	if known, ok := c.words[s]; ok {
		return known
	}
	if c.words == nil || len(c.words) >= maxInterned {
		c.words = map[string]string{}
	}
	s = strings.Clone(s)
	c.words[s] = s
	return s
}

// maxListBytes bounds the lists of a condition that are shared.
const maxListBytes = 256

// sharedLists returns lists equal to a condition's, the same ones for all conditions as far as the compiler remembers
// them. Nobody may change them.
func (c *Compiler) sharedLists(lists [][]string) [][]string {
	if len(lists) == 0 {
		return nil
	}
	var room [maxListBytes]byte
	key := room[:0]
	for _, list := range lists {
		key = binary.AppendUvarint(key, uint64(len(list)))
		for _, item := range list {
			key = binary.AppendUvarint(key, uint64(len(item)))
			key = append(key, item...)
		}
	}
	if len(key) > maxListBytes {
		return lists
	}
	c.wordsMu.RLock()
	known, ok := c.lists[string(key)]
	c.wordsMu.RUnlock()
	if ok {
		return known
	}
	c.wordsMu.Lock()
	defer c.wordsMu.Unlock()
	if c.lists == nil || len(c.lists) >= maxInterned {
		c.lists = map[string][][]string{}
	}
	c.lists[string(key)] = lists
	return lists
}

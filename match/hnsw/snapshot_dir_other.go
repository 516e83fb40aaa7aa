//go:build !unix

package hnsw

// syncDir does nothing where directories cannot be synced.
func syncDir(string) error { return nil }

package main

import (
	"encoding/binary"
	"errors"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/deeperpoint/csss/examples/bench/load"
)

var (
	boltEntries = []byte("entries")
	boltKeys    = []byte("keys")

	errKeyTaken = errors.New("key is taken")
)

// boltStore keeps entries under their numbers and, unless it is plain, the
// number of each key. It uses the settings that suit it best and stay durable:
// pages of entries are filled, because they are written in order, and the list
// of free pages is rebuilt at opening instead of written with each transaction.
type boltStore struct {
	db    *bolt.DB
	plain bool
	hash  hasher
}

func openBolt(dir string) (store, error)      { return openBoltStore(dir, false) }
func openBoltPlain(dir string) (store, error) { return openBoltStore(dir, true) }

func openBoltStore(dir string, plain bool) (store, error) {
	db, err := bolt.Open(filepath.Join(dir, "entries.db"), 0o600, &bolt.Options{
		NoFreelistSync: true, FreelistType: bolt.FreelistMapType, InitialMmapSize: 1 << 30,
	})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(boltEntries)
		_, err2 := tx.CreateBucket(boltKeys)
		return errors.Join(err, err2)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &boltStore{db: db, plain: plain}, nil
}

func (s *boltStore) commit(batches [][]load.Entry) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		entries, keys := tx.Bucket(boltEntries), tx.Bucket(boltKeys)
		entries.FillPercent = 1
		for _, batch := range batches {
			for _, e := range batch {
				if err := s.put(entries, keys, e); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s *boltStore) put(entries, keys *bolt.Bucket, e load.Entry) error {
	n, err := entries.NextSequence()
	if err != nil {
		return err
	}
	at := binary.BigEndian.AppendUint64(nil, n)
	value := make([]byte, 0, 32+load.NameBytes+8+len(e.Payload))
	if !s.plain {
		h := s.hash.sum(e)
		value = append(value, h[:]...)
		if keys.Get([]byte(e.Key)) != nil {
			return errKeyTaken
		}
		if err := keys.Put([]byte(e.Key), at); err != nil {
			return err
		}
	}
	for _, name := range []string{e.Stream, e.Type, e.Key} {
		value = append(append(value, byte(len(name))), name...)
	}
	return entries.Put(at, append(value, e.Payload...))
}

func (s *boltStore) close() error { return s.db.Close() }

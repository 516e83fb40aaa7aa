package hnsw

// Add adds one row, or replaces the one that its key has: [Index.AddBatch] for a
// single row.
func (x *Index[K]) Add(key K, vec []float32) error { return x.AddBatch([]K{key}, vec, nil) }

// AddBatch adds the rows of vecs, len(keys) rows of dim values one after
// another, under the given keys, replacing rows whose key is already there.
// Vectors are copied. The batch is checked before the first row is written:
// on an error nothing has changed. Searches go on meanwhile and see the rows
// appear, up to 256 at a time; each replacement is one step. A row equal to the
// one stored under its key costs a comparison.
//
// Linking a row costs a search with EfConstruction candidates and up to 2·M
// re-choices of a neighbour's list, about 0.3 ms among 60,000 rows of 784
// values; below Options.ExactBelow a row costs a copy. A row that is replaced
// costs its removal, too.
//
// Errors: [*LengthError] if vecs is not len(keys)·dim long; [*RowError] with
// [ErrNotFinite], [ErrTooLong], [ErrZeroVector], [ErrDuplicateKey] or
// [ErrRowNumber]; [*RangeError] for a field of o out of its bounds, or if the
// index would pass 2^31-1 rows; those of [Index.Verify]; those of
// the file system if the index keeps a log that cannot be written: then there
// are no more changes until it is saved.
func (x *Index[K]) AddBatch(keys []K, vecs []float32, o *BatchOptions) error {
	var opt BatchOptions
	if o != nil {
		opt = *o
	}
	if err := inRange("BatchOptions.Workers", opt.Workers, 0, maxWorkers); err != nil {
		return err
	}
	x.writer.Lock()
	defer x.writer.Unlock()
	if err := x.usable(); err != nil {
		return err
	}
	x.restart()
	norms, err := x.checkBatch(keys, vecs)
	if err != nil {
		return err
	}
	if x.log != nil && len(keys) > 0 {
		if err := x.log.append(encodeCall(addCall, keys, vecs)); err != nil {
			return err
		}
	}
	dim := x.g.dim
	for first := 0; first < len(keys); first += stepRows {
		last := min(first+stepRows, len(keys))
		x.step(keys[first:last], vecs[first*dim:last*dim], norms[first:last], opt.Workers)
		if opt.Progress != nil {
			opt.Progress(last)
		}
	}
	if x.g.Mode == Compact { // where every byte counts
		x.g.batch, x.g.offers = nil, nil
	}
	return nil
}

// stepRows is how many rows of a batch become visible at once.
const stepRows = 256

// checkBatch refuses a batch before any of it is written, and returns the
// norms of its rows.
func (x *Index[K]) checkBatch(keys []K, vecs []float32) ([]float64, error) {
	dim := x.g.dim
	if len(vecs)%dim != 0 || len(vecs)/dim != len(keys) {
		return nil, &LengthError{What: "vecs", Got: len(vecs), Want: len(keys) * dim}
	}
	if err := inRange("rows", x.g.slots+len(keys), 0, maxRows); err != nil {
		return nil, err
	}
	norms := make([]float64, len(keys))
	batch := make(map[K]struct{}, len(keys))
	highest := x.highestNumber(len(keys))
	for i, key := range keys {
		if batch[key] = struct{}{}; len(batch) != i+1 {
			return nil, &RowError{Row: i, Component: -1, Err: ErrDuplicateKey}
		}
		if x.keys.numbers && number(key) > highest {
			return nil, &RowError{Row: i, Component: -1, Err: ErrRowNumber}
		}
		norm, c, err := x.g.Metric.checkVector(vecs[i*dim : (i+1)*dim])
		if err != nil {
			return nil, &RowError{Row: i, Component: c, Err: err}
		}
		norms[i] = norm
	}
	return norms, nil
}

// highestNumber bounds row numbers, for which memory is held whether they are
// used or not.
func (x *Index[K]) highestNumber(more int) uint32 {
	return uint32(min(4*(x.g.live+more)+1<<16, maxRows-1))
}

// step writes some checked rows, and shows them.
func (x *Index[K]) step(keys []K, vecs []float32, norms []float64, workers int) {
	g := x.g
	rows := x.changed(keys, vecs, norms)
	if len(rows) == 0 {
		return
	}
	x.clearWay(keys, rows)
	x.linking.Store(g.version + 1)
	slots := make([]uint32, len(rows))
	for i, r := range rows {
		s, known := x.keys.slot(keys[r])
		switch {
		case x.keys.numbers:
			g.reserve(max(g.slots, int(s)+1))
		case !known:
			s = g.allocate()
			x.keys.set(keys[r], s)
		}
		g.Metric.store(x.row[:g.dim], vecs[r*g.dim:(r+1)*g.dim], norms[r])
		g.fill(s, x.row[:g.dim], hashKey(keys[r]))
		slots[i] = s
	}
	g.putCodes(slots, workers)
	g.catchUp(slots, g.workers(workers))
	x.publish(nil)
}

// changed returns which of some rows differ from what is stored.
func (x *Index[K]) changed(keys []K, vecs []float32, norms []float64) (rows []int) {
	g := x.g
	for i, key := range keys {
		if s, ok := x.keys.slot(key); ok && g.has(s) {
			g.Metric.store(x.row[:g.dim], vecs[i*g.dim:(i+1)*g.dim], norms[i])
			if g.holds(s, x.row[:g.dim]) {
				continue
			}
		}
		rows = append(rows, i)
	}
	return rows
}

// clearWay takes the rows out that are to be replaced. Searches still find them.
func (x *Index[K]) clearWay(keys []K, rows []int) {
	var old []uint32
	for _, r := range rows {
		if s, ok := x.keys.slot(keys[r]); ok && x.g.has(s) {
			old = append(old, s)
		}
	}
	if len(old) > 0 {
		x.retire(old, &replaced[K]{frame: x.g.copyOf(old), slots: old})
	}
}

// Delete removes the rows of the given keys, all in one step, and returns how
// many there were. Unknown keys are passed over. Once it returns, no search
// finds the rows, and nothing of their vectors or keys is left in the index. It
// waits for searches that began before it.
//
// Errors, after which nothing was removed: [ErrClosed]; those of [Index.Verify],
// for an index that was opened; those of a log that cannot be written.
//
// Removing a linked row costs about as much as linking one. Removing the entry
// point may cost a look at every slot, and so may the first removal, and in mode
// [Compact] each call, a look at every link.
func (x *Index[K]) Delete(keys ...K) (removed int, err error) {
	x.writer.Lock()
	defer x.writer.Unlock()
	if err := x.usable(); err != nil {
		return 0, err
	}
	x.restart()
	var slots []uint32
	named := make(map[uint32]struct{}, len(keys))
	for _, key := range keys {
		s, ok := x.keys.slot(key)
		if _, again := named[s]; !ok || again || !x.g.has(s) {
			continue
		}
		named[s] = struct{}{}
		slots = append(slots, s)
	}
	if len(slots) == 0 {
		return 0, nil
	}
	if x.log != nil {
		if err := x.log.append(encodeCall(deleteCall, keys, nil)); err != nil {
			return 0, err
		}
	}
	x.retire(slots, nil)
	for _, s := range slots {
		x.keys.drop(s)
		if !x.keys.numbers {
			x.g.unused = append(x.g.unused, s)
		}
	}
	x.publish(nil)
	return len(slots), nil
}

// retire hides rows, or leaves searches with copies of them, and takes them out
// of the graph and out of memory. What a search may still look at is not
// touched before it has ended.
func (x *Index[K]) retire(slots []uint32, kept *replaced[K]) {
	g := x.g
	linkedRows := 0
	for _, s := range slots {
		g.lives.at(s).death.Store(g.version + 1)
		if g.nodes.at(s).state == linked {
			linkedRows++
		}
	}
	g.live -= len(slots)
	g.ready -= linkedRows
	g.dying = true
	if kept != nil {
		kept.linked = linkedRows
	}
	x.publish(kept)
	x.readers.wait() // for those that see the rows where they are
	g.cut(slots)
	x.publish(kept)  // walks begin elsewhere
	x.readers.wait() // for those that were led there before
	for _, s := range slots {
		g.erase(s)
	}
	g.dying = false
}
